import type { Position, TopicPartition } from '../model/positions.ts'

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
