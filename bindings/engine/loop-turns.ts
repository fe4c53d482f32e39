import type { RuntimePort } from '../broker/runtime-port.ts'

/** So long a program may go on with answers that come at once. A turn of an event loop with nothing to do costs microseconds. */
const SPELL_MS = 1

/**
 * Whether all else in the process waits for its turn. What answers at once costs who awaits it microtasks alone: one such call after
 * the other would let no timer run, no socket of an attached process be read and no work of the log's own go on.
 */
export class LoopTurns {
  readonly #port: RuntimePort
  /** When the first answer of this turn came. */
  #sinceMs: number | undefined

  constructor(port: RuntimePort) {
    this.#port = port
  }

  /** Asked with each answer that comes at once. */
  get isOverdue(): boolean {
    const now = this.#port.elapsed()
    if (this.#sinceMs !== undefined) return now - this.#sinceMs > SPELL_MS
    this.#sinceMs = now
    this.#port.defer(() => {
      this.#sinceMs = undefined
    })
    return false
  }
}
