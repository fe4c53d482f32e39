import type { ErrorCode } from '../../model/error-table.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { GroupStored, MemberMetadata } from './group-entry.ts'
import { type GroupEvent, type GroupState, isGroupState, nextGeneration, nextGroupState } from './group-state.ts'
import type { JoinRequest } from './join-request.ts'
import { voteForAssignor } from './vote.ts'

/** What the leader of a generation is told of each member, to assign partitions. */
export interface MemberSubscription {
  readonly memberId: string
  readonly topics: readonly string[]
  readonly owned: readonly TopicPartition[]
}

export interface MemberAssignment {
  readonly memberId: string
  readonly partitions: readonly TopicPartition[]
}

/** What a member hears: the answer to its join or sync, or that the group wants it to join again. */
export type GroupNotice = { readonly groupId: string; readonly memberId: string } & (
  | {
      readonly kind: 'joined'
      readonly generation: number
      readonly assignor: string
      /** Empty unless the member leads. */
      readonly members: readonly MemberSubscription[]
    }
  | { readonly kind: 'synced'; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'refused'; readonly error: LogError }
  | { readonly kind: 'rebalance' }
)

interface LiveMember extends MemberSubscription {
  readonly clientId: string
  readonly assignors: readonly string[]
  readonly maxPollIntervalMs: number
  /** It waits for the next generation. */
  isJoining: boolean
  /** It waits for its assignment. */
  isSyncing: boolean
  assignment: readonly TopicPartition[]
}

/**
 * A group while it has members. They live in the process that holds the log, and so does this: after a restart the
 * group is empty, at the generation that its record tells. A member goes on with what it holds while the others join; a
 * partition that moves is taken away in one generation and assigned in a later one (KIP-429), for which the leader
 * sees.
 */
export class LiveGroup {
  readonly groupId: string
  readonly #members: Map<string, LiveMember> = new Map()
  readonly #notify: (notice: GroupNotice) => void
  #state: GroupState = 'Empty'
  #generation: number
  #assignor = ''
  #leaderId: string | undefined
  /** When the members that hold up the rebalance are put out. */
  #deadline: number = Number.POSITIVE_INFINITY
  /** During a release: the members that may still hold partitions. */
  #holding: Set<string> | undefined

  constructor(groupId: string, generation: number, notify: (notice: GroupNotice) => void) {
    this.groupId = groupId
    this.#generation = generation
    this.#notify = notify
  }

  get state(): GroupState {
    return this.#state
  }

  get generation(): number {
    return this.#generation
  }

  get deadline(): number {
    return this.#deadline
  }

  /** The wall clock was set forward by `byMs`. */
  clockMoved(byMs: number): void {
    this.#deadline += byMs
  }

