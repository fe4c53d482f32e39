import type { FetchedBatch } from '../../broker/reader-session.ts'
import { ConsumedRecord, type RecordSource } from '../consumer/consumed-record.ts'

/** A record under a lock. */
export class SharedRecord extends ConsumedRecord {
  readonly deliveryCount: number
  /** By this consumer's clock; never later than in the log. */
  readonly #lockedUntil: number

  constructor(
    batch: FetchedBatch,
    index: number,
    source: RecordSource,
    lock: { readonly deliveryCount: number; readonly until: number },
  ) {
    super(batch, index, source)
    this.deliveryCount = lock.deliveryCount
    this.#lockedUntil = lock.until
  }

  /** Static, because the record's public type doesn't have it. */
  static lockedUntil(record: SharedRecord): number {
    return record.#lockedUntil
  }
}
