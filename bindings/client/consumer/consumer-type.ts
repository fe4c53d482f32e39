import '../../model/disposable.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { BatchOf, RecordOf } from '../records.ts'
import type { Abortable } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'

export type RebalanceEvent = 'assigned' | 'revoked' | 'lost'
export type RebalanceHandler = (partitions: readonly TopicPartition[]) => void | Promise<void>

/**
 * A member of a consumer group. Iterate it for records, or `batches()`; one iteration at a time. `break` leaves it open
 * and gives undelivered records back; after a crash everything from the last committed offset on comes again.
 */
export interface Consumer<T extends TopicRef = string> extends AsyncIterable<RecordOf<T>>, AsyncDisposable {
  /** Records of one partition at a time; at most `maxRecords` (500 by default) and about `maxBytes` (1 MiB) of them. */
  batches(
    options?: Abortable & { maxRecords?: number | undefined; maxBytes?: number | undefined },
  ): AsyncIterable<BatchOf<T>>
  /**
   * Makes the group go on after what is done: a record, a batch, or positions. Resolves when that is durable. A record is
   * finished when the loop asked for the next one, or when it, its batch or a later record of its partition is passed
   * here; committing positions past unfinished ones rejects with UNFINISHED_RECORDS unless `allowSkip`. Rejects with
   * ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID when the group moved on.
   */
  commit(
    done: RecordOf<T> | BatchOf<T> | readonly Position[],
    options?: { allowSkip?: boolean | undefined },
  ): Promise<void>
  /** Empty until the first iteration joined the group. */
  assignment(): readonly TopicPartition[]
  /** The next offset that is delivered. INVALID_REQUEST for a partition that isn't assigned. */
  position(at: TopicPartition): number
  /** The group's committed offset, `undefined` without one. */
  committed(at: TopicPartition): Promise<number | undefined>
  /** Records between position and end of each assigned partition, by `topic/partition`. */
  lag(): Promise<ReadonlyMap<string, number>>
  /** Goes on at an offset, or at the first record at or after a time. Delivered records count as finished then. */
  seek(to: Position | (TopicPartition & { timestamp: number })): Promise<void>
  /** Delivers nothing of these partitions (all, unless said) until `resume`. */
  pause(which?: readonly TopicPartition[]): void
  resume(which?: readonly TopicPartition[]): void
  /** Handlers are awaited before the iteration goes on. */
  on(event: RebalanceEvent, handler: RebalanceHandler): void
  /** Ends iterations and leaves the group. A second call does nothing. */
  close(): Promise<void>
}
