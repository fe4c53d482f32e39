import type { IsolationLevel, Position, TopicPartition } from '../model/positions.ts'
import type { ConfigChanges, TopicConfig } from '../model/topic-config.ts'
import type {
  GroupDescription,
  GroupDetails,
  PartitionProducers,
  ShareGroupDescription,
  TransactionDescription,
} from './descriptions.ts'
import type { TopicPosition } from './reader-session.ts'
import type { TopicFacts } from './topic-facts.ts'

/** Where a partition begins and ends. */
export interface PartitionOffsets extends TopicPartition {
  /** Offset of the first record that is kept. */
  readonly logStartOffset: number
  /** Records below it are visible: each one, and all before it, reached the `acks` that its producer asked for. */
  readonly highWatermark: number
  /**
   * `'read_committed'` reads up to here: to the first record of the first open transaction, without one to the high
   * watermark.
   */
  readonly lastStableOffset: number
}

/** What a reader has still to read in a partition. */
export interface Unread {
  /** The first record at or after its position; `endOffset` if there is none. */
  readonly nextOffset: number
  /** The offset after the last record. */
  readonly endOffset: number
}

/** Records of a partition that are to be deleted. */
export interface RecordsToDelete extends TopicPartition {
  /** Deletes the records before this offset; -1 deletes all visible ones, as in Kafka. */
  readonly beforeOffset: number
}

/** Where a partition begins after a deletion. */
export interface DeletedRecords extends TopicPartition {
  /** Offset of the first record that is kept (Kafka's low watermark). */
  readonly lowWatermark: number
}

export interface AdminSession {
  /**
   * Backs the log up into `directory`. The process that holds the log writes it, so the path is absolute.
   * INVALID_REQUEST if it isn't empty.
   */
  backup(directory: string): Promise<void>
  createTopic(name: string, options: { readonly partitions: number; readonly config: TopicConfig }): Promise<void>
  deleteTopic(name: string): Promise<void>
  /** User topics by name, sorted; the log's own ones (names that start with __) only with `internal`. */
  listTopics(options: { readonly internal: boolean }): Promise<readonly string[]>
  describeTopic(name: string): Promise<TopicFacts>
  createPartitions(name: string, totalCount: number): Promise<void>
  /** Replaces the named keys; `null` resets a key to its default. */
  alterConfig(name: string, changes: ConfigChanges): Promise<void>
  /** Deletes in all partitions or in none. Resolves in the order asked. OFFSET_OUT_OF_RANGE, POLICY_VIOLATION. */
  deleteRecords(at: readonly RecordsToDelete[]): Promise<readonly DeletedRecords[]>
  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]>
  /** Offset of the first record at or after `timestamp`; `undefined` where there is none below the high watermark. */
  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly (number | undefined)[]>
  /** In the order asked. Doesn't count the offsets that an unclean end left unused before and after what is unread. */
  unread(at: readonly Position[], isolationLevel: IsolationLevel): Promise<readonly Unread[]>
  listGroups(): Promise<readonly GroupDescription[]>
  /** NON_EMPTY_GROUP if the group has members. */
  setOffsets(groupId: string, positions: readonly TopicPosition[]): Promise<void>
  deleteGroup(groupId: string): Promise<void>
  /** GROUP_ID_NOT_FOUND. */
  describeGroup(groupId: string): Promise<GroupDetails>
  /** Every share group, with its place in each partition. */
  listShareGroups(): Promise<readonly ShareGroupDescription[]>
  startShareGroup(groupId: string, positions: readonly TopicPosition[]): Promise<void>
  deleteShareGroup(groupId: string): Promise<void>
  /** Sorted by transactional id. */
  listTransactions(): Promise<readonly TransactionDescription[]>
  /** In the order asked. */
  describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]>
  /** Aborts the id's open transaction. TRANSACTIONAL_ID_NOT_FOUND, INVALID_TXN_STATE. */
  abortTransaction(transactionalId: string): Promise<void>
  /** Fences the id's producer, as a new one would. TRANSACTIONAL_ID_NOT_FOUND for an id that nobody has used. */
  fenceProducer(transactionalId: string): Promise<void>
}
