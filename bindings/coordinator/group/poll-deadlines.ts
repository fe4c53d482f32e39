/**
 * When each member must have polled again. Not stored, since it moves with every poll. `next` may be too early (a poll
 * doesn't recompute it, `expired` does), never too late.
 */
export class PollDeadlines {
  readonly #byMember: Map<string, MemberDeadline> = new Map()
  #next: number = Number.POSITIVE_INFINITY

  set(groupId: string, memberId: string, maxPollIntervalMs: number, now: number): void {
    this.#put({ groupId, memberId, maxPollIntervalMs, deadline: now + maxPollIntervalMs })
  }

  has(groupId: string, memberId: string): boolean {
    return this.#byMember.has(keyOf(groupId, memberId))
  }

  /** A member that waits inside a poll has no deadline. */
  suspend(groupId: string, memberId: string): void {
    const member = this.#byMember.get(keyOf(groupId, memberId))
    if (member !== undefined) this.#put({ ...member, deadline: Number.POSITIVE_INFINITY })
  }

  restart(groupId: string, memberId: string, now: number): void {
    const member = this.#byMember.get(keyOf(groupId, memberId))
    if (member === undefined) return
    const { awaitsSince, ...rest } = member
    const restarted = { ...rest, deadline: now + rest.maxPollIntervalMs }
    this.#put(awaitsSince === undefined ? restarted : { ...restarted, awaitsSince: now })
  }

  /** A member asked for its next generation or assignment: what others take until it has that isn't its own time. */
  await(groupId: string, memberId: string, now: number): void {
    const member = this.#byMember.get(keyOf(groupId, memberId))
    if (member !== undefined) this.#put({ awaitsSince: now, ...member })
  }

  /** A member has what it asked for. */
  answered(groupId: string, memberId: string, now: number): void {
    const member = this.#byMember.get(keyOf(groupId, memberId))
    if (member?.awaitsSince === undefined) return
    const { awaitsSince, ...rest } = member
    this.#put({ ...rest, deadline: rest.deadline + now - awaitsSince })
  }

  remove(groupId: string, memberId: string): void {
    this.#byMember.delete(keyOf(groupId, memberId))
  }

  /** The wall clock was set forward by `byMs`. */
  clockMoved(byMs: number): void {
    for (const [key, { awaitsSince, ...member }] of this.#byMember) {
      const moved = { ...member, deadline: member.deadline + byMs }
      this.#byMember.set(key, awaitsSince === undefined ? moved : { ...moved, awaitsSince: awaitsSince + byMs })
    }
    this.#next += byMs
  }

  next(): number | undefined {
    return this.#next === Number.POSITIVE_INFINITY ? undefined : this.#next
  }

  /** The members whose deadline has come, earliest first. They stay until they are removed. */
  expired(now: number): readonly MemberDeadline[] {
    if (now < this.#next) return []
    const counted = [...this.#byMember.values()].filter(({ awaitsSince }) => awaitsSince === undefined)
    const members = counted.sort((a, b) => a.deadline - b.deadline)
    this.#next = members[0]?.deadline ?? Number.POSITIVE_INFINITY
    return members.filter(({ deadline }) => deadline <= now)
  }

  #put(member: MemberDeadline): void {
    this.#byMember.set(keyOf(member.groupId, member.memberId), member)
    if (member.awaitsSince === undefined) this.#next = Math.min(this.#next, member.deadline)
  }
}

export interface MemberDeadline {
  readonly groupId: string
  readonly memberId: string
  readonly maxPollIntervalMs: number
  readonly deadline: number
  /** Since when it waits for others. */
  readonly awaitsSince?: number
}

function keyOf(groupId: string, memberId: string): string {
  return JSON.stringify([groupId, memberId])
}
