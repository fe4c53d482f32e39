import type { CommandOf, ShareMember } from './commands.ts'

type Acquire = CommandOf<'acquireShare'>

/** A consumer of a share group that waits for records, and since when. */
export interface Asking extends Acquire {
  readonly sinceMs: number
}

/** Of one group, by member id; those that waited longest come first. */
type OfGroup = Map<string, Asking>

/**
 * The consumers of share groups that wait for records, by their groups and by the topics that they ask for: each append
 * asks who waits for its topic, and there may be thousands of groups that read others.
 */
export class WaitingShareMembers {
  readonly #byGroup = new Map<string, OfGroup>()
  readonly #byTopic = new Map<string, Map<string, OfGroup>>()

  hasGroup(groupId: string): boolean {
    return this.#byGroup.has(groupId)
  }

  /** The groups whose members wait for the topic. A copy, since the caller may serve some while it goes through it. */
  groupsAt(topic: string): readonly string[] {
    const byGroup = this.#byTopic.get(topic)
    return byGroup === undefined ? [] : [...byGroup.keys()]
  }

  /** The members of a group that wait for the topic, as a copy too. */
  at(topic: string, groupId: string): readonly Asking[] {
    return [...(this.#byTopic.get(topic)?.get(groupId)?.values() ?? [])]
  }

  add(asking: Asking): void {
    put(this.#byGroup, asking)
    for (const topic of asking.request.topics) {
      let byGroup = this.#byTopic.get(topic)
      if (byGroup === undefined) {
        byGroup = new Map()
        this.#byTopic.set(topic, byGroup)
      }
      put(byGroup, asking)
    }
  }

  /** Returns what it asked for; `undefined` if it doesn't wait. */
  remove(member: ShareMember): Asking | undefined {
    const asking = this.#byGroup.get(member.groupId)?.get(member.memberId)
    if (asking === undefined) return undefined
    take(this.#byGroup, member)
    for (const topic of asking.request.topics) {
      const byGroup = this.#byTopic.get(topic)
      if (byGroup !== undefined && take(byGroup, member)) this.#byTopic.delete(topic)
    }
    return asking
  }

  /** Takes all of them. */
  clear(): readonly Asking[] {
    const all = [...this.#byGroup.values()].flatMap((ofGroup) => [...ofGroup.values()])
    this.#byGroup.clear()
    this.#byTopic.clear()
    return all
  }
}

function put(byGroup: Map<string, OfGroup>, asking: Asking): void {
  const { groupId, memberId } = asking.member
  const ofGroup: OfGroup = byGroup.get(groupId) ?? new Map()
  byGroup.set(groupId, ofGroup.set(memberId, asking))
}

/** Returns whether nobody is left. */
function take(byGroup: Map<string, OfGroup>, { groupId, memberId }: ShareMember): boolean {
  const ofGroup = byGroup.get(groupId)
  if (ofGroup?.delete(memberId) && ofGroup.size === 0) byGroup.delete(groupId)
  return byGroup.size === 0
}
