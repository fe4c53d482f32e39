import type { FetchedBatch } from '../../broker/reader-session.ts'
import { ConsumedRecord, type RecordSource } from '../consumer/consumed-record.ts'

/** A record under a lock. */
export class SharedRecord extends ConsumedRecord {
  readonly deliveryCount: number
  readonly #topicId: string
  /** By this consumer's clock; never later than in the log. */
  readonly #lockedUntil: number

  constructor(
    batch: FetchedBatch,
    index: number,
    source: RecordSource,
    lock: { readonly topicId: string; readonly deliveryCount: number; readonly until: number },
  ) {
    super(batch, index, source)
    this.deliveryCount = lock.deliveryCount
    this.#topicId = lock.topicId
    this.#lockedUntil = lock.until
  }

  /** Static, as `lockedUntil`, because the record's public type doesn't have it. */
  static topicIdOf(record: SharedRecord): string {
    return record.#topicId
  }

  static lockedUntil(record: SharedRecord): number {
    return record.#lockedUntil
  }
}
