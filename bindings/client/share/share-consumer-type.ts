import '../../model/disposable.ts'
import type { RecordOf } from '../records.ts'
import type { TopicRef } from '../topic/topic.ts'

/** A record of a share group, under this consumer's lock. */
export type SharedRecordOf<T extends TopicRef> = RecordOf<T> & {
  /** How often the record was delivered, this time included: 1 at first. */
  readonly deliveryCount: number
}

/**
 * One of several consumers that share a work queue (KIP-932). Each record goes to one of them at a time, whatever its
 * partition, and a record that fails doesn't hold up the 2000 after it in its partition. Iterate it; one iteration at a
 * time (CONSUMER_BUSY). Acknowledge every record, in any order: a record whose lock ends before, or whose consumer goes
 * away, is delivered again. The first deliveries are in the order of the partition, later ones aren't. Where order
 * counts use `consumer`.
 *
 * Deliveries are counted on disk before they happen, so a record that kills its process is delivered `maxDeliveries`
 * times and no more. Delivery is at least once: to accept a record and what the program does with it aren't one step;
 * where they have to be, use `process`. `break` leaves the consumer open and keeps what wasn't delivered for the next
 * iteration. Only committed records are read.
 *
 * The program can't extend a lock: `lockMs` must be enough for the longest work, and for the up to `maxRecords` records
 * that wait before it.
 *
 * An iteration rejects with UNKNOWN_TOPIC_OR_PARTITION (of `deadLetter` too), CORRUPT_MESSAGE, LOG_CLOSED,
 * CONSUMER_CLOSED, or the signal's reason.
 */
export interface ShareConsumer<T extends TopicRef = string> extends AsyncIterable<SharedRecordOf<T>>, AsyncDisposable {
  /**
   * Ends this consumer's lock of a record. `'accept'`: it is done. `'release'`: it may be delivered again, after
   * `delayMs` milliseconds if given (a restart of the log ends that delay), and after the last of `maxDeliveries` it is
   * rejected. `'reject'`: it will never succeed, and goes to the dead letters. These tell `error`, if `'reject'` or the
   * last `'release'` gives one. Resolves when that is durable. Rejects with INVALID_RECORD_STATE when the lock has
   * ended, so that another consumer may have the record, or this one by a later delivery; when its topic was deleted;
   * and when the process that held the log ended before it answered: then it may have been done, so finish the work
   * first, and don't undo it for this error. Rejects with INVALID_REQUEST for anything that isn't a record of this
   * consumer, and for an option that the type has no use for; with CONSUMER_CLOSED; and, where a dead letter is
   * written, as `send` does: the lock is still held then. While a dead letter is on its way, a further call for its
   * record rejects with INVALID_RECORD_STATE. The lock begins anew before a dead letter is written; one whose write
   * takes longer than `lockMs`, or a crash right after it, may have it written twice.
   */
  acknowledge(
    record: SharedRecordOf<T>,
    type: 'accept' | 'release' | 'reject',
    options?: { delayMs?: number | undefined; error?: unknown },
  ): Promise<void>
  /**
   * Ends the iteration and releases the records that it holds, to other consumers at once; those that are being
   * rejected after that, within 5 s. A second call settles as the first one.
   */
  close(): Promise<void>
}
