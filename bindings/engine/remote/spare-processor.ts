/**
 * Most of the time that a thread may have waited for a processor, as a share: 0.005 to 0.05 is usual where nobody else
 * wants one.
 */
const WAITED_SHARE_MOST = 0.08
const LOOK_EVERY_MS = 10
/**
 * Longer than a look, so that a machine that has work for all of its processors is tried for a tenth of the time at
 * most.
 */
const LOOK_AGAIN_AFTER_MS = 100

/**
 * Whether a thread may keep a processor busy without need. If others want it, or a quota of CPU time is used up, this
 * thread waits longer for its own turns.
 */
export class SpareProcessor {
  readonly #waitedMs: () => number | undefined
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #waitedUpToThenMs: number | undefined
  #isSpare = false

  /** `waitedMs`: how long the thread has waited for a processor so far; `undefined` where nobody counts it. */
  constructor(waitedMs: () => number | undefined) {
    this.#waitedMs = waitedMs
  }

  isSpare(nowMs: number): boolean {
    const passedMs = nowMs - this.#lookedAtMs
    if (passedMs < (this.#isSpare ? LOOK_EVERY_MS : LOOK_AGAIN_AFTER_MS)) return this.#isSpare
    const waitedMs = this.#waitedMs()
    const before = this.#waitedUpToThenMs
    this.#isSpare = waitedMs !== undefined && before !== undefined && waitedMs - before < passedMs * WAITED_SHARE_MOST
    this.#waitedUpToThenMs = waitedMs
    this.#lookedAtMs = nowMs
    return this.#isSpare
  }
}
