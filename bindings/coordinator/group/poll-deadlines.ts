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
    if (member !== undefined) this.#put({ ...member, deadline: now + member.maxPollIntervalMs })
  }

  remove(groupId: string, memberId: string): void {
    this.#byMember.delete(keyOf(groupId, memberId))
  }

  /** The wall clock was set forward by `byMs`. */
  clockMoved(byMs: number): void {
    for (const [key, member] of this.#byMember) this.#byMember.set(key, { ...member, deadline: member.deadline + byMs })
    this.#next += byMs
  }

  next(): number | undefined {
    return this.#next === Number.POSITIVE_INFINITY ? undefined : this.#next
  }

  /** The members whose deadline has come, earliest first. They stay until they are removed. */
  expired(now: number): readonly MemberDeadline[] {
    if (now < this.#next) return []
    const members = [...this.#byMember.values()].sort((a, b) => a.deadline - b.deadline)
    this.#next = members[0]?.deadline ?? Number.POSITIVE_INFINITY
    return members.filter(({ deadline }) => deadline <= now)
  }

  #put(member: MemberDeadline): void {
    this.#byMember.set(keyOf(member.groupId, member.memberId), member)
    this.#next = Math.min(this.#next, member.deadline)
  }
}

export interface MemberDeadline {
  readonly groupId: string
  readonly memberId: string
  readonly maxPollIntervalMs: number
  readonly deadline: number
}

function keyOf(groupId: string, memberId: string): string {
  return JSON.stringify([groupId, memberId])
}
