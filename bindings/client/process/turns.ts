import type { RuntimePort } from '../../broker/runtime-port.ts'

/** So long records that are handled without a wait go one after the other. */
const SPELL_MS = 1

/**
 * Whether all else in the process waits for its turn: a `handle` that asks for state alone takes microtasks, and a batch of them would
 * let no timer run, and no commit go on beside it.
 */
export class Turns {
  readonly #port: RuntimePort
  #sinceMs = 0

  constructor(port: RuntimePort) {
    this.#port = port
  }

  readonly turn = (): Promise<void> | undefined => {
    if (this.#port.elapsed() - this.#sinceMs < SPELL_MS) return undefined
    return new Promise((resolve) => {
      this.#port.defer(() => {
        this.#sinceMs = this.#port.elapsed()
        resolve()
      })
    })
  }
}
