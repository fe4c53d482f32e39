import type { Position, TopicPartition } from '../model/positions.ts'
import type { TopicConfig } from '../model/topic-config.ts'
import type {
  GroupDescription,
  GroupDetails,
  PartitionProducers,
  ShareGroupDescription,
  TransactionDescription,
} from './descriptions.ts'
import type { TopicFacts } from './topic-facts.ts'

/** Where a partition begins and ends. */
export interface PartitionOffsets extends TopicPartition {
  /** Offset of the first record that is kept. */
  readonly logStartOffset: number
  /** Records below it are visible: each and all before it reached the `acks` that was asked for. */
  readonly highWatermark: number
  /** As far as `'read_committed'` reads: the start of the first open transaction, else the high watermark. */
  readonly lastStableOffset: number
}

/** Records of a partition that nobody needs any more. */
export interface RecordsToDelete extends TopicPartition {
  /** Those before this offset; -1 for all that are visible (Kafka's words for the high watermark). */
  readonly beforeOffset: number
}

/** Where a partition begins, after records of it were deleted. */
export interface DeletedRecords extends TopicPartition {
  /** Offset of the first record that is kept (Kafka's low watermark). */
  readonly lowWatermark: number
}

export interface AdminSession {
  /** By the process that holds the log, so `directory` is an absolute path. INVALID_REQUEST where it isn't empty. */
  backup(directory: string): Promise<void>
  createTopic(name: string, options: { readonly partitions: number; readonly config: TopicConfig }): Promise<void>
  deleteTopic(name: string): Promise<void>
  /** User topics by name, sorted; the log's own ones (names that start with __) only with `internal`. */
  listTopics(options: { readonly internal: boolean }): Promise<readonly string[]>
  describeTopic(name: string): Promise<TopicFacts>
  createPartitions(name: string, totalCount: number): Promise<void>
  /** Replaces the named keys; `null` puts a key back to its default. */
  alterConfig(name: string, changes: { readonly [key: string]: string | number | boolean | null }): Promise<void>
  /** All or none, in the order asked. OFFSET_OUT_OF_RANGE, POLICY_VIOLATION. */
  deleteRecords(at: readonly RecordsToDelete[]): Promise<readonly DeletedRecords[]>
  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]>
  /** The first record at or after `timestamp`; `undefined` where there is none below the high watermark. */
  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly (number | undefined)[]>
  listGroups(): Promise<readonly GroupDescription[]>
  /** Of a group without members; NON_EMPTY_GROUP else. */
  setOffsets(groupId: string, positions: readonly Position[]): Promise<void>
  deleteGroup(groupId: string): Promise<void>
  /** GROUP_ID_NOT_FOUND. */
  describeGroup(groupId: string): Promise<GroupDetails>
  /** With their places. */
  listShareGroups(): Promise<readonly ShareGroupDescription[]>
  startShareGroup(groupId: string, positions: readonly Position[]): Promise<void>
  deleteShareGroup(groupId: string): Promise<void>
  /** By transactional id. */
  listTransactions(): Promise<readonly TransactionDescription[]>
  /** In the order asked. */
  describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]>
  /** Of the open transaction. TRANSACTIONAL_ID_NOT_FOUND, INVALID_TXN_STATE. */
  abortTransaction(transactionalId: string): Promise<void>
  /** As a new instance would, TRANSACTIONAL_ID_NOT_FOUND for an id that nobody had. */
  fenceProducer(transactionalId: string): Promise<void>
}
