import type { FetchedBatch } from '../../broker/reader-session.ts'
import type { AcquiredRange } from '../../broker/share-session.ts'
import { ConsumedRecord, type RecordSource } from '../consumer/consumed-record.ts'

/** A record under a lock. */
export class SharedRecord extends ConsumedRecord {
  readonly deliveryCount: number
  readonly #range: AcquiredRange
  /** When the lock ends by this consumer's clock; never later than in the log. */
  #lockedUntil: number

  constructor(batch: FetchedBatch, index: number, source: RecordSource, range: AcquiredRange, lockedUntil: number) {
    super(batch, index, source)
    this.deliveryCount = range.deliveryCount
    this.#range = range
    this.#lockedUntil = lockedUntil
  }

  /**
   * The range with which it was acquired. Static, as `lockedUntil`, because the record's public type doesn't have it.
   */
  static placeOf(record: SharedRecord): AcquiredRange {
    return { ...record.#range, firstOffset: record.offset, lastOffset: record.offset }
  }

  static lockedUntil(record: SharedRecord): number {
    return record.#lockedUntil
  }

  static renew(record: SharedRecord, lockedUntil: number): void {
    record.#lockedUntil = Math.max(record.#lockedUntil, lockedUntil)
  }
}
