import '../../model/disposable.ts'
import type { RecordOf } from '../records.ts'
import type { TopicRef } from '../topic/topic.ts'

/** A record of a share group, under this consumer's lock. */
export type SharedRecordOf<T extends TopicRef> = RecordOf<T> & {
  /** How often it was delivered, this time included: 1 at first. */
  readonly deliveryCount: number
}

/**
 * One of several consumers that share a work queue (KIP-932): each record goes to one of them at a time, whatever its partition,
 * and one that fails doesn't hold up those behind it, up to 2000 in its partition. Iterate it; one iteration at a time (CONSUMER_BUSY). Every record has to be
 * acknowledged, in any order; one that isn't until its lock ends, or whose consumer goes away, is delivered again. Records come
 * in the order of their partition the first time, and out of it when they come again: where order counts, use `consumer`.
 *
 * Deliveries are counted on disk before they happen, so a record that kills its process comes `maxDeliveries` times and no more.
 * Delivery is at least once: accepting and what the program does with the record aren't one step; where they have to be, use
 * `process`. `break` leaves it open and keeps what wasn't delivered for the next iteration. Only committed records are read.
 *
 * A lock can't be made longer: `lockMs` has to hold the longest work, and what waits for it of `maxRecords`.
 *
 * An iteration rejects with UNKNOWN_TOPIC_OR_PARTITION (of `deadLetter` too), CORRUPT_MESSAGE, LOG_CLOSED, CONSUMER_CLOSED, or the signal's reason.
 */
export interface ShareConsumer<T extends TopicRef = string> extends AsyncIterable<SharedRecordOf<T>>, AsyncDisposable {
  /**
   * Ends this consumer's lock of a record. `'accept'`: it is done. `'release'`: it may be delivered again, not earlier than
   * `delayMs` from now if given (a restart of the log ends the wait); after the last of `maxDeliveries` it is rejected. `'reject'`: it
   * will never succeed; it goes to the dead letters, which tell `error` if given. Resolves when that is durable. Rejects with INVALID_RECORD_STATE when the lock ended before, so that another
   * consumer may have the record; with INVALID_REQUEST for anything that isn't a record of this consumer, CONSUMER_CLOSED, and
   * by dead letters as `send` does: the lock is still held then.
   */
  acknowledge(
    record: SharedRecordOf<T>,
    type: 'accept' | 'release' | 'reject',
    options?: { delayMs?: number | undefined; error?: unknown },
  ): Promise<void>
  /** Ends the iteration; what it holds is there for others at once. A second call gives the first's answer. */
  close(): Promise<void>
}
