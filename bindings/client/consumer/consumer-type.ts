import '../../model/disposable.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { BatchOptions } from '../batch-options.ts'
import type { BatchOf, RecordOf } from '../records.ts'
import type { Abortable } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'

/** What happens to a member's partitions; see `Consumer.on`. */
export type RebalanceEvent = 'assigned' | 'revoked' | 'lost'
/** Called with the partitions concerned; awaited before the group goes on. */
export type RebalanceHandler = (partitions: readonly TopicPartition[]) => void | Promise<void>

/**
 * A member of a consumer group. Iterate it for records, or `batches()`; one iteration at a time (CONSUMER_BUSY). It
 * joins at the first iteration and starts at the group's committed offsets, so that after a crash everything from there
 * on is delivered again. Records own their bytes: they may be kept.
 *
 * `break` ends the iteration and leaves the consumer open: the next iteration goes on after the last delivered record,
 * with what was fetched by then. Until then it is still a member, and nobody else reads its partitions before it is
 * closed or hasn't polled for `maxPollIntervalMs`. `close()` ends the iteration; an aborted `signal` makes it reject with its reason.
 *
 * An iteration rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_GROUP_ID (one that no record can hold),
 * INCONSISTENT_GROUP_PROTOCOL, NO_OFFSET, OFFSET_OUT_OF_RANGE (both with `autoOffsetReset: 'none'`), CORRUPT_MESSAGE,
 * INVALID_REQUEST (what an assignor or `positions` answered), LOG_CLOSED, CONSUMER_CLOSED, or with what a handler, an
 * assignor or `positions` threw.
 */
export interface Consumer<T extends TopicRef = string> extends AsyncIterable<RecordOf<T>>, AsyncDisposable {
  /**
   * Records of one partition at a time: at most `maxRecords` (500 by default) and about `maxBytes` (1048576), at least
   * one. Throws INVALID_REQUEST for wrong options.
   */
  batches(options?: Abortable & BatchOptions): AsyncIterable<BatchOf<T>>
  /**
   * Commits: the group goes on after `done`, which is a record, a batch, or positions. Resolves when that is durable.
   * Joins the group first if it must. A position beyond the end is handled by `autoOffsetReset` when it is read. Of
   * calls that aren't awaited a later one wins over an earlier one, also where the group moves on between them.
   *
   * A record is finished when its iteration asked for the next one, or when it, its batch or a later record of its
   * partition is passed here. Positions past records that were delivered and aren't finished reject with
   * UNFINISHED_RECORDS unless `allowSkip`. Differs from Kafka: there nothing keeps a commit from passing unfinished
   * records; and here only this call commits.
   *
   * Rejects with ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID when the group moved on since the delivery, or when the
   * partition of a position was given up; with UNKNOWN_TOPIC_ID when the topic was deleted, even if another one has its
   * name; with INVALID_REQUEST for a partition that never was assigned, or where the option `positions` keeps the
   * offsets; with CONSUMER_CLOSED; and as an iteration does if it can't join. A commit that is refused changes nothing.
   * If it ends without an answer, as by a crash, some of its partitions may be committed and others not. `sendOffsets`
   * of a transaction is all or nothing.
   */
  commit(
    done: RecordOf<T> | BatchOf<T> | readonly Position[],
    options?: { allowSkip?: boolean | undefined },
  ): Promise<void>
  /** The partitions that this member reads; empty until it joined the group. */
  assignment(): readonly TopicPartition[]
  /** The offset that is delivered next. Throws INVALID_REQUEST for a partition that isn't assigned, CONSUMER_CLOSED. */
  position(at: TopicPartition): number
  /**
   * Resolves with the group's committed `nextOffset`, `undefined` if there is none. Joins the group first if it must.
   * Rejects with INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION, CONSUMER_CLOSED, and as an iteration does if it can't
   * join.
   */
  committed(at: TopicPartition): Promise<number | undefined>
  /**
   * Resolves with the number of offsets from the first record at or after the position up to the last one that
   * `isolationLevel` reads, for each assigned partition, by `topic/partition`; 0 when all are read. Offsets between
   * records that none has, after a compaction or an unclean end, count too, and so do records that are deleted, until a
   * fetch has moved the position past them. `admin.describeGroup` tells what lies beyond that, and whose open
   * transaction it is. Joins the group first if it must. Rejects with CONSUMER_CLOSED, and as an iteration does if it
   * can't join.
   */
  lag(): Promise<ReadonlyMap<string, number>>
  /**
   * Goes on at an offset, or at the first record at or after a time in milliseconds since 1970 (at the end if there is
   * none). What was delivered before no longer counts as unfinished. An offset out of range is handled by
   * `autoOffsetReset` when it is read. Of calls that aren't awaited the last one wins. Joins the group first if it
   * must. Rejects with INVALID_REQUEST for a partition that isn't assigned, CONSUMER_CLOSED, and as an iteration does
   * if it can't join.
   */
  seek(to: Position | (TopicPartition & { timestamp: number })): Promise<void>
  /** Stops the delivery of these partitions, or of all assigned ones, until `resume`. Throws as `position`. */
  pause(which?: readonly TopicPartition[]): void
  /** Goes on with the delivery that `pause` stopped. Throws as `position`. */
  resume(which?: readonly TopicPartition[]): void
  /**
   * Adds a handler. `assigned`: the member has these partitions now, besides those that it had. `revoked`: it gives
   * these up, and may still commit; nobody else gets them before its handlers are done. `lost`: they are gone already,
   * because the member didn't poll for `maxPollIntervalMs`, because the process that held the log ended, because their
   * topic was deleted, or because a handler threw; it joins again. Throws INVALID_REQUEST for another event, or for
   * what is no function.
   *
   * Handlers are awaited, between two records or while nothing iterates. All are called, even if one throws; then the
   * iteration, or the next call that needs the group, rejects with the first failure. `close` waits for them: a handler
   * that awaits `close` of its consumer or log waits for itself. An iteration waits for them too: one that a handler
   * awaits gets nothing before `close` ends it.
   */
  on(event: RebalanceEvent, handler: RebalanceHandler): void
  /**
   * Ends the iteration and leaves the group. Commits nothing. Rejects with what a handler threw, and with
   * NETWORK_EXCEPTION where a handler waits for the process that holds the log and that one gives no sign of life for
   * 5 s; the consumer is closed even then. A second call settles as the first one.
   */
  close(): Promise<void>
}
