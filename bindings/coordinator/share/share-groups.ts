import type { TableRecord, TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { LogError } from '../../model/errors.ts'
import { assertGroupId } from '../group-id.ts'
import { type GroupPartition, GroupPartitions } from './group-partitions.ts'
import { type AcknowledgeType, type DeliveryRange, type LockRequest, SharePartition } from './share-partition.ts'
import { decodeShareRecord, encodeShareKey, encodeShareSnapshot, type SharePlace } from './share-record.ts'

/** A partition as it is when somebody asks for its records. */
export interface ShareablePartition extends SharePlace {
  readonly logStartOffset: number
  /** Committed readers see the records below it. */
  readonly endOffset: number
}

export interface MemberAcknowledge extends DeliveryRange {
  readonly memberId: string
  readonly beginning: number
  readonly type: AcknowledgeType
  /**
   * Released records can be delivered again from this time on, and renewed locks last until then, in milliseconds since
   * 1970.
   */
  readonly availableAt: number
}

/** How far a group is in one partition. */
export interface ShareFacts extends SharePlace {
  /** Everything below it is finished. */
  readonly startOffset: number
  readonly acquiredCount: number
  unfinishedBetween(fromOffset: number, endOffset: number): number
}

/**
 * Share groups (KIP-932): several consumers take records of the same partitions, each record under a lock. `plan...`
 * changes what is in memory and returns the records that make it durable: answer nobody before they are. Locks live as
 * long as the process; delivery counts are kept, and written before the delivery. Differs from Kafka, which counts in
 * memory: there a record that kills its consumer leaves the broker alive. Here it may kill the log's holder too, and
 * would come again for ever.
 */
export class ShareGroups {
  readonly #partitions = new GroupPartitions()
  /** Those in which somebody holds a lock. There may be thousands of others. */
  readonly #held: Set<GroupPartition> = new Set()
  /** Those in which a lock or a delay ends at some time. */
  readonly #timed: Set<GroupPartition> = new Set()
  /** May be too early, never too late. Remembered, because every step of the engine asks for it. */
  #nextDeadline: number = Number.POSITIVE_INFINITY
  #beginnings = 0
  /** Records that `plan...` returned: when they come back to `apply`, their content is in memory already. */
  readonly #own: WeakSet<TableRecord> = new WeakSet()

  /** `undefined` where the group hasn't begun. */
  planAcquire(
    at: ShareablePartition,
    request: LockRequest,
  ):
    | {
        readonly ranges: readonly DeliveryRange[]
        readonly beginning: number
        readonly records: readonly TableRecord[]
      }
    | undefined {
    const groupPartition = this.#partitions.get(at)
    if (groupPartition === undefined) return undefined
    const { shared, beginning } = groupPartition
    shared.moveStart(at.logStartOffset)
    const ranges = shared.acquire(request, at.endOffset)
    this.#watch(groupPartition)
    this.#partitions.asked(groupPartition, { gave: ranges.length > 0, hasMore: shared.hasMore })
    return { ranges, beginning, records: ranges.length > 0 ? [this.#snapshot(groupPartition)] : [] }
  }

  /** The places of a topic that may have something for the group, in the order of their turns. */
  inTurn(groupId: string, topicId: string): Iterable<SharePlace> {
    return this.#partitions.inTurn({ groupId, topicId })
  }

  /** Readers may see more of the partition. */
  advanced(id: Omit<SharePlace, 'groupId'>): void {
    this.#partitions.advanced(id)
  }

  /** Records below `logStartOffset` are gone: for every group that has begun there they are finished. */
  startMoved(id: Omit<SharePlace, 'groupId'>, logStartOffset: number): void {
    for (const groupPartition of this.#partitions.at(id)) {
      groupPartition.shared.moveStart(logStartOffset)
      this.#watch(groupPartition)
    }
  }

  /** In how many partitions of the topic the group has begun. */
  begunCount(groupId: string, topicId: string): number {
    return this.#partitions.count({ groupId, topicId })
  }

  isKnown(at: SharePlace): boolean {
    return this.#partitions.get(at) !== undefined
  }

  /** INVALID_GROUP_ID for an id that its record couldn't bring back. */
  #beginAt({ groupId, topicId, partition }: SharePlace, startOffset: number): GroupPartition {
    assertGroupId(groupId)
    return this.#begin({ groupId, topicId, partition }, new SharePartition(startOffset))
  }

  #begin(place: SharePlace, shared: SharePartition): GroupPartition {
    const groupPartition = { ...place, shared, beginning: ++this.#beginnings, key: encodeShareKey(place) }
    this.#remove(this.#partitions.get(place))
    this.#partitions.add(groupPartition)
    return groupPartition
  }

  #remove(known: GroupPartition | undefined): void {
    if (known === undefined) return
    this.#partitions.remove(known)
    this.#held.delete(known)
    this.#timed.delete(known)
  }

  /**
   * Throws INVALID_RECORD_STATE, with nothing changed, for offsets that the member hasn't locked. A release stores
   * nothing: after a restart locked records are available anyway, with the same delivery count. Nor does a renewal.
   */
  planAcknowledge(at: SharePlace & { readonly topic: string }, request: MemberAcknowledge): readonly TableRecord[] {
    const groupPartition = this.#partitions.get(at)
    const { memberId, beginning, firstOffset, type, availableAt } = request
    if (groupPartition?.beginning !== beginning) throw notHeld(at, firstOffset)
    const offset = groupPartition.shared.acknowledge(memberId, request, type, availableAt)
    this.#watch(groupPartition)
    if (offset !== undefined) throw notHeld(at, offset)
    this.#partitions.mayGive(groupPartition)
    return type === 'release' || type === 'renew' ? [] : [this.#snapshot(groupPartition)]
  }

  /**
   * A member left: its records are available to others, with the same delivery count, which stores nothing. Returns
   * where it had locked any.
   */
  release(memberId: string): readonly SharePlace[] {
    return this.#changed(this.#held, ({ shared }) => shared.releaseAll(memberId))
  }

  /** Whether anybody holds a lock. */
  get isHeld(): boolean {
    return this.#held.size > 0
  }

  /** Ends locks and delays whose time is over. Returns where something is available now that wasn't. */
  expire(now: number): readonly SharePlace[] {
    if (now < this.#nextDeadline) return []
    this.#nextDeadline = Number.POSITIVE_INFINITY
    return this.#changed(this.#timed, ({ shared }) => shared.expire(now))
  }

  #changed(among: Iterable<GroupPartition>, change: (each: GroupPartition) => boolean): readonly SharePlace[] {
    const changed: SharePlace[] = []
    for (const each of [...among]) {
      if (change(each)) {
        changed.push(each)
        this.#partitions.mayGive(each)
      }
      this.#watch(each)
    }
    return changed
  }

  /** When to ask `expire` next; may be early, never late. */
  nextDeadline(): number | undefined {
    return this.#nextDeadline === Number.POSITIVE_INFINITY ? undefined : this.#nextDeadline
  }

  #watch(groupPartition: GroupPartition): void {
    const { nextDeadline, acquiredCount } = groupPartition.shared
    this.#nextDeadline = Math.min(this.#nextDeadline, nextDeadline)
    if (acquiredCount > 0) this.#held.add(groupPartition)
    else this.#held.delete(groupPartition)
    if (nextDeadline < Number.POSITIVE_INFINITY) this.#timed.add(groupPartition)
    else this.#timed.delete(groupPartition)
  }

  clockMoved(byMs: number): void {
    this.#nextDeadline += byMs
    for (const { shared } of this.#partitions.values()) shared.clockMoved(byMs)
  }

  /** The partitions of every group, or of one. */
  facts(groupId?: string): readonly ShareFacts[] {
    return Array.from(this.#partitions.values({ groupId }), ({ groupId, topicId, partition, shared }) => ({
      ...{ groupId, topicId, partition },
      startOffset: shared.startOffset,
      acquiredCount: shared.acquiredCount,
      unfinishedBetween: (fromOffset, endOffset) => shared.unfinishedBetween(fromOffset, endOffset),
    }))
  }

  /**
   * The group begins there in these partitions, as if nothing had ever been delivered to it. The first partition of a
   * topic comes last: the records may take several frames, and while it is missing the group hasn't begun.
   */
  planStart(groupId: string, at: readonly (Omit<SharePlace, 'groupId'> & { startOffset: number })[]): TableRecord[] {
    const inOrder = [...at].sort((a, b) => a.partition - b.partition)
    const began = inOrder.map(({ startOffset, ...place }) => this.#beginAt({ groupId, ...place }, startOffset))
    return began.reverse().map((each) => this.#snapshot(each))
  }

  /** Tombstones for all that is known of the group; none if nothing is. */
  planDelete(groupId: string): readonly TableRecord[] {
    return [...this.#tombstones(this.#forget(this.#partitions.values({ groupId })))]
  }

  /**
   * Tombstones for a deleted topic, each made when the iterator reaches it. Called right after the delete (durability
   * rule 7).
   */
  planTopicDelete(topicId: string): Iterable<TableRecord> {
    return this.#tombstones(this.#forget(this.#partitions.values({ topicId })))
  }

  /**
   * Called once, after the last record at open: what is known of deleted topics is dropped, and gets the tombstones
   * that a crash prevented.
   */
  planLeftovers(isGone: (topicId: string) => boolean): readonly TableRecord[] {
    const gone = [...this.#partitions.values()].filter((place) => isGone(place.topicId))
    return [...this.#tombstones(this.#forget(gone))]
  }

  #forget(meant: Iterable<GroupPartition>): readonly SharePlace[] {
    const places = [...meant]
    for (const place of places) this.#remove(place)
    return places
  }

  *#tombstones(places: readonly SharePlace[]): Generator<TableRecord> {
    for (const { groupId, topicId, partition } of places) {
      yield this.#owned(encodeShareSnapshot({ groupId, topicId, partition, state: undefined }))
    }
  }

  #snapshot({ shared, groupId, topicId, partition, key }: GroupPartition): TableRecord {
    const state = { startOffset: shared.startOffset, batches: shared.stateBatches() }
    return this.#owned(encodeShareSnapshot({ groupId, topicId, partition, state }, key))
  }

  #owned(record: TableRecord): TableRecord {
    this.#own.add(record)
    return record
  }

  /** Takes durable records: those that `plan...` gave, or those that an opening read. */
  apply(record: TableRecord, place: TableRecordPlace): void {
    if (this.#own.has(record)) return
    const snapshot = decodeShareRecord(record, place)
    if (snapshot === undefined) return
    const { groupId, topicId, partition, state } = snapshot
    if (state === undefined) this.#remove(this.#partitions.get(snapshot))
    else this.#begin({ groupId, topicId, partition }, new SharePartition(state.startOffset, state.batches))
  }
}

function notHeld({ topic, partition }: { topic: string; partition: number }, offset: number): LogError {
  const message = `this consumer doesn't hold offset ${offset} of ${topic}-${partition}, or no longer`
  return new LogError('INVALID_RECORD_STATE', message, { topic, partition, offset })
}
