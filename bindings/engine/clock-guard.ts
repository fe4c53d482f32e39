const DAY_MS = 24 * 3_600_000

/**
 * Whether the wall clock may decide what has expired: not if, since the open, it was set forward by more than a day or
 * by half of the retention time (docs/decisions/017-retention.md).
 */
export class ClockGuard {
  readonly #isTrusted: boolean
  readonly #warn: (code: string, message: string) => void
  #aheadMs = 0
  #hasWarned = false

  constructor(isTrusted: boolean, warn: (code: string, message: string) => void) {
    this.#isTrusted = isTrusted
    this.#warn = warn
  }

  clockMoved(byMs: number): void {
    this.#aheadMs += byMs
    if (this.#aheadMs <= 0) this.#hasWarned = false
  }

  /**
   * The time by which something goes that is to stay for so long: `now`, less what the clock was put ahead, where that
   * is too much. What was dated since goes later then, and nothing too early.
   */
  trustedNow(retentionMs: number, now: number): number {
    return this.#isAhead(retentionMs) ? now - this.#aheadMs : now
  }

  #isAhead(retentionMs: number): boolean {
    return !this.#isTrusted && this.#aheadMs > Math.min(DAY_MS, retentionMs / 2)
  }

  /** Warns once for each time that this begins to return false. */
  mayExpire(retentionMs: number): boolean {
    if (!this.#isAhead(retentionMs)) return true
    if (!this.#hasWarned) {
      const ahead = `${Math.round(this.#aheadMs / 1000)} s`
      const message =
        `the wall clock was put forward by ${ahead} since the log was opened, or the machine slept: no record goes by ` +
        'its time until it is set back or the log is opened with retentionTrustsClock'
      this.#warn('RETENTION_PAUSED', message)
    }
    this.#hasWarned = true
    return false
  }
}
