import type { FirstOpenOffsets } from '../segment/first-open-offsets.ts'
import type { Watermarks } from './watermarks.ts'

/**
 * How far read_committed reaches in a partition (kafka.md 4.8): below it every transaction is decided and every record visible.
 * While a decision is on its way it holds still, because what that ends in several partitions is to be seen at one moment.
 */
export class LastStableOffset {
  readonly #watermarks: Watermarks
  readonly #open: FirstOpenOffsets
  #heldOffset: number = Number.POSITIVE_INFINITY

  constructor(watermarks: Watermarks, open: FirstOpenOffsets) {
    this.#watermarks = watermarks
    this.#open = open
  }

  get offset(): number {
    const stable = Math.min(this.#open.lowest(this.#watermarks.highWatermark), this.#heldOffset)
    // Records of an open transaction may be deleted; what is below the start nobody waits for.
    return Math.max(stable, this.#watermarks.logStartOffset)
  }

  /** Until `release` readers see no more than now. */
  hold(): void {
    this.#heldOffset = this.offset
  }

  release(): void {
    this.#heldOffset = Number.POSITIVE_INFINITY
  }
}
