/**
 * What clients did and saw, in their own words. Nothing here comes from the log under test: a client records what it
 * asked for, what it was answered, and what it read.
 *
 * - Every value is unique in its history (put a counter into it): a value stands for the one send that wrote it.
 * - The topics lose nothing by retention or compaction while the history lasts, and a consumer that isn't told a
 *   position starts anywhere.
 * - `unknown` is the honest outcome of a request that wasn't answered. It may have been done or not.
 */

export interface Place {
  readonly topic: string
  readonly partition: number
}

export interface Send extends Place {
  readonly producer: string
  readonly value: string
  /** `failed`: surely not written. In a transaction this is the send's own answer, not the transaction's end. */
  readonly outcome: 'ok' | 'failed' | 'unknown'
  /** Where the answer said that it is; undefined without an answer. */
  readonly offset: number | undefined
  /** Id of the transaction that it belongs to. */
  readonly transaction: string | undefined
}

export interface TransactionEnd {
  readonly id: string
  readonly producer: string
  readonly outcome: 'committed' | 'aborted' | 'unknown'
  /** Tick at which the end was asked for: nothing of it may be seen by read_committed before. */
  readonly askedAt: number
}

export type Isolation = 'read_committed' | 'read_uncommitted'

export interface SeenRecord {
  readonly offset: number
  readonly value: string
}

/** One answer of a poll, for one partition, in the order of its records. */
export interface Poll extends Place {
  readonly step: 'poll'
  readonly consumer: string
  readonly isolation: Isolation
  readonly records: readonly SeenRecord[]
  /** Tick at which the answer was there. */
  readonly answeredAt: number
}

/**
 * The consumer reads on from here: an assignment, a rebalance, a seek, a restart. What it read before doesn't matter
 * any more.
 */
export interface Position extends Place {
  readonly step: 'position'
  readonly consumer: string
  readonly offset: number
}

export interface OffsetCommit extends Place {
  readonly group: string
  /** The next offset to read. */
  readonly offset: number
  readonly outcome: 'ok' | 'failed' | 'unknown'
  /** Id of the transaction that the commit is part of. Its end then decides, not `outcome`. */
  readonly transaction: string | undefined
}

/**
 * Everything from the partition's start to its end, read_committed, by a fresh reader after all clients had stopped.
 */
export interface FinalRead extends Place {
  readonly records: readonly SeenRecord[]
}

/** What a group's committed offset was in the end; -1 for none. */
export interface FinalOffset extends Place {
  readonly group: string
  readonly offset: number
}

export interface History {
  readonly sends: readonly Send[]
  readonly transactions: readonly TransactionEnd[]
  /** Polls and positions; those of one consumer in the order in which it saw them. */
  readonly steps: readonly (Poll | Position)[]
  readonly commits: readonly OffsetCommit[]
  readonly finalReads: readonly FinalRead[]
  readonly finalOffsets: readonly FinalOffset[]
}
