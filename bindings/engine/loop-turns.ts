import type { RuntimePort } from '../broker/runtime-port.ts'

/**
 * How long a program may go on with calls that are answered at once before the rest of the process gets a turn. An idle
 * turn of the event loop costs microseconds.
 */
const SPELL_MS = 1

/**
 * Whether the rest of the process is due for a turn of the event loop. A call that is answered at once costs its caller
 * microtasks only: a program that makes one such call after the other would let no timer run, no socket be read, and no
 * work of the log itself go on.
 */
export class LoopTurns {
  readonly #port: RuntimePort
  /** When this turn's first answer came. */
  #sinceMs: number | undefined

  constructor(port: RuntimePort) {
    this.#port = port
  }

  /** Asked for each answer that comes at once. */
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
