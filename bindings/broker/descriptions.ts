import type { Position, TopicPartition } from '../model/positions.ts'

/** A consumer group as it is now. */
export interface GroupDescription {
  /** The group's id. */
  readonly groupId: string
  /**
   * `'Empty'` without members, `'Stable'` while each member has its partitions; in the other two states the partitions
   * are being shared anew. Kafka's names.
   */
  readonly state: 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'
  /** Number of the generation: grows with every change of the members. */
  readonly generation: number
  /** How many members the group has. */
  readonly members: number
  /** The committed offsets. */
  readonly offsets: readonly Position[]
}

/** A member of a group as it is now. */
export interface MemberDescription {
  /** The member's id, unique in the log. */
  readonly memberId: string
  /** Names of the topics that it subscribed to. */
  readonly topics: readonly string[]
  /** The partitions that it reads. */
  readonly partitions: readonly TopicPartition[]
}

/** Where a group goes on in a partition, and who holds it back there. */
export interface GroupOffset extends TopicPartition {
  /** The offset that is read next; `undefined` if the group has committed none. */
  readonly nextOffset: number | undefined
  /**
   * How far the group is behind: offsets from the first record at or after `nextOffset` up to the last one that
   * `'read_committed'` reads, so 0 when it has read everything. As in Kafka, this counts the offsets of markers and of
   * records that compaction removed between the two, those that an unclean end left unused there (up to 65536 each
   * time), and records that were deleted before the group had read them; it counts no others before the first and after
   * the last record. Without a committed offset it counts from the
   * start of the partition, where a member with `autoOffsetReset: 'earliest'` would begin. Differs from Kafka: its tools
   * show no lag then, so that their sum leaves the partition out.
   */
  readonly lag: number
  /** How many more offsets there are that wait for the end of an open transaction. */
  readonly heldBack: number
  /** Transactional id of the oldest open transaction in the partition; `undefined` without one. */
  readonly heldBackBy: string | undefined
}

/** A consumer group with its members and its place in every partition. */
export interface GroupDetails extends Pick<GroupDescription, 'groupId' | 'state' | 'generation'> {
  /** The members that joined; none in state `'Empty'`. */
  readonly members: readonly MemberDescription[]
  /** All partitions of every topic that it has an offset of or that a member reads, sorted by topic and partition. */
  readonly offsets: readonly GroupOffset[]
}

/** How far a share group is in a partition. */
export interface ShareGroupOffset extends TopicPartition {
  /** Every record below it was accepted or rejected, or is gone. */
  readonly startOffset: number
  /**
   * Offsets from `startOffset` on that nobody has accepted or rejected yet, counted up to where `GroupOffset.lag`
   * counts.
   */
  readonly lag: number
  /** How many of these a consumer has under lock now. */
  readonly acquired: number
}

/** A share group with its place in every partition that it read. */
export interface ShareGroupDescription {
  /** The share group's id. */
  readonly groupId: string
  /** Its places, sorted by topic and partition. */
  readonly offsets: readonly ShareGroupOffset[]
}

/** A transactional id and its transaction: the open one, else how the last one ended. */
export interface TransactionDescription {
  /** The id that its producer was opened with. */
  readonly transactionalId: string
  /** Kafka's names. `'Ongoing'` while a transaction is open; `'Empty'` before the first one of a producer. */
  readonly state:
    | 'Empty'
    | 'Ongoing'
    | 'PrepareCommit'
    | 'PrepareAbort'
    | 'CompleteCommit'
    | 'CompleteAbort'
    | 'Dead'
    | 'PrepareEpochFence'
  /** The producer id in the batches that its producer writes. */
  readonly producerId: number
  /** The epoch in those batches: goes up with every transaction (KIP-890). */
  readonly producerEpoch: number
  /** How long a transaction may be open before the log aborts it, in milliseconds. */
  readonly timeoutMs: number
  /** When the open transaction began, in milliseconds since 1970; `undefined` without one. */
  readonly startTimestamp: number | undefined
  /** Partitions in which the open transaction has records, sorted by topic and partition. */
  readonly partitions: readonly TopicPartition[]
}

/** A producer that a partition remembers. */
export interface ProducerDescription {
  /** The producer's id, unique in the log. */
  readonly producerId: number
  /** Epoch of its last batch, or of the marker that ended its last transaction. */
  readonly producerEpoch: number
  /** Sequence of its last record; -1 without one in this epoch. */
  readonly lastSequence: number
  /** Greatest timestamp in its last batch, in milliseconds since 1970; -1 without one in this epoch. */
  readonly lastTimestamp: number
  /** First offset of its open transaction, at which committed reads end at the latest; `undefined` without one. */
  readonly currentTransactionStartOffset: number | undefined
  /** The transactional id of its producer; `undefined` for a producer without transactions. */
  readonly transactionalId: string | undefined
}

/** The producers of a partition, as far as their last batches are remembered. */
export interface PartitionProducers extends TopicPartition {
  /** The producers, in no order. */
  readonly producers: readonly ProducerDescription[]
}
