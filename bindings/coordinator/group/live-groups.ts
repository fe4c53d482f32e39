import type { JoinRequest } from './join-request.ts'
import { type GroupNotice, LiveGroup, type MemberAssignment, unknownMember } from './live-group.ts'
import { PollDeadlines } from './poll-deadlines.ts'

export interface GroupMemberId {
  readonly groupId: string
  readonly memberId: string
}

export interface SyncRequest extends GroupMemberId {
  readonly generation: number
  /** The leader's assignments; those of other members are ignored. */
  readonly assignments: readonly MemberAssignment[]
  readonly now: number
}

/**
 * The groups that have members, from the first join to the last leave; members live as long as the process.
 * `takeNotices` gives what members must be told; `expired` those that poll too rarely or hold up a rebalance.
 */
export class LiveGroups {
  readonly #groups: Map<string, LiveGroup> = new Map()
  readonly #deadlines: PollDeadlines = new PollDeadlines()
  #notices: GroupNotice[] = []
  /** May be too early, never too late. */
  #nextRebalanceDeadline: number = Number.POSITIVE_INFINITY
  #isReleasing = false

  /** What happened to members since the last call, in order. From now on those that hear an answer have time to poll. */
  takeNotices(now: number): readonly GroupNotice[] {
    const notices = this.#notices
    this.#notices = []
    for (const { kind, groupId, memberId } of notices) {
      if (kind !== 'rebalance') this.#deadlines.answered(groupId, memberId, now)
    }
    return notices
  }

  get(groupId: string): LiveGroup | undefined {
    return this.#groups.get(groupId)
  }

  groupIds(): Iterable<string> {
    return this.#groups.keys()
  }

  /** UNKNOWN_MEMBER_ID for a group without members. */
  of(groupId: string, memberId: string): LiveGroup {
    const group = this.#groups.get(groupId)
    if (group === undefined) throw unknownMember(groupId, memberId)
    return group
  }

  /** `storedGeneration`: where a group goes on that had members before. */
  join(request: JoinRequest, storedGeneration: number): void {
    const { groupId, memberId, maxPollIntervalMs, now } = request
    const group = this.#groups.get(groupId) ?? this.#newGroup(groupId, storedGeneration)
    group.join(request)
    this.#groups.set(groupId, group)
    this.#watch(group)
    // Joining again doesn't count as a poll: a member whose program never returns from its records must still be put
    // out.
    if (!this.#deadlines.has(groupId, memberId)) this.#deadlines.set(groupId, memberId, maxPollIntervalMs, now)
    this.#deadlines.await(groupId, memberId, now)
  }

  /** A member asks for its assignment, or gives them all. Returns whether they must be made durable. */
  sync({ groupId, memberId, generation, assignments, now }: SyncRequest): boolean {
    const isDecided = this.of(groupId, memberId).sync(memberId, generation, assignments)
    this.#deadlines.await(groupId, memberId, now)
    return isDecided
  }

  #newGroup(groupId: string, storedGeneration: number): LiveGroup {
    const group = new LiveGroup(groupId, storedGeneration, (notice) => this.#notices.push(notice))
    if (this.#isReleasing) group.release()
    return group
  }

  /** Returns the group, without the member. Throws UNKNOWN_MEMBER_ID. */
  leave(groupId: string, memberId: string, now: number): LiveGroup {
    const group = this.of(groupId, memberId)
    group.leave(memberId, now)
    this.#deadlines.remove(groupId, memberId)
    this.#watch(group)
    if (group.state === 'Empty') this.#groups.delete(groupId)
    return group
  }

  /** Asks all members to give up what they hold, also those that join later. Returns the groups. */
  release(): readonly LiveGroup[] {
    this.#isReleasing = true
    const groups = [...this.#groups.values()]
    for (const group of groups) group.release()
    return groups
  }

  get isReleased(): boolean {
    return this.#isReleasing && [...this.#groups.values()].every((group) => group.isReleased)
  }

  /** Makes the groups that read these topics rebalance. */
  topicsChanged(names: readonly string[], now: number): void {
    const changed = new Set(names)
    for (const group of this.#groups.values()) {
      if (!group.readsAny(changed)) continue
      group.changed(now)
      this.#watch(group)
    }
  }

  // ---- what takes too long ------------------------------------------------------------------------------------------

  /** A member began to wait for records: its deadline stands still. UNKNOWN_MEMBER_ID. */
  polling(groupId: string, memberId: string): void {
    if (!this.#deadlines.has(groupId, memberId)) throw unknownMember(groupId, memberId)
    this.#deadlines.suspend(groupId, memberId)
  }

  /** A member got its records: it has maxPollIntervalMs until the next poll. */
  polled(groupId: string, memberId: string, now: number): void {
    this.#deadlines.restart(groupId, memberId, now)
  }

  /** When to ask `expired` next; may be early, never late. */
  nextDeadline(): number | undefined {
    const next = Math.min(this.#deadlines.next() ?? Number.POSITIVE_INFINITY, this.#nextRebalanceDeadline)
    return next === Number.POSITIVE_INFINITY ? undefined : next
  }

  /** The wall clock was set forward by `byMs` while no time passed. */
  clockMoved(byMs: number): void {
    this.#deadlines.clockMoved(byMs)
    for (const group of this.#groups.values()) group.clockMoved(byMs)
    this.#nextRebalanceDeadline += byMs
  }

  /** Members that took too long between two polls, or that hold up a rebalance: plan their leave. */
  expired(now: number): readonly GroupMemberId[] {
    const late = this.#lateMembers(now)
    const idle = this.#deadlines.expired(now).map(({ groupId, memberId }) => ({ groupId, memberId }))
    const isLate = (member: GroupMemberId) =>
      late.some(({ groupId, memberId }) => groupId === member.groupId && memberId === member.memberId)
    return [...late, ...idle.filter((member) => !isLate(member))]
  }

  #lateMembers(now: number): readonly GroupMemberId[] {
    if (now < this.#nextRebalanceDeadline) return []
    const groups = [...this.#groups.values()]
    const late = groups.flatMap((group) => group.late(now).map((memberId) => ({ groupId: group.groupId, memberId })))
    this.#nextRebalanceDeadline = groups.reduce(
      (next, group) => Math.min(next, group.deadline),
      Number.POSITIVE_INFINITY,
    )
    return late
  }

  #watch(group: LiveGroup): void {
    this.#nextRebalanceDeadline = Math.min(this.#nextRebalanceDeadline, group.deadline)
  }
}
