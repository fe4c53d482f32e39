import type { TopicPartition } from '../../model/positions.ts'

/** One change of the groups: what a record of `__consumer_offsets` says. */
export type GroupEntry = OffsetCommitted | OffsetRemoved | GroupStored | GroupRemoved

export interface OffsetPlace {
  readonly groupId: string
  /** The topic that the offset was committed for, by id (docs/decisions/003-committed-offsets.md). */
  readonly topicId: string
  readonly topic: string
  readonly partition: number
}

export interface CommittedOffset extends OffsetPlace {
  /** The offset that is read next. */
  readonly nextOffset: number
  /** Leader epoch of the last record that was read; -1 if it isn't known. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** Milliseconds since 1970. */
  readonly commitTimestamp: number
}

export interface OffsetCommitted {
  readonly kind: 'offset-committed'
  readonly offset: CommittedOffset
}

export interface OffsetRemoved extends OffsetPlace {
  readonly kind: 'offset-removed'
}

/** The whole group after a change of its members. */
export interface GroupStored {
  readonly kind: 'group-stored'
  readonly groupId: string
  readonly generation: number
  /** When it came into its present state, in milliseconds since 1970. */
  readonly stateTimestamp: number
  /** The assignor that its leader used; this and the leader are null without members. */
  readonly assignor: string | null
  readonly leaderId: string | null
  readonly members: readonly MemberMetadata[]
}

/** The group and its generations end. Kafka's coordinator writes it when the last offset is gone. */
export interface GroupRemoved {
  readonly kind: 'group-removed'
  readonly groupId: string
}

/** Kafka's word for what a group's record tells of a member. */
export interface MemberMetadata {
  readonly memberId: string
  readonly clientId: string
  /** Subscribed topics, by name. */
  readonly topics: readonly string[]
  readonly assignment: readonly TopicPartition[]
  /** Kafka's rebalance timeout: how long a member may take between two polls. */
  readonly maxPollIntervalMs: number
}
