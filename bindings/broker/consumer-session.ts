import type { TopicPartition } from '../model/positions.ts'
import type { ReaderSession, TopicPosition } from './reader-session.ts'

export interface ConsumerSessionOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  /** Names of the assignors that the client knows, preferred ones first. */
  readonly assignors: readonly string[]
  readonly maxPollIntervalMs: number
}

/** A member of a group: what it wants to read, and what it holds already. */
export interface GroupMember {
  /** The member's id, unique in the log. */
  readonly memberId: string
  /** Names of the topics that it subscribed to. */
  readonly topics: readonly string[]
  /** Partitions that it reads now. */
  readonly owned: readonly TopicPartition[]
}

/** A partition that a member is assigned, with the id of the topic that has the name at that moment. */
export interface GivenPartition extends TopicPartition {
  readonly topicId?: string | undefined
}

export interface MemberAssignment {
  readonly memberId: string
  readonly partitions: readonly TopicPartition[]
}

export interface JoinedGroup {
  readonly generation: number
  /** The name of an assignor that all members know. */
  readonly assignor: string
  /** All members if this one leads the generation and has to assign their partitions; else empty. */
  readonly members: readonly GroupMember[]
}

/**
 * A member of a group, by Kafka's classic protocol: it joins, the leader of the generation says who reads what, and all
 * go on. A partition that moves is first revoked from one member, who may still commit, and assigned to the other a
 * generation later. Any call may reject with UNKNOWN_MEMBER_ID: the member was put out and needs a new session.
 */
export interface ConsumerSession extends ReaderSession {
  /**
   * Nobody took in what the last fetch brought, because it was woken before its answer had come: the next one asks for
   * everything anew.
   */
  readonly isOutOfStep?: boolean
  /** Resolves once every member has joined. A member joins when it begins, and whenever `onRebalance` tells it to. */
  join(owned: readonly TopicPartition[]): Promise<JoinedGroup>
  /**
   * The leader gives its assignments, other members none. Resolves with this member's partitions once the assignments
   * are durable. Rejects with REBALANCE_IN_PROGRESS or ILLEGAL_GENERATION if the group moved on: join again.
   */
  sync(generation: number, assignments: readonly MemberAssignment[]): Promise<readonly GivenPartition[]>
  /** Called when the member has to join again, or was put out. */
  onRebalance(handler: () => void): void
  /**
   * The committed offsets; `undefined` where nothing is committed. With `requireStable` it waits for open transactions
   * that may still change one (KIP-447).
   */
  committed(
    at: readonly GivenPartition[],
    options: { readonly requireStable: boolean },
  ): Promise<readonly (number | undefined)[]>
  /**
   * Commits; durable when it resolves. Rejects with ILLEGAL_GENERATION or UNKNOWN_MEMBER_ID after the group moved on,
   * with REBALANCE_IN_PROGRESS between two generations, and with UNKNOWN_TOPIC_ID for a deleted topic.
   */
  commit(offsets: readonly TopicPosition[], generation: number): Promise<void>
}
