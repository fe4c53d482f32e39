/**
 * A process that has asked is owed an answer, and that to a durable send comes within this time. A process that sleeps
 * takes 0.03 to 0.08 ms to wake on an otherwise idle machine, which doesn't matter beside a longer wait.
 */
export const POLL_FOR_ANSWER_MS = 1
/** A holder that has answered can only guess that the process asks again. */
export const POLL_FOR_REQUEST_MS = 0.5

export interface BusyPollPort {
  /** Monotonic, in milliseconds. */
  now(): number
  /** Calls back in the next turn of the event loop, which doesn't sleep before it. */
  nextTurn(callback: () => void): void
  /** Whether polling takes a processor from nobody. */
  isProcessorSpare(nowMs: number): boolean
}

/**
 * Keeps the event loop from sleeping for a moment after a message was sent, if after the last message an answer came
 * within such a moment: adaptive spinning, as in mutexes (docs/decisions/035-attached-processes-poll.md). A process
 * that is answered slowly, or calls seldom, sleeps at once, so a pattern that has ended costs one moment of CPU. The
 * program's own callbacks and timers run between the turns.
 */
export class BusyPoll {
  readonly #port: BusyPollPort
  readonly #longestMs: number
  #sentAt = 0
  /** Nothing has come since the last message was sent. */
  #isAwaiting = false
  #wasQuick = false
  #isPolling = false
  /** Made once: it goes to the event loop at every turn. */
  readonly #poll = (): void => {
    if (this.#isAwaiting && this.#port.now() - this.#sentAt < this.#longestMs) this.#port.nextTurn(this.#poll)
    else this.#isPolling = false
  }

  constructor(port: BusyPollPort, longestMs: number) {
    this.#port = port
    this.#longestMs = longestMs
  }

  sent(): void {
    this.#sentAt = this.#port.now()
    this.#isAwaiting = true
    if (!this.#wasQuick || this.#isPolling || !this.#port.isProcessorSpare(this.#sentAt)) return
    this.#isPolling = true
    this.#port.nextTurn(this.#poll)
  }

  received(): void {
    if (!this.#isAwaiting) return
    this.#isAwaiting = false
    this.#wasQuick = this.#port.now() - this.#sentAt < this.#longestMs
  }
}
