import type { BatchRecords } from '../model/batch-records.ts'
import type { LentMemory } from '../model/memory.ts'
import type { Acks, Guarantees, IsolationLevel, Position, TopicPartition } from '../model/positions.ts'
import type { TopicConfig } from '../model/topic-config.ts'

/**
 * The port between the public classes (client/) and whatever keeps the records: sessions over the engine in this
 * process now. Types only. Every promise rejects with a LogError.
 */
export interface Broker {
  readonly guarantees: Guarantees
  readonly admin: AdminSession
  openProducer(): Promise<ProducerSession>
  /** Fences whoever had the id and aborts what that one had open. INVALID_TRANSACTION_TIMEOUT, INVALID_REQUEST. */
  openTransactionalProducer(options: TransactionalOptions): Promise<TransactionalSession>
  openConsumer(options: ConsumerSessionOptions): Promise<ConsumerSession>
  openReader(): ReaderSession
  openShare(groupId: string): Promise<ShareSession>
  /**
   * The batch that holds one record, as read_committed shows it; `undefined` where it shows none. Answers at once when it can.
   * The batch is shared: who hands bytes out copies them. Throws or rejects with UNKNOWN_TOPIC_OR_PARTITION,
   * OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE.
   */
  find(topic: string, partition: number, offset: number): FetchedBatch | undefined | Promise<FetchedBatch | undefined>
  close(): Promise<void>
}

export interface TopicFacts {
  readonly topic: string
  readonly topicId: string
  readonly partitions: number
  readonly config: TopicConfig
}

/**
 * One idempotent producer instance. The client assigns sequences per partition (from 0, wrapping after 2^31-1) and may
 * ask again after a lost answer: the same (epoch, baseSequence, record count) is written once and answered alike.
 * At most five appends per partition may be unanswered; order of calls is order in the partition.
 */
export interface ProducerSession {
  /** Never given twice. */
  readonly producerId: number
  /** From 0 to 32,767. */
  readonly producerEpoch: number
  /** Answers at once when it can: a send needn't wait for a turn. Throws or rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  topic(name: string): TopicFacts | Promise<TopicFacts>
  append(request: AppendRequest): Promise<AppendResult>
  /**
   * A new epoch with sequences from 0, after a gap that a crash of the log left (durability rule 8); behind the last epoch
   * that a batch can hold, a new producer id.
   */
  bumpEpoch(): Promise<void>
  close(): Promise<void>
}

export interface TransactionalOptions {
  readonly transactionalId: string
  readonly timeoutMs: number
}

/**
 * The producer of a transactional id, one transaction at a time. Calls may be asked again after a lost answer. Any of them
 * rejects with PRODUCER_FENCED once a newer one was opened, with TRANSACTION_ABORTABLE when the log has no such transaction
 * open any more: `abort` then brings the session back in step.
 */
export interface TransactionalSession {
  /**
   * Opens a transaction. Its sends go through the answer, with sequences from 0: an append resolves when the records have
   * their offset, whatever its `acks`.
   */
  begin(): Promise<ProducerSession>
  /**
   * Offsets that become the group's with the commit. ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID after the group moved on;
   * INVALID_REQUEST for a consumer of another broker.
   */
  sendOffsets(consumer: ConsumerSession, positions: readonly TopicPosition[], generation: number): Promise<void>
  /** Durable and visible, records and offsets, when it resolves. */
  commit(): Promise<void>
  abort(): Promise<void>
}

/** One batch for one partition: written whole or not at all. */
export interface AppendRequest extends TopicPartition {
  readonly acks: Acks
  readonly producerEpoch: number
  readonly baseSequence: number
  /** Compressed ones are looked into before they are taken: INVALID_RECORD for what a reader couldn't read. */
  readonly records: BatchRecords
}

export interface AppendResult {
  /** -1 when the batch is known to be written but its offset forgotten (DUPLICATE_SEQUENCE_NUMBER). */
  readonly baseOffset: number
  /** The time that records without one were given. */
  readonly appendTime: number
  /** The topic's records all have the time of their append, whatever the producer gave. */
  readonly isLogAppendTime?: boolean | undefined
}

/** A batch that owns its bytes, unless the fetch lent it memory; accessors make views of them, per record and on demand. */
export interface FetchedBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly recordCount: number
  offsetOf(index: number): number
  timestampOf(index: number): number
  keyOf(index: number): Uint8Array<ArrayBuffer> | null
  valueOf(index: number): Uint8Array<ArrayBuffer> | null
  headersOf(index: number): readonly (readonly [name: string, value: Uint8Array<ArrayBuffer> | null])[]
}

/** Where in which topic: one that is deleted and made again has other records under the same name. */
export interface TopicPosition extends Position {
  /** UNKNOWN_TOPIC_ID where another topic has the name by now. Without it whichever has it is meant. */
  readonly topicId?: string | undefined
}

