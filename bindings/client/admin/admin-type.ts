import type { DeletedRecords, PartitionOffsets, RecordsToDelete } from '../../broker/admin-session.ts'
import type {
  GroupDescription,
  GroupDetails,
  PartitionProducers,
  ShareGroupDescription,
  TransactionDescription,
} from '../../broker/descriptions.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { ConfigChanges, TopicConfig } from '../../model/topic-config.ts'
import type { OffsetReset, ResetOptions, ResetPoint } from './reset-offsets.ts'

/**
 * Looks after topics, offsets, groups, transactions and producers. Every call rejects with LOG_CLOSED once the log is
 * closed, and one that changes something with LOG_READ_ONLY where the log's own topics that it writes to were found
 * damaged. In a process that is attached to the holder of the log, a call may reject with NETWORK_EXCEPTION when the
 * holder goes away: whether it was done is unknown then.
 */
export interface Admin {
  /**
   * Creates a topic, with one partition unless said, 100000 at most. Durable when it resolves. Names follow Kafka's
   * rules; those that start with __ are the log's own. For these, and for what is no name, all that changes a topic
   * rejects with INVALID_TOPIC_EXCEPTION, here and below. Rejects with TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS,
   * INVALID_CONFIG, and with INVALID_REQUEST for a misspelt option. Nothing else creates topics but
   * `open(…, { topics })`.
   */
  createTopic(
    name: string,
    options?: { partitions?: number | undefined; config?: TopicConfig | undefined },
  ): Promise<void>
  /**
   * Deletes a topic with its records and every committed offset of it; durable when it resolves. Consumers and readers
   * of it reject with UNKNOWN_TOPIC_OR_PARTITION from then on. Rejects with UNKNOWN_TOPIC_OR_PARTITION.
   */
  deleteTopic(name: string): Promise<void>
  /** Resolves with the names of all topics but the log's own, sorted. */
  listTopics(): Promise<readonly string[]>
  /**
   * Resolves with the topic as it is now. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION for what is
   * no name.
   */
  describeTopic(name: string): Promise<TopicDescription>
  /**
   * Adds partitions until there are `totalCount`; durable when it resolves. New records of a key may go to another
   * partition from then on. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS.
   */
  createPartitions(name: string, totalCount: number): Promise<void>
  /**
   * Sets the named keys and leaves the others; `null` puts a key back to its default. Durable when it resolves. Rejects
   * with UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG, INVALID_REQUEST.
   */
  alterConfig(name: string, changes: ConfigChanges): Promise<void>
  /**
   * Deletes the records before an offset, in each of the named partitions or, if one is refused, in none; the offset -1
   * stands for all visible records. Resolves, durably, with where each partition begins now, in the order asked.
   * Readers below that reject with OFFSET_OUT_OF_RANGE, or start again as `autoOffsetReset` says. Files are removed
   * soon after, a whole segment at a time; as in Kafka, the segment with the newest records goes only when a later one
   * has begun. Up to some 300 partitions are decided with one flush. Rejects with OFFSET_OUT_OF_RANGE beyond the high
   * watermark, POLICY_VIOLATION for `cleanup.policy` `compact`, UNKNOWN_TOPIC_OR_PARTITION, LOG_READ_ONLY,
   * INVALID_REQUEST.
   */
  deleteRecords(records: readonly RecordsToDelete[]): Promise<readonly DeletedRecords[]>
  /**
   * Resolves with start and ends of the partitions, in the order asked. Rejects with UNKNOWN_TOPIC_OR_PARTITION,
   * INVALID_REQUEST.
   */
  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]>
  /**
   * Resolves with the position of the first record at or after `timestamp` (milliseconds since 1970) in each partition,
   * in the order asked; with the partition's end where there is none. Rejects with UNKNOWN_TOPIC_OR_PARTITION,
   * INVALID_REQUEST.
   */
  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly Position[]>
  /**
   * Resolves with all groups that have members or committed offsets, and with those that had members and weren't
   * deleted since, sorted by id.
   */
  listGroups(): Promise<readonly GroupDescription[]>
  /**
   * Sets by hand where a group goes on in the named partitions; durable when it resolves. Rejects with NON_EMPTY_GROUP
   * while the group has members, because these would go on from where they are. A group that didn't exist begins with
   * it. Rejects with INVALID_GROUP_ID, UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  setOffsets(groupId: string, positions: readonly Position[]): Promise<void>
  /**
   * Forgets a group with its offsets and generations; durable when it resolves. Rejects with INVALID_GROUP_ID,
   * NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND.
   */
  deleteGroup(groupId: string): Promise<void>
  /**
   * Resolves with the group's members, what they read, and where the group goes on in each partition of its topics: how
   * far behind it is, and which open transaction holds it back. Rejects with INVALID_GROUP_ID, GROUP_ID_NOT_FOUND.
   */
  describeGroup(groupId: string): Promise<GroupDetails>
  /**
   * Moves a group to another place, in the partitions that it has offsets of or in those that `topics` names. Resolves,
   * durably, with the offsets before and after; the latter always lie within the partition. With `dryRun` it resolves
   * with the same and changes nothing. Differs from Kafka: `'latest'`, and the end that offsets are kept within, mean
   * where committed reads end now, so that nothing of an open transaction is skipped. Rejects with NON_EMPTY_GROUP
   * while the group has members, GROUP_ID_NOT_FOUND without `topics`, INVALID_GROUP_ID, UNKNOWN_TOPIC_OR_PARTITION,
   * UNKNOWN_TOPIC_ID (the topic was deleted and created again meanwhile), INVALID_REQUEST.
   */
  resetOffsets(groupId: string, to: ResetPoint, options?: ResetOptions): Promise<readonly OffsetReset[]>
  /** Resolves with every share group that has begun to read some partition, sorted by id. */
  listShareGroups(): Promise<readonly ShareGroupDescription[]>
  /**
   * Resolves with how far a share group is, and how many records consumers hold now. Rejects with INVALID_GROUP_ID,
   * GROUP_ID_NOT_FOUND.
   */
  describeShareGroup(groupId: string): Promise<ShareGroupDescription>
  /**
   * Moves a share group, as `resetOffsets` moves a consumer group: it begins anew there, and its delivery counts are
   * forgotten. Rejects as that does, and with NON_EMPTY_GROUP while its consumers wait for records or hold some.
   */
  resetShareGroup(groupId: string, to: ResetPoint, options?: ResetOptions): Promise<readonly OffsetReset[]>
  /**
   * Forgets a share group: its next consumer begins where its `autoOffsetReset` says. Durable when it resolves. Rejects
   * with INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, and NON_EMPTY_GROUP while its consumers wait for records or hold some.
   */
  deleteShareGroup(groupId: string): Promise<void>
  /** Resolves with every transactional id and its state, sorted by id. */
  listTransactions(): Promise<readonly TransactionDescription[]>
  /**
   * Resolves with the state of the named ids, in that order. Rejects with INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND.
   */
  describeTransactions(transactionalIds: readonly string[]): Promise<readonly TransactionDescription[]>
  /**
   * Resolves with the producers that the partitions remember, in the order asked: whose transaction holds committed
   * reads back, and since which offset. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]>
  /**
   * Aborts the open transaction of an id; durable when it resolves. Its producer's next call rejects with
   * TRANSACTION_ABORTABLE, and then it goes on. Rejects with INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND, and
   * INVALID_TXN_STATE if none is open or its commit is on its way. Differs from Kafka, where no open transaction is no
   * error.
   */
  abortTransaction(transactionalId: string): Promise<void>
  /**
   * Ends the producers of these ids, one after the other; durable when it resolves. Their open transactions are
   * aborted, their next call rejects with PRODUCER_FENCED, and a new producer of the id works. Rejects with
   * INVALID_REQUEST and TRANSACTIONAL_ID_NOT_FOUND, both before it ends any, and with CONCURRENT_TRANSACTIONS.
   */
  fenceProducers(transactionalIds: readonly string[]): Promise<void>
}

/** A topic as it is now. */
export interface TopicDescription {
  /** The topic's name. */
  readonly name: string
  /**
   * The topic's id, 16 bytes as Kafka's 22 characters of base64url. A topic that is created again under its name gets
   * another.
   */
  readonly topicId: string
  /** How many partitions it has. */
  readonly partitions: number
  /** The keys that were set; all others have their defaults. */
  readonly config: TopicConfig
}
