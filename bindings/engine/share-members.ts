import type { AcquiredRange } from '../broker/share-session.ts'
import type { TopicFacts } from '../broker/topic-facts.ts'
import { checkedOffsets, type TopicLookup } from '../coordinator/group/commit-request.ts'
import type { ShareGroups } from '../coordinator/share/share-groups.ts'
import { ALONE_FROM } from '../coordinator/share/share-partition.ts'
import type { SharePlace } from '../coordinator/share/share-record.ts'
import type { TableRecord } from '../log/catalogue/table-record.ts'
import { LogError } from '../model/errors.ts'
import type { Callback, CommandOf, ShareMember } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { type Asking, WaitingShareMembers } from './waiting-share-members.ts'

export interface ShareHooks {
  /** UNKNOWN_TOPIC_OR_PARTITION. */
  facts(topic: string): Pick<TopicFacts, 'topicId' | 'partitions'>
  /** UNKNOWN_TOPIC_OR_PARTITION. */
  partition(topic: string, partition: number): HostedPartition
  /** The partition of a topic's id; `undefined` once the topic is gone. */
  partitionOf(id: Omit<SharePlace, 'groupId'>): HostedPartition | undefined
  /** `undefined` as soon as the topic's delete is planned: what is planned later would come after its tombstones. */
  topicOf: TopicLookup
  /**
   * Makes records durable in their order, then calls back; at once without records. After a crash only the first of
   * them may be there.
   */
  change(records: readonly TableRecord[], done: Callback<void>): void
}

type Acquire = CommandOf<'acquireShare'>

/** As a fraction of 2^32. Its multiples, also every nth of them, are spread evenly (Fibonacci hashing). */
const GOLDEN_RATIO = 0x9e3779b1

/** Serves the commands of share groups, and keeps the consumers that wait for records. */
export class ShareMembers {
  readonly #shares: ShareGroups
  readonly #hooks: ShareHooks
  readonly #waiting: WaitingShareMembers = new WaitingShareMembers()
  /** By member id: asks the member to release the records that its program hasn't seen. */
  readonly #releases: Map<string, () => void> = new Map()
  /** How many changes for members are planned and not durable yet. */
  #underWay = 0
  /** This process is about to give up the log: nobody acquires any more. */
  #isReleasing = false
  /** Called once nobody holds a lock any more. */
  #released: Callback<void> | undefined
  #turns = 0

  constructor(shares: ShareGroups, hooks: ShareHooks) {
    this.#shares = shares
    this.#hooks = hooks
  }

  acquire(command: Acquire, now: number): void {
    this.#endWait(command.member)
    this.#releases.set(command.member.memberId, command.release)
    const asking = { ...command, sinceMs: now }
    if (!this.#isReleasing && this.#serve(asking, now)) return
    this.#waiting.add(asking)
  }

  /** False if there is nothing for the member now. `topics`: those of its topics that may have something. */
  #serve({ member, request, done, sinceMs }: Asking, now: number, topics = request.topics): boolean {
    const { groupId, memberId } = member
    const acquired: AcquiredRange[] = []
    let left = request.maxOffsets
    const waitedMs = now - sinceMs
    const records: TableRecord[] = []
    this.#begin(groupId, topics, request.startAt)
    try {
      for (const { id, partition } of this.#inTurn(groupId, topics)) {
        if (left <= 0) break
        const at = { groupId, ...id, ...rangeOf(partition) }
        const hasOthers = acquired.length > 0
        const planned = this.#shares.planAcquire(at, { ...request, memberId, maxOffsets: left, now, hasOthers })
        if (planned === undefined) continue
        records.push(...planned.records)
        for (const range of planned.ranges) {
          acquired.push({ ...id, ...range, beginning: planned.beginning, waitedMs })
          left -= range.deliveryCount > ALONE_FROM ? left : range.lastOffset - range.firstOffset + 1
        }
      }
    } catch (error) {
      // A partition finds no memory. What is locked by now was counted as delivered, so it is; the next request hears.
      if (acquired.length === 0) throw error
    }
    if (acquired.length === 0) return false
    this.#change(records, (error) => done(error, acquired))
    return true
  }