export interface FetchRequest {
  readonly positions: readonly TopicPosition[]
  readonly isolationLevel: IsolationLevel
  /** Soft limit: at least one batch comes if there is one. */
  readonly maxBytes: number
  /** Resolve only when there is something to deliver, a position moved, or the session was woken or closed. */
  readonly wait: boolean
  /** How many partitions the reader thinks its one topic has: resolves at once when there are others. */
  readonly knownPartitions?: number | undefined
  /** Batches may lie in it instead of owning their bytes: this fetch reclaims it, and so does the next one. */
  readonly memory?: LentMemory | undefined
}

export interface FetchedPartition extends TopicPartition {
  /** In offset order; the first may start below the asked offset (skip its earlier records), as in Kafka. */
  readonly batches: readonly FetchedBatch[]
  /** Where to read next: past what was delivered and past what readers never see. */
  readonly nextOffset: number
  readonly logStartOffset: number
  /** Last stable offset for read_committed, high watermark else. */
  readonly endOffset: number
  /** OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID of this partition; then no batches. */
  readonly error: Error | undefined
}

export interface ReaderSession {
  topic(name: string): TopicFacts | Promise<TopicFacts>
  fetch(request: FetchRequest): Promise<readonly FetchedPartition[]>
  /** Ends a waiting fetch at once, with what there is (maybe nothing). */
  wake(): void
  close(): Promise<void>
}

export interface ConsumerSessionOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  /** The assignors that the client knows, by name, the best liked first. */
  readonly assignors: readonly string[]
  readonly maxPollIntervalMs: number
}

/** What a member of a group reads, and holds already. */
export interface GroupMember {
  /** Unique in the log. */
  readonly memberId: string
  /** What it subscribed to. */
  readonly topics: readonly string[]
  /** What it reads now. */
  readonly owned: readonly TopicPartition[]
}

/** A partition that a member is given, of the topic that has the name at that moment. */
export interface GivenPartition extends TopicPartition {
  readonly topicId?: string | undefined
}

export interface MemberAssignment {
  readonly memberId: string
  readonly partitions: readonly TopicPartition[]
}

export interface JoinedGroup {
  readonly generation: number
  /** The one that all members know. */
  readonly assignor: string
  /** All members if this one leads the generation and must assign; else none. */
  readonly members: readonly GroupMember[]
}

/**
 * A member of a group, by Kafka's classic protocol: it joins, the leader of the generation says who reads what, all go on.
 * A partition that moves is first taken from the one (who may still commit) and given to the other a generation later.
 * UNKNOWN_MEMBER_ID from any call: the member was put out, and needs a new session.
 */
export interface ConsumerSession extends ReaderSession {
  /** Resolves once every member joined. A member joins when it begins, and when `onRebalance` told it so. */
  join(owned: readonly TopicPartition[]): Promise<JoinedGroup>
  /**
   * With the leader's assignments, or none: resolves with this member's partitions once they are durable. Rejects with
   * REBALANCE_IN_PROGRESS or ILLEGAL_GENERATION when the group moved on: join again.
   */
  sync(generation: number, assignments: readonly MemberAssignment[]): Promise<readonly GivenPartition[]>
  /** Called when the member has to join again, or was put out. */
  onRebalance(handler: () => void): void
  /** `undefined` where nothing is committed. `isStable`: waits for open transactions that may change it. */
  committed(at: readonly GivenPartition[], isStable: boolean): Promise<readonly (number | undefined)[]>
  /**
   * Durable when it resolves. Rejects with ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID after the group moved on, with
   * REBALANCE_IN_PROGRESS between two generations, and with UNKNOWN_TOPIC_ID for a topic that is gone.
   */
  commit(offsets: readonly TopicPosition[], generation: number): Promise<void>
}

/** How a consumer of a share group asks for records. */
export interface AcquireRequest {
  readonly topics: readonly string[]
  readonly maxOffsets: number
  /** So long nobody else gets them. */
  readonly lockMs: number
  /** Where the group begins in a partition that it never read. */
  readonly startAt: 'earliest' | 'latest'
}

/** Offsets in a row that a consumer has the locks of, delivered as often. */
export interface AcquiredRange extends TopicPartition {
  readonly firstOffset: number
  readonly lastOffset: number
  /** This delivery included. */
  readonly deliveryCount: number
}

/** What a consumer says of offsets that it holds, in Kafka's words (KIP-932); `unseen`: this delivery doesn't count. */
export interface AcknowledgeRequest extends TopicPartition {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly type: 'accept' | 'release' | 'reject' | 'gap' | 'unseen'
  /** Of what is released: how long nobody gets it. */
  readonly delayMs: number
}

/**
 * A consumer of a share group: records of one partition go to several consumers, each under a lock of its own. Records are
 * fetched as by any reader. UNKNOWN_MEMBER_ID from any call: its locks are gone, it needs a new session.
 */
