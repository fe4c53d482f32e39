import type { DeletedRecords, PartitionOffsets, RecordsToDelete } from '../../broker/admin-session.ts'
import type {
  GroupDescription,
  GroupDetails,
  PartitionProducers,
  ShareGroupDescription,
  TransactionDescription,
} from '../../broker/descriptions.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { TopicConfig } from '../../model/topic-config.ts'
import type { OffsetReset, ResetOptions, ResetPoint } from './reset-offsets.ts'

/** Topics, offsets, groups, transactions and producers. Every call rejects with LOG_CLOSED once the log is closed. */
export interface Admin {
  /**
   * Creates a topic, with one partition unless said. Durable when it resolves. Names follow Kafka's rules; those that start
   * with __ are the log's own, here and below. Rejects with INVALID_TOPIC_EXCEPTION,
   * TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_CONFIG. Nothing else creates topics but `open(…, { topics })`.
   */
  createTopic(
    name: string,
    options?: { partitions?: number | undefined; config?: TopicConfig | undefined },
  ): Promise<void>
  /**
   * Deletes a topic with its records and every committed offset of it; durable when it resolves. Consumers and readers of it
   * reject with UNKNOWN_TOPIC_OR_PARTITION from then on. Rejects with UNKNOWN_TOPIC_OR_PARTITION.
   */
  deleteTopic(name: string): Promise<void>
  /** Names of the users' topics, sorted. */
  listTopics(): Promise<readonly string[]>
  /** The topic as it is now. Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  describeTopic(name: string): Promise<TopicDescription>
  /**
   * Adds partitions until there are `totalCount`; durable when it resolves. New records of a key may go to another
   * partition from then on. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS.
   */
  createPartitions(name: string, totalCount: number): Promise<void>
  /**
   * Sets the named keys and leaves the others; `null` puts a key back to its default. Durable when it resolves. Rejects
   * with UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG.
   */
  alterConfig(name: string, changes: { readonly [key: string]: string | number | boolean | null }): Promise<void>
  /**
   * Deletes the records before an offset in each partition named, -1 for all that are visible: in none where one is refused.
   * Durable when it resolves, with where each begins now, in the order asked. Readers below that reject with
   * OFFSET_OUT_OF_RANGE or reset, as configured; files go soon after, a whole segment at a time, and that of the newest records, as in
   * Kafka, only when a later one has begun. All are decided with one flush where a frame holds them (some 300 partitions). Rejects with OFFSET_OUT_OF_RANGE
   * beyond the high watermark, POLICY_VIOLATION for `cleanup.policy` `compact`, UNKNOWN_TOPIC_OR_PARTITION, LOG_READ_ONLY,
   * INVALID_REQUEST.
   */
  deleteRecords(records: readonly RecordsToDelete[]): Promise<readonly DeletedRecords[]>
  /** Start and ends of partitions, in the order asked. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST. */
  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]>
  /**
   * Positions of the first record at or after a time, in milliseconds since 1970, in the order asked; the end where there
   * is none. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly Position[]>
  /** Groups that have members or committed offsets, with both. */
  listGroups(): Promise<readonly GroupDescription[]>
  /**
   * Where a group goes on, set by hand, for the partitions named; durable when it resolves. Its members must have left
   * (NON_EMPTY_GROUP): they would go on from where they are. A group that isn't there begins with it. Rejects with
   * INVALID_GROUP_ID, UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  setOffsets(groupId: string, positions: readonly Position[]): Promise<void>
  /** Forgets a group, its offsets and its generations. Rejects with INVALID_GROUP_ID, NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND. */
  deleteGroup(groupId: string): Promise<void>
  /**
   * Members with what they read, and where the group goes on in each partition of its topics, committed or not: how far behind it is,
   * and which open transaction holds it back. Rejects with INVALID_GROUP_ID, GROUP_ID_NOT_FOUND.
   */
  describeGroup(groupId: string): Promise<GroupDetails>
  /**
   * Moves a group without members (NON_EMPTY_GROUP) to another place in the partitions that it has offsets of, or in all of
   * `topics`; durable when it resolves, with the places before and after, which lie within the partition. `dryRun`: resolves
   * with the same and changes nothing. Differs from Kafka: `'latest'` and the end that places are kept within are where
   * committed reads end now, so that nothing of an open transaction is skipped. Rejects with INVALID_GROUP_ID,
   * GROUP_ID_NOT_FOUND without `topics`, UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  resetOffsets(groupId: string, to: ResetPoint, options?: ResetOptions): Promise<readonly OffsetReset[]>
  /** Share groups that began in some partition, with their places, by name. */
  listShareGroups(): Promise<readonly ShareGroupDescription[]>
  /** How far a share group is, and how much of it consumers hold now. Rejects with INVALID_GROUP_ID, GROUP_ID_NOT_FOUND. */
  describeShareGroup(groupId: string): Promise<ShareGroupDescription>
  /**
   * Moves a share group, as `resetOffsets` does a consumer group: it begins there anew, and what was delivered how often is
   * forgotten. Rejects as that does, with NON_EMPTY_GROUP while consumers of it wait for records or hold some.
   */
  resetShareGroup(groupId: string, to: ResetPoint, options?: ResetOptions): Promise<readonly OffsetReset[]>
  /**
   * Forgets a share group: its next consumer begins where its `autoOffsetReset` says. Durable when it resolves. Rejects with
   * INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, and NON_EMPTY_GROUP while consumers of it wait for records or hold some.
   */
  deleteShareGroup(groupId: string): Promise<void>
  /** Every transactional id with its state, by id. */
  listTransactions(): Promise<readonly TransactionDescription[]>
  /** Those of the ids named, in that order. Rejects with INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND. */
  describeTransactions(transactionalIds: readonly string[]): Promise<readonly TransactionDescription[]>
  /**
   * The producers that partitions remember, in the order asked: whose transaction holds committed reads back, and since
   * which offset. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]>
  /**
   * Aborts the open transaction of an id, durably when it resolves. Its producer hears TRANSACTION_ABORTABLE at its next call
   * and goes on. Rejects with INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND, and INVALID_TXN_STATE where none is open or its
   * commit is on its way. Differs from Kafka, where no open transaction is no error.
   */
  abortTransaction(transactionalId: string): Promise<void>
  /**
   * Ends the producers of these ids: what they have open is aborted, their next call rejects with PRODUCER_FENCED, and the
   * next producer of the id works. One after the other; durable when it resolves. Rejects with INVALID_REQUEST,
   * TRANSACTIONAL_ID_NOT_FOUND, CONCURRENT_TRANSACTIONS.
   */
  fenceProducers(transactionalIds: readonly string[]): Promise<void>
}

/** A topic as it is. */
export interface TopicDescription {
  /** The topic's name. */
  readonly name: string
  /** Kafka's 22 characters; a topic that is created again gets another. */
  readonly topicId: string
  /** How many. */
  readonly partitions: number
  /** What was set; keys that aren't here have their defaults. */
  readonly config: TopicConfig
}
