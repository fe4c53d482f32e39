/** One partition of one topic. */
export interface TopicPartition {
  /** The topic's name. */
  readonly topic: string
  /** From 0. */
  readonly partition: number
}

/** Where to read next. `offset` names a record, `nextOffset` the place after it. */
export interface Position extends TopicPartition {
  /** From 0; the end of a partition is a position too. */
  readonly nextOffset: number
}

/**
 * No record has an offset from here on. Up to 2^53, as far as a double counts, there is room for the markers of what is open then and
 * for the ceilings of an unclean end (durability rule 5).
 */
export const OFFSETS_MAX: number = 2 ** 53 - 1_000_000

/** `'read_committed'` never shows records of a transaction that isn't committed; `'read_uncommitted'` shows all. */
export type IsolationLevel = 'read_committed' | 'read_uncommitted'

/** `1`: handed to the operating system. `'all'`: on stable storage, directory entries included. */
export type Acks = 1 | 'all'

/**
 * What an `acks: 'all'` record survives, weakest first: `'memory'` nothing but the program's own going on, `'os'` the end of
 * the process, `'stable'` a power cut, `'replicated'` the loss of a machine.
 */
export type Durability = 'memory' | 'os' | 'stable' | 'replicated'

/** What a log gives, whatever its users ask for. */
export interface Guarantees {
  /** `'stable'` for `open`, `'memory'` for `openMemory`. */
  readonly durability: Durability
  /** True when the log runs in the program's own process. */
  readonly embedded: boolean
}
