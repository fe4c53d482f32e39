import type { FirstOpenOffsets } from '../segment/first-open-offsets.ts'
import type { Watermarks } from './watermarks.ts'

/**
 * How far read_committed reaches in a partition (kafka.md 4.8): below it every transaction is decided and every record
 * visible. It holds still while a decision is being made durable, so that readers see the end of a transaction in
 * several partitions at one moment.
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
    // deleteRecords may go past records of an open transaction. Readers don't wait for what lies below the start.
    return Math.max(stable, this.#watermarks.logStartOffset)
  }

  get isHeld(): boolean {
    return this.#heldOffset !== Number.POSITIVE_INFINITY
  }

  /** Readers see no further than now, until `release`. */
  hold(): void {
    this.#heldOffset = this.offset
  }

  release(): void {
    this.#heldOffset = Number.POSITIVE_INFINITY
  }
}
