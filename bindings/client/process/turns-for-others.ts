import type { RuntimePort } from '../../broker/runtime-port.ts'

/** For this long, records whose handling awaits nothing run one after the other. */
const SPELL_MS = 1

/**
 * Gives the rest of the process its turn when that is due, while a batch is handled. (For answers that come at once,
 * `LoopTurns` of the engine says when.) A `handle` that only asks for state runs in microtasks: during a whole batch of
 * such calls no timer would run and no commit go on.
 */
export class TurnsForOthers {
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
