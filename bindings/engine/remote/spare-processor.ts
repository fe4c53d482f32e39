/** Share of the time that a thread may have waited for a processor: 0.005 to 0.05 where none is wanted by others. */
const WAITED_SHARE_MOST = 0.08
const LOOK_EVERY_MS = 10
/** Longer, so that a machine that has work for all of its processors is tried for a tenth of the time at most. */
const LOOK_AGAIN_AFTER_MS = 100

/**
 * Whether a thread may keep a processor busy without need. Others who want one show by the time that this thread waited
 * for its own, and so does a quota of CPU time that is used up.
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