  members(): readonly MemberMetadata[] {
    return [...this.#members.values()].map(({ memberId, clientId, topics, assignment, maxPollIntervalMs }) => {
      return { memberId, clientId, topics, assignment, maxPollIntervalMs }
    })
  }

  join(request: JoinRequest): void {
    const { memberId, clientId, topics, owned, assignors, maxPollIntervalMs } = request
    const known = this.#members.get(memberId)
    if (request.rejoins && known === undefined) throw unknownMember(this.groupId, memberId)
    // In each rebalance all members join again: none of them may look at all others.
    if (known === undefined || !isSameList(known.assignors, assignors)) this.#assertAssignor(memberId, assignors)
    const assignment = known?.assignment ?? []
    this.#members.set(memberId, {
      ...{ memberId, clientId, topics: [...new Set(topics)], owned, assignors, maxPollIntervalMs, assignment },
      isJoining: true,
      isSyncing: false,
    })
    if (this.#holding === undefined) return this.#prepare('join', request.now, memberId)
    if (owned.length > 0) this.#answerJoin(memberId, [])
    else this.#holding.delete(memberId)
  }

  #assertAssignor(memberId: string, assignors: readonly string[]): void {
    const others = [...this.#members.values()].filter((member) => member.memberId !== memberId)
    if (voteForAssignor([...others.map((member) => member.assignors), assignors]) !== undefined) return
    const message = `group "${this.groupId}" has no assignor that all its members know`
    throw new LogError('INCONSISTENT_GROUP_PROTOCOL', message, { groupId: this.groupId, assignors })
  }

  /**
   * The process that holds the log is about to end: each member is asked to join again and is then assigned nothing,
   * without waiting for the others. A member that joins with nothing left is not answered any more.
   */
  release(): void {
    this.#state = nextGroupState(this.#state, 'release') as GroupState
    this.#generation = nextGeneration(this.#generation)
    this.#deadline = Number.POSITIVE_INFINITY
    this.#holding = new Set()
    for (const member of this.#members.values()) {
      const { memberId, isJoining, owned } = member
      member.assignment = []
      if (!isJoining || owned.length > 0) this.#holding.add(memberId)
      if (!isJoining) this.#askToJoin(member)
      else if (owned.length > 0) this.#answerJoin(memberId, [])
    }
  }

  /** Nobody holds a partition any more, and each has committed as far as it wanted to. */
  get isReleased(): boolean {
    return this.#holding?.size === 0
  }

  /** A member asks for its assignment; the leader gives all of them. Returns whether they must be made durable. */
  sync(memberId: string, generation: number, assignments: readonly MemberAssignment[]): boolean {
    const member = this.checked(memberId, 'sync')
    this.assertGeneration(generation)
    if (this.#state === 'Stable') {
      this.#notify({ ...this.#to(memberId), kind: 'synced', partitions: member.assignment })
      return false
    }
    member.isSyncing = true
    if (memberId !== this.#leaderId || this.#holding !== undefined) return false
    const byMember = new Map(assignments.map((each) => [each.memberId, each.partitions]))
    for (const each of this.#members.values()) each.assignment = byMember.get(each.memberId) ?? []
    return true
  }

  /** The assignments for which `sync` answered `true` are durable. Ignored if the group went on since. */
  assigned(generation: number): void {
    if (this.#state !== 'CompletingRebalance' || generation !== this.#generation) return
    this.#state = 'Stable'
    this.#deadline = Number.POSITIVE_INFINITY
    for (const member of this.#members.values()) {
      if (member.isSyncing) {
        this.#notify({ ...this.#to(member.memberId), kind: 'synced', partitions: member.assignment })
      }
      member.isSyncing = false
    }
  }

  leave(memberId: string, now: number): void {
    const member = this.checked(memberId, this.#members.size === 1 ? 'leave-last' : 'leave')
    this.#members.delete(memberId)
    this.#refuse(member, 'UNKNOWN_MEMBER_ID', 'left')
    if (this.#leaderId === memberId) this.#leaderId = undefined
    this.#holding?.delete(memberId)
    if (this.#members.size > 0) return this.#holding === undefined ? this.#prepare('leave', now) : undefined
    this.#state = 'Empty'
    this.#deadline = Number.POSITIVE_INFINITY
  }

  /** Topics of the group were created, deleted, or got partitions: everybody joins again. */
  changed(now: number): void {
    if (this.#members.size > 0 && this.#holding === undefined) this.#prepare('change', now)
  }

  readsAny(topics: ReadonlySet<string>): boolean {
    return [...this.#members.values()].some((member) => member.topics.some((topic) => topics.has(topic)))
  }

  /** The members that hold up a rebalance whose deadline has come. */
  late(now: number): readonly string[] {
    if (now < this.#deadline) return []
    const isLate = (member: LiveMember) =>
      this.#state === 'PreparingRebalance' ? !member.isJoining : !member.isSyncing
    const late = [...this.#members.values()].filter(isLate).map(({ memberId }) => memberId)
    // Nobody holds it up: the assignments are on their way to the disk.
    if (late.length === 0) this.#deadline = Number.POSITIVE_INFINITY
    return late
  }

  has(memberId: string): boolean {
    return this.#members.has(memberId)
  }

  checked(memberId: string, event: GroupEvent): LiveMember {
    const member = this.#members.get(memberId)
    if (member === undefined) throw unknownMember(this.groupId, memberId)
    const outcome = nextGroupState(this.#state, event)
    if (isGroupState(outcome)) return member
    throw refusal(outcome, this.groupId, memberId, 'is between two generations')
  }

  assertGeneration(generation: number): void {
    if (this.#generation === generation) return
    throw new LogError(
      'ILLEGAL_GENERATION',
      `group "${this.groupId}" is in generation ${this.#generation}, not ${generation}`,
      { groupId: this.groupId, generation: this.#generation },
    )
  }

  stored(now: number): GroupStored {
    const { groupId, generation } = this
    const members = this.members()
    const isEmpty = members.length === 0
    return {
      ...{ kind: 'group-stored', groupId, generation, stateTimestamp: now, members },
      assignor: isEmpty ? null : this.#assignor,
      leaderId: isEmpty ? null : (this.#leaderId ?? null),
    }
  }

  #to(memberId: string): { groupId: string; memberId: string } {
    return { groupId: this.groupId, memberId }
  }

  #refuse(member: LiveMember, code: ErrorCode, what: string): void {
    if (!member.isJoining && !member.isSyncing) return
    const error = refusal(code, this.groupId, member.memberId, what)
    this.#notify({ ...this.#to(member.memberId), kind: 'refused', error })
  }

  /** Goes to PreparingRebalance, and tells everybody who hasn't asked for the next generation to join. */
  #prepare(event: 'join' | 'leave' | 'change', now: number, joiningId?: string): void {
    const wasPreparing = this.#state === 'PreparingRebalance'
    this.#state = nextGroupState(this.#state, event) as GroupState
    if (!wasPreparing) {
      for (const member of this.#members.values()) {
        if (member.memberId !== joiningId) this.#askToJoin(member)
      }
      this.#waitAtMost(now)
    }
    this.#completeIfAllJoined(now)
  }

  #askToJoin(member: LiveMember): void {
    this.#refuse(member, 'REBALANCE_IN_PROGRESS', 'is between two generations')
    member.isSyncing = false
    this.#notify({ ...this.#to(member.memberId), kind: 'rebalance' })
  }

  #waitAtMost(now: number): void {
    this.#deadline = now + Math.max(...[...this.#members.values()].map((member) => member.maxPollIntervalMs))
  }

  #completeIfAllJoined(now: number): void {
    for (const { isJoining } of this.#members.values()) if (!isJoining) return
    const members = [...this.#members.values()]
    this.#state = 'CompletingRebalance'
    this.#generation = nextGeneration(this.#generation)
    this.#assignor = voteForAssignor(members.map((member) => member.assignors)) ?? ''
    if (this.#leaderId === undefined || !this.#members.has(this.#leaderId)) this.#leaderId = members[0]?.memberId
    const subscriptions = members.map(({ memberId, topics, owned }) => ({ memberId, topics, owned }))
    for (const { memberId } of members) this.#answerJoin(memberId, memberId === this.#leaderId ? subscriptions : [])
    this.#waitAtMost(now)
  }

  /** `members`: for the one that has to assign partitions. */
  #answerJoin(memberId: string, members: readonly MemberSubscription[]): void {
    const member = this.#members.get(memberId)
    if (member !== undefined) member.isJoining = false
    const { generation } = this
    this.#notify({ ...this.#to(memberId), kind: 'joined', generation, assignor: this.#assignor, members })
  }
}

export function unknownMember(groupId: string, memberId: string): LogError {
  return new LogError('UNKNOWN_MEMBER_ID', `group "${groupId}" has no member "${memberId}"`, { groupId, memberId })
}

function refusal(code: ErrorCode, groupId: string, memberId: string, what: string): LogError {
  if (code === 'UNKNOWN_MEMBER_ID') return unknownMember(groupId, memberId)
  return new LogError(code, `group "${groupId}" ${what}`, { groupId, memberId })
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each, index) => each === other[index])
}
