import type { RuntimePort } from '../../broker/runtime-port.ts'

/** Records whose handling waits for nothing run one after the other for this long. */
const SPELL_MS = 1

/**
 * Gives the rest of the process a turn when it is due. A `handle` that only asks for state runs in microtasks: a whole
 * batch of such calls would let no timer run and no commit go on beside it.
 */
export class CooperativeYield {
  readonly #port: RuntimePort
  #sinceMs = 0

  constructor(port: RuntimePort) {
    this.#port = port
  }

  readonly yieldIfDue = (): Promise<void> | undefined => {
    if (this.#port.elapsed() - this.#sinceMs < SPELL_MS) return undefined
    return new Promise((resolve) => {
      this.#port.defer(() => {
        this.#sinceMs = this.#port.elapsed()
        resolve()
      })
    })
  }
}
