export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Where to read next. `offset` names a record, `nextOffset` the place after it. */
export interface Position extends TopicPartition {
  readonly nextOffset: number
}

export type IsolationLevel = 'read_committed' | 'read_uncommitted'

/** `1`: handed to the operating system. `'all'`: on stable storage, directory entries included. */
export type Acks = 1 | 'all'

/** What a log gives, weakest first. */
export type Durability = 'memory' | 'os' | 'stable' | 'replicated'

export interface Guarantees {
  readonly durability: Durability
  readonly embedded: boolean
}
