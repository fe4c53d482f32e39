/**
 * The offsets that say what is written, durable and visible in one partition.
 *
 *   logStart <= highWatermark <= nextOffset
 *   durable  <= nextOffset
 *
 * A record is visible to readers of uncommitted records when it and all before it reached the level that their
 * producers asked for (`acks`), and never at or above the durable ceiling unless it is durable itself (durability rule
 * 5). How far committed reads reach is `LastStableOffset`.
 */
export class Watermarks {
  logStartOffset: number
  nextOffset: number
  /** Everything below it is on stable storage. */
  durableOffset: number
  /**
   * The highest offset ceiling that is durable: no offset at or above it was shown unless it was durable itself, and
   * after an unclean end the log goes on here.
   */
  ceiling: number
  /** Base and end of each batch that waits for stable storage, in offset order. */
  readonly #waiting: { baseOffset: number; nextOffset: number }[] = []
  #firstWaiting = 0
  /** Batches from here on may be in memory alone. Batches of acks 1 and of transactions are hidden by nothing else. */
  #unwrittenOffset = Number.POSITIVE_INFINITY

  constructor(logStartOffset: number, nextOffset: number, ceiling: number) {
    this.logStartOffset = logStartOffset
    this.nextOffset = nextOffset
    this.durableOffset = nextOffset
    this.ceiling = ceiling
  }

  /** Adds a batch whose producer asked for stable storage: until it is durable, it hides itself and what follows. */
  wait(baseOffset: number, nextOffset: number): void {
    this.#waiting.push({ baseOffset, nextOffset })
  }

  /** Adds a batch that isn't in its segment yet: until it is written or durable, it hides itself and what follows. */
  unwritten(baseOffset: number): void {
    this.#unwrittenOffset = Math.min(this.#unwrittenOffset, baseOffset)
  }

  allWritten(): void {
    this.#unwrittenOffset = Number.POSITIVE_INFINITY
  }

  /** Everything below `offset` became durable. */
  advanceDurable(offset: number): void {
    this.durableOffset = Math.max(this.durableOffset, offset)
    while ((this.#waiting[this.#firstWaiting]?.nextOffset ?? Number.POSITIVE_INFINITY) <= this.durableOffset) {
      this.#firstWaiting++
    }
    if (this.#firstWaiting === this.#waiting.length) {
      this.#waiting.length = 0
      this.#firstWaiting = 0
    } else if (this.#firstWaiting >= 1024) {
      this.#waiting.splice(0, this.#firstWaiting)
      this.#firstWaiting = 0
    }
  }

  /** Whether there are records at the end that no commit has made durable yet. */
  get isUndurable(): boolean {
    return this.durableOffset < this.nextOffset
  }

  get highWatermark(): number {
    return Math.min(this.#askedOffset, Math.max(this.durableOffset, Math.min(this.ceiling, this.#unwrittenOffset)))
  }

  /** Every record below it has reached the level that its producer asked for by `acks`. */
  get #askedOffset(): number {
    return this.#waiting[this.#firstWaiting]?.baseOffset ?? this.nextOffset
  }

  /** Whether a higher ceiling would show more: records of an open transaction, which asked for no level yet. */
  get isHiddenByCeiling(): boolean {
    return this.#askedOffset > Math.max(this.durableOffset, this.ceiling)
  }
}
