import type { RuntimePort } from '../../broker/runtime-port.ts'

/**
 * Says when a member has to poll although it has fetched records left. The records of one fetch may be work for longer
 * than `maxPollIntervalMs`, and the group sees fetches alone: without a poll in between it would put out a program that
 * takes each record in time.
 */
export class PollReminder {
  readonly #port: Pick<RuntimePort, 'elapsed' | 'setTimer'>
  readonly #intervalMs: number
  #polledAt = 0
  /** At most one, which is set again when it comes too early: there may be thousands of polls meanwhile. */
  #cancelTimer: (() => void) | undefined
  #isDue = false
  #isStopped = false

  constructor(port: Pick<RuntimePort, 'elapsed' | 'setTimer'>, intervalMs: number) {
    this.#port = port
    this.#intervalMs = intervalMs
  }

  /** Hot path: asked before each record. */
  get isDue(): boolean {
    return this.#isDue
  }

  polled(): void {
    this.#isDue = false
    this.#polledAt = this.#port.elapsed()
    if (this.#cancelTimer === undefined && !this.#isStopped) this.#remindIn(this.#intervalMs)
  }

  /** Since the last poll the program may have let no timer ring. */
  iterationBegan(): void {
    if (this.#cancelTimer !== undefined && this.#leftMs <= 0) this.#isDue = true
  }

  get #leftMs(): number {
    return this.#polledAt + this.#intervalMs - this.#port.elapsed()
  }

  /** For good: a close wakes the poll under way, and nothing rings after it. */
  stop(): void {
    this.#isStopped = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#isDue = false
  }

  #remindIn(delayMs: number): void {
    this.#cancelTimer = this.#port.setTimer(delayMs, () => {
      this.#cancelTimer = undefined
      const leftMs = this.#leftMs
      if (leftMs > 0) this.#remindIn(leftMs)
      else this.#isDue = true
    })
  }
}
