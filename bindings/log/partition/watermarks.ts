/**
 * The offsets that say what is written, durable and visible in one partition.
 *
 *   logStart <= highWatermark <= nextOffset
 *   durable  <= nextOffset
 *
 * A record is visible to readers of uncommitted records when it and all before it reached the level that their producers
 * asked for (`acks`), and never at or above the durable ceiling unless it is durable itself (durability rule 5). How far
 * committed reads reach is `LastStableOffset`.
 */
export class Watermarks {
  logStartOffset: number
  nextOffset: number
  /** Everything below it is on stable storage. */
  durableOffset: number
  /** Durable promise: no offset at or above it was shown unless durable; an unclean open continues here. */
  ceiling: number
  /** Base and end of each batch that waits for stable storage, in offset order. */
  readonly #waiting: { baseOffset: number; nextOffset: number }[] = []
  #firstWaiting = 0
  /** From here on batches may be in memory alone: of acks 1 and of transactions nothing else hides them. */
  #unwrittenOffset = Number.POSITIVE_INFINITY

  constructor(logStartOffset: number, nextOffset: number, ceiling: number) {
    this.logStartOffset = logStartOffset
    this.nextOffset = nextOffset
    this.durableOffset = nextOffset
    this.ceiling = ceiling
  }

  /** A batch whose producer asked for stable storage: hides itself and what follows until it is durable. */
  wait(baseOffset: number, nextOffset: number): void {
    this.#waiting.push({ baseOffset, nextOffset })
  }

  /** A batch that isn't in its segment yet hides itself and what follows, until it is written or durable. */
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

  /** Records stand at the end that no commit has made durable yet. */
  get isUndurable(): boolean {
    return this.durableOffset < this.nextOffset
  }

  get highWatermark(): number {
    return Math.min(this.#askedOffset, Math.max(this.durableOffset, Math.min(this.ceiling, this.#unwrittenOffset)))
  }

  /** Records below it reached the level that their producers asked for. */
  get #askedOffset(): number {
    return this.#waiting[this.#firstWaiting]?.baseOffset ?? this.nextOffset
  }

  /** A higher ceiling would show more: records of an open transaction, which asked for no level yet. */
  get isHiddenByCeiling(): boolean {
    return this.#askedOffset > Math.max(this.durableOffset, this.ceiling)
  }
}
