/** One partition of one topic. */
export interface TopicPartition {
  /** The topic's name. */
  readonly topic: string
  /** The partition's number, from 0. */
  readonly partition: number
}

/** Of a partition of whichever topic has the name: one that is deleted and created again has the same. */
export function placeKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** The order of partitions in lists: by topic, then by number. */
export function byPlace(a: TopicPartition, b: TopicPartition): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
}

/** A place where reading goes on. `offset` always names a record, `nextOffset` the place after it. */
export interface Position extends TopicPartition {
  /** The offset that is read next, from 0. The end of a partition is a position too. */
  readonly nextOffset: number
}

/**
 * `'read_committed'` shows no record of a transaction before it is committed, and none of an aborted one;
 * `'read_uncommitted'` shows all records.
 */
export type IsolationLevel = 'read_committed' | 'read_uncommitted'

/**
 * Where a record is when its send resolves. `1`: with the operating system. `'all'`: on stable storage, directory
 * entries included.
 */
export type Acks = 1 | 'all'

/**
 * What a record with `acks: 'all'` survives, weakest first: `'memory'`: nothing, it ends with the process; `'os'`: the
 * end of the process; `'stable'`: a power cut; `'replicated'`: the loss of a machine.
 */
export type Durability = 'memory' | 'os' | 'stable' | 'replicated'

/** What a log guarantees, whatever its users ask for. */
export interface Guarantees {
  /** `'stable'` for `open`, `'memory'` for `openMemory`, what its driver gives for `openDriver`. */
  readonly durability: Durability
  /** True when the log runs in the program's own process, or in another one that has its directory open. */
  readonly embedded: boolean
}