  /**
   * The partitions of the topics that may have something for the group, beginning with another topic each time, so that
   * a busy one doesn't keep the others from being read. Which one is drawn by the golden ratio: by their count alone,
   * groups that ask in turns would each have the same one first each time.
   */
  *#inTurn(groupId: string, topics: readonly string[]): Iterable<HostedPartition> {
    const drawn = (Math.imul(this.#turns++, GOLDEN_RATIO) >>> 0) / 2 ** 32
    const first = Math.floor(drawn * topics.length)
    for (const topic of [...topics.slice(first), ...topics.slice(0, first)]) {
      const { topicId } = this.#hooks.facts(topic)
      if (this.#hooks.topicOf(topicId) === undefined) continue
      for (const { partition } of this.#shares.inTurn(groupId, topicId)) yield this.#hooks.partition(topic, partition)
    }
  }

  /**
   * Has the group begin where it hasn't yet. That is stored at once, whatever becomes of who asked: a restart must not
   * move where it begins. It begins in all partitions of a topic at once, so a partition that was added later holds
   * nothing older than that.
   */
  #begin(groupId: string, topics: readonly string[], where: Acquire['request']['startAt']): void {
    // Asked for all of them first: where one is gone, the member is refused and nothing has begun.
    const facts = topics.map((topic) => ({ ...this.#hooks.facts(topic), topic }))
    for (const { topic, topicId, partitions } of facts) {
      if (this.#shares.begunCount(groupId, topicId) >= partitions || this.#hooks.topicOf(topicId) === undefined)
        continue
      const startAt = this.#shares.isKnown({ groupId, topicId, partition: 0 }) ? 'earliest' : where
      const unknown = Array.from({ length: partitions }, (_, partition) => partition)
        .filter((partition) => !this.#shares.isKnown({ groupId, topicId, partition }))
        .map((partition) => this.#hooks.partition(topic, partition))
      // One commit deletes the topic and makes it again, and tells first what it changed before: until the delete is
      // told, the old partitions have the name. The group begins when the new topic is told of.
      if (unknown.some(({ id }) => id.topicId !== topicId)) continue
      const places = unknown.map((hosted) => {
        const { logStartOffset, endOffset } = rangeOf(hosted.partition)
        const { partition } = hosted.id
        return { topicId, partition, startOffset: startAt === 'earliest' ? logStartOffset : endOffset }
      })
      this.#change(this.#shares.planStart(groupId, places), () => {})
    }
  }

  acknowledge({ member, request, done }: CommandOf<'acknowledgeShare'>, now: number): void {
    const { topic, topicId, partition, delayMs, ...delivery } = request
    const { groupId, memberId } = member
    const at = { groupId, topicId, topic, partition }
    const said = { ...delivery, memberId, availableAt: delayMs > 0 ? now + delayMs : 0 }
    const records = this.#shares.planAcknowledge(at, said)
    this.#change(records, done)
    this.#serveChanged([at], now)
  }

  /** There may be something for the members of these groups that wait. */
  #serveChanged(places: readonly SharePlace[], now: number): void {
    for (const place of places) {
      if (!this.#waiting.hasGroup(place.groupId)) continue
      const changed = this.#hooks.partitionOf(place)
      if (changed !== undefined) this.#serveGroup(place.groupId, now, changed.id.topic)
    }
  }

  #change(records: readonly TableRecord[], done: Callback<void>): void {
    this.#underWay++
    this.#hooks.change(records, (error) => {
      this.#underWay--
      done(error)
      this.#notifyReleased()
    })
  }

  /**
   * Asks all members to release the records that they have locked: the next holder delivers them again, and it doesn't
   * know this one's locks.
   */
  release({ done }: CommandOf<'releaseShares'>): void {
    this.#isReleasing = true
    this.#released = done
    for (const release of this.#releases.values()) release()
    this.#notifyReleased()
  }

  #notifyReleased(): void {
    if (this.#released === undefined || this.#underWay > 0 || this.#shares.isHeld) return
    this.#released(undefined)
    this.#released = undefined
  }

  wake({ member, done }: CommandOf<'wakeShare'>): void {
    this.#endWait(member)
    done(undefined)
  }

  leave({ member, done }: CommandOf<'leaveShare'>, now: number): void {
    this.#endWait(member)
    this.#releases.delete(member.memberId)
    this.#serveChanged(this.#shares.release(member.memberId), now)
    done(undefined)
    this.#notifyReleased()
  }

  start({ groupId, at, done }: CommandOf<'startShareGroup'>, now: number): void {
    this.#assertUnused(groupId)
    const offsets = checkedOffsets({ groupId, offsets: at, now }, this.#hooks.topicOf)
    const places = offsets.map(({ nextOffset, ...place }) => ({ ...place, startOffset: nextOffset }))
    this.#hooks.change(this.#shares.planStart(groupId, places), done)
  }

  delete({ groupId, done }: CommandOf<'deleteShareGroup'>): void {
    this.#assertUnused(groupId)
    const records = this.#shares.planDelete(groupId)
    if (records.length === 0) throw new LogError('GROUP_ID_NOT_FOUND', `no share group "${groupId}"`, { groupId })
    this.#hooks.change(records, done)
  }

  /**
   * Throws NON_EMPTY_GROUP while a member waits or has locked records. Nothing is known of any other consumer, so
   * nothing is taken from one.
   */
  #assertUnused(groupId: string): void {
    if (
      !this.#waiting.hasGroup(groupId) &&
      this.#shares.facts(groupId).every(({ acquiredCount }) => acquiredCount === 0)
    )
      return
    throw new LogError('NON_EMPTY_GROUP', `consumers of share group "${groupId}" wait or hold records`, { groupId })
  }

  #endWait(member: ShareMember): void {
    this.#waiting.remove(member)?.done(undefined, [])
  }

  /** Records were deleted: nobody holds a lock of them. */
  startMoved({ id, partition }: HostedPartition): void {
    this.#shares.startMoved(id, partition.watermarks.logStartOffset)
    this.#notifyReleased()
  }

  /** Readers may see more of the partition. */
  advanced({ id }: HostedPartition, now: number): void {
    this.#shares.advanced(id)
    this.topicChanged(id.topic, now)
  }

  /** The topic has more for its members, or it is gone, which they are told. */
  topicChanged(topic: string, now: number): void {
    for (const groupId of this.#waiting.groupsAt(topic)) this.#serveGroup(groupId, now, topic)
  }

  /** The wall clock was set forward by `byMs`: members that wait haven't waited longer because of it. */
  clockMoved(byMs: number): void {
    for (const each of this.#waiting.clear()) this.#waiting.add({ ...each, sinceMs: each.sinceMs + byMs })
  }

  /** Ends locks and delays of released records whose time is over. */
  tick(now: number): void {
    const changed = this.#shares.expire(now)
    if (changed.length === 0) return
    this.#serveChanged(changed, now)
    this.#notifyReleased()
  }

  /** Serves the group's members that wait. `changed`: the only topic that may have something new for them. */
  #serveGroup(groupId: string, now: number, changed: string): void {
    if (this.#isReleasing) return
    for (const waiting of this.#waiting.at(changed, groupId)) {
      const { member, done } = waiting
      try {
        // What isn't there for one member isn't for those after it.
        if (!this.#serve(waiting, now, [changed])) return
        this.#waiting.remove(member)
      } catch (error) {
        this.#waiting.remove(member)
        done(error)
      }
    }
  }

  fail(error: LogError): void {
    for (const { done } of this.#waiting.clear()) done(error)
    this.#released?.(error)
    this.#released = undefined
  }
}

function rangeOf({ watermarks, lastStableOffset }: HostedPartition['partition']) {
  return { logStartOffset: watermarks.logStartOffset, endOffset: lastStableOffset }
}
