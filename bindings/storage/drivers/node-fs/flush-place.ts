/** A flush that takes longer is slow: the turn through the thread pool, about 0.05 ms, is then a small part of it. */
const SLOW_MS = 0.4
/** With this many more slow flushes than quick ones, counted from 0, the next ones go to the pool. */
const SLOW_MOST = 8
/** How many flushes go to the pool before the next attempt in place; twice as many after each attempt that failed. */
const POOLED_FIRST = 256
const POOLED_MOST = 65_536

/**
 * Where a small flush waits. On a disk that answers in 0.1 or 0.2 ms the turn through the thread pool is a good part of
 * a durable send; on a slower disk the event loop must not stand still for it. So flushes wait in place as long as most
 * of those that did were quick, and else in the pool (docs/decisions/005-where-a-flush-waits.md).
 */
export class FlushPlace {
  #slow = 0
  #pooledLeft = 0
  #pooledNext = POOLED_FIRST

  /** Whether the next flush would wait in place. */
  get isQuick(): boolean {
    return this.#pooledLeft === 0
  }

  /** Decides for one flush. */
  isInPlace(): boolean {
    if (this.#pooledLeft === 0) return true
    this.#pooledLeft--
    return false
  }

  /** How long a flush in place took. */
  took(durationMs: number): void {
    this.#slow = durationMs > SLOW_MS ? this.#slow + 1 : Math.max(0, this.#slow - 1)
    if (this.#slow === 0) this.#pooledNext = POOLED_FIRST
    if (this.#slow < SLOW_MOST) return
    // A later attempt ends at its second slow flush, unless quick ones come first.
    this.#slow = SLOW_MOST - 2
    this.#pooledLeft = this.#pooledNext
    this.#pooledNext = Math.min(this.#pooledNext * 2, POOLED_MOST)
  }
}