export interface ShareSession extends ReaderSession {
  /** Waits until there is something, or `wake`. The deliveries are counted durably when it resolves. */
  acquire(request: AcquireRequest): Promise<readonly AcquiredRange[]>
  /** Called when the process that holds the log ends: what nobody saw yet is to be given back, and no more is acquired. */
  onRelease(handler: () => void): void
  /** Durable when it resolves, but for a release. INVALID_RECORD_STATE for what it doesn't hold, with nothing changed. */
  acknowledge(request: AcknowledgeRequest): Promise<void>
}

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

/** A consumer group as it is now. */
export interface GroupDescription {
  /** The group's name. */
  readonly groupId: string
  /** `'Empty'` without members; `'Stable'` while each has its partitions; else they are being shared anew. */
  readonly state: 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'
  /** Grows with every change of its members. */
  readonly generation: number
  /** How many. */
  readonly members: number
  /** What is committed. */
  readonly offsets: readonly Position[]
}

/** A member of a group as it is now. */
export interface MemberDescription {
  /** Unique in the log. */
  readonly memberId: string
  /** What it subscribed to. */
  readonly topics: readonly string[]
  /** What it reads. */
  readonly partitions: readonly TopicPartition[]
}

/** Where a group goes on in a partition, and who holds it back there. */
export interface GroupOffset extends TopicPartition {
  /** The next offset that is read; `undefined` where the group has committed none. */
  readonly nextOffset: number | undefined
  /**
   * Offsets from there to the last one that `'read_committed'` reads, as Kafka counts them: with those of markers and of records that
   * compaction took. Not with what an unclean end left unused behind the last record. Without a committed offset from the start of the
   * partition on, which is what a member reads that starts at `'earliest'`. Differs from Kafka: its tools show no lag then, so that a sum
   * of them leaves the partition out.
   */
  readonly lag: number
  /** Offsets behind that, which wait for the end of an open transaction. */
  readonly heldBack: number
  /** Transactional id of the oldest open transaction in the partition, `undefined` without one. */
  readonly heldBackBy: string | undefined
}

/** A consumer group with its members and its place in every partition. */
export interface GroupDetails extends Pick<GroupDescription, 'groupId' | 'state' | 'generation'> {
  /** Those that joined; none in state `'Empty'`. */
  readonly members: readonly MemberDescription[]
  /** By topic and partition: all partitions of every topic that it has an offset of or that a member reads. */
  readonly offsets: readonly GroupOffset[]
}

/** How far a share group is in a partition. */
export interface ShareGroupOffset extends TopicPartition {
  /** Every record below it was accepted or rejected, or is gone. */
  readonly startOffset: number
  /** Offsets from there that nobody accepted or rejected yet, as far as those that `lag` of a GroupOffset counts. */
  readonly lag: number
  /** How many of those a consumer has the lock of now. */
  readonly acquired: number
}

/** A share group with its place in every partition that it read. */
export interface ShareGroupDescription {
  /** The group's name. */
  readonly groupId: string
  /** By topic and partition. */
  readonly offsets: readonly ShareGroupOffset[]
}

/** A transactional id and its transaction: the open one, else how the last one ended. */
export interface TransactionDescription {
  /** As its producer was opened with. */
  readonly transactionalId: string
  /** Kafka's names: `'Ongoing'` while one is open, `'Empty'` before the first one of a producer. */
  readonly state:
    | 'Empty'
    | 'Ongoing'
    | 'PrepareCommit'
    | 'PrepareAbort'
    | 'CompleteCommit'
    | 'CompleteAbort'
    | 'Dead'
    | 'PrepareEpochFence'
  /** Of the batches that its producer writes. */
  readonly producerId: number
  /** Goes up with every transaction. */
  readonly producerEpoch: number
  /** After so many milliseconds the log aborts an open one. */
  readonly timeoutMs: number
  /** When the open one began, in milliseconds since 1970; `undefined` without one. */
  readonly startTimestamp: number | undefined
  /** Where the open one has records, by topic and partition. */
  readonly partitions: readonly TopicPartition[]
}

/** A producer that a partition remembers. */
export interface ProducerDescription {
  /** Unique in the log. */
  readonly producerId: number
  /** Of its last batch, or of the marker that ended its last transaction. */
  readonly producerEpoch: number
  /** Of its last record; -1 without one in this epoch. */
  readonly lastSequence: number
  /** Greatest time of a record in its last batch, in milliseconds since 1970; -1 without one in this epoch. */
  readonly lastTimestamp: number
  /** Where its open transaction begins: committed reads end there at the latest. `undefined` without one. */
  readonly currentTransactionStartOffset: number | undefined
  /** Of a transactional producer. */
  readonly transactionalId: string | undefined
}

/** The producers of a partition, as far as their last batches are remembered. */
export interface PartitionProducers extends TopicPartition {
  /** In no order. */
  readonly producers: readonly ProducerDescription[]
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
