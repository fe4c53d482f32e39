import { PlannedTable } from '../../log/catalogue/planned-table.ts'
import type { TableRecord, TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { LogError } from '../../model/errors.ts'
import { assertGroupId } from '../group-id.ts'
import { type CommitRequest, checkedOffsets, type TopicLookup } from './commit-request.ts'
import type { CommittedOffset, GroupEntry, MemberMetadata } from './group-entry.ts'
import { decodeGroupRecord, encodeGroup, encodeGroupTombstone } from './group-record.ts'
import type { GroupState } from './group-state.ts'
import { GroupTable } from './group-table.ts'
import { assertJoin, type JoinRequest } from './join-request.ts'
import { type LiveGroup, unknownMember } from './live-group.ts'
import { LiveGroups, type SyncRequest } from './live-groups.ts'
import { encodeOffsetCommit, encodeOffsetTombstone } from './offset-record.ts'
import { PendingOffsets } from './pending-offsets.ts'

export interface GroupFacts {
  readonly groupId: string
  readonly state: GroupState
  readonly generation: number
  readonly members: readonly MemberMetadata[]
  readonly offsets: readonly CommittedOffset[]
}

/**
 * A group's members with thousands of partitions or topics need more room than a frame has. Members end with their
 * process anyway, so above this size only the group's generation is stored (docs/decisions/003-committed-offsets.md).
 */
const MEMBERS_BYTES_MAX = 8 * 1024

/**
 * Consumer groups: their offsets and generations, which the records of `__consumer_offsets` tell, and their members,
 * which live as long as the process. As in Catalogue, `plan...` checks against what is committed or under way, and
 * throws a LogError or returns records; `apply` takes them once they are durable. `live` holds what no record tells.
 */
export class Groups {
  readonly live: LiveGroups = new LiveGroups()
  readonly #tables: PlannedTable<GroupEntry, GroupTable> = new PlannedTable(new GroupTable(), new GroupTable())
  readonly #pending: PendingOffsets = new PendingOffsets()

  /**
   * A new member joins, or a member joins again; the answer comes as a notice. Throws INCONSISTENT_GROUP_PROTOCOL,
   * INVALID_GROUP_ID.
   */
  join(request: JoinRequest): void {
    assertJoin(request)
    this.live.join(request, this.#tables.planned.lastGeneration(request.groupId))
  }

  /**
   * The leader's assignments as a record; no record for other members. All members hear of it by notices once it is
   * durable.
   */
  planSync(request: SyncRequest): readonly TableRecord[] {
    if (!this.live.sync(request)) return []
    return this.#planGroup(this.live.of(request.groupId, request.memberId), request.now)
  }

  /** A member leaves, because it wants to or because it was among `expired`. UNKNOWN_MEMBER_ID. */
  planLeave(groupId: string, memberId: string, now: number): readonly TableRecord[] {
    const group = this.live.leave(groupId, memberId, now)
    return group.state === 'Empty' ? this.#planGroup(group, now) : []
  }

  /**
   * The process that holds the log is about to end: all members are asked to give up what they hold. `live.isReleased`
   * once they have.
   */
  planRelease(now: number): readonly TableRecord[] {
    return this.live.release().flatMap((group) => this.#planGroup(group, now))
  }

  /** Commits all of the offsets or none. For `topicOf` a delete that is under way counts. */
  planCommit(request: CommitRequest, topicOf: TopicLookup): readonly TableRecord[] {
    this.checkMember(request.groupId, request.memberId, request.generation)
    return this.#planOffsets(request, topicOf)
  }

  /** Sets offsets by hand. NON_EMPTY_GROUP while the group has members. */
  planSetOffsets(
    request: Pick<CommitRequest, 'groupId' | 'offsets' | 'now'>,
    topicOf: TopicLookup,
  ): readonly TableRecord[] {
    assertGroupId(request.groupId)
    this.#assertEmpty(request.groupId)
    return this.#planOffsets(request, topicOf)
  }

  /** Ends the group's offsets and generations. NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND. */
  planDelete(groupId: string, now: number): readonly TableRecord[] {
    this.#assertEmpty(groupId)
    const { planned } = this.#tables
    const offsets = planned.offsets(groupId)
    const group = planned.group(groupId)
    if (group === undefined && offsets.length === 0) {
      throw new LogError('GROUP_ID_NOT_FOUND', `no group "${groupId}"`, { groupId })
    }
    this.#pending.dropWhere((offset) => offset.groupId === groupId)
    const tombstones = offsets.map((offset) => this.#planRemoval(offset))
    if (group === undefined) return tombstones
    return [...tombstones, this.#tables.plan({ kind: 'group-removed', groupId }, encodeGroupTombstone(groupId, now))]
  }

  /**
   * Offsets of a transaction wait for its commit, all of them or none. As in KIP-447 member and generation are checked;
   * unlike a plain commit they are taken in any state of the group, because a member that holds a generation may end
   * its work while a rebalance completes. Source: Kafka's ClassicGroup.validateOffsetCommit (kafka.md 4.10).
   */
  addPending(producerId: number, request: CommitRequest, topicOf: TopicLookup): void {
    const { groupId, memberId, generation } = request
    const group = this.live.of(groupId, memberId)
    if (!group.has(memberId)) throw unknownMember(groupId, memberId)
    group.assertGeneration(generation)
    this.#pending.add(producerId, checkedOffsets(request, topicOf))
  }

  /** The transaction is committed: its offsets go into the same commit as the decision. */
  planPending(producerId: number): readonly TableRecord[] {
    return this.#pending.take(producerId).map((offset) => this.#planOffset(offset))
  }

  /** The transaction is aborted. */
  dropPending(producerId: number): void {
    this.#pending.drop(producerId)
  }

  /** Whether an open transaction may still change what is committed there (Kafka's UNSTABLE_OFFSET_COMMIT). */
  isPending(groupId: string, topicId: string, partition: number): boolean {
    return this.#pending.has(groupId, topicId, partition)
  }

  /**
   * Tombstones for every offset of the topic, offsets under way included; called right after its delete. Each is
   * planned when the iterator reaches it, and all of them must be before another topic gets the name: so that topic's
   * offsets come after them (durability rule 7).
   */
  planTopicDelete(topicId: string): Iterable<TableRecord> {
    this.#pending.dropWhere((offset) => offset.topicId === topicId)
    return this.#planRemovals((id) => id === topicId)
  }

  /** The topic's delete is durable: its offsets are gone, whether their tombstones are written yet or not. */
  topicDeleted(topicId: string): void {
    this.#tables.durable.takeOffsets((id) => id === topicId)
  }

  /**
   * Called once, after the last record at open. Offsets of deleted topics don't count, and get the tombstones that a
   * crash prevented.
   */
  planLeftovers(isGone: (topicId: string) => boolean): readonly TableRecord[] {
    this.#tables.durable.takeOffsets(isGone)
    return [...this.#planRemovals(isGone)]
  }

  #planRemovals(isMeant: (topicId: string) => boolean): Iterable<TableRecord> {
    return this.#planEach(this.#tables.planned.takeOffsets(isMeant))
  }

  *#planEach(taken: readonly ReadonlyMap<number, CommittedOffset>[]): Generator<TableRecord> {
    for (const offsets of taken) for (const offset of offsets.values()) yield this.#planRemoval(offset)
  }

  /** UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS or ILLEGAL_GENERATION when the group moved on. */
  checkMember(groupId: string, memberId: string, generation: number): void {
    const group = this.live.of(groupId, memberId)
    group.checked(memberId, 'commit')
    group.assertGeneration(generation)
  }

  /**
   * Takes durable records in their order: those that `plan...` gave, as the same objects, or those that an opening
   * read.
   */
  apply(record: TableRecord, place: TableRecordPlace): void {
    const entry = this.#tables.apply(record, () => decodeGroupRecord(record, place))
    if (entry?.kind === 'group-stored') this.live.get(entry.groupId)?.assigned(entry.generation)
  }

  /** Called once, after the last record at open: the members in the records ended with their process. */
  dropMembers(): void {
    this.#tables.durable.dropMembers()
    this.#tables.planned.dropMembers()
  }

  committed(groupId: string, topicId: string, partition: number): CommittedOffset | undefined {
    return this.#tables.durable.offset(groupId, topicId, partition)
  }

  /** `undefined` for a group that nobody joined and nobody committed for. */
  describe(groupId: string): GroupFacts | undefined {
    const live = this.live.get(groupId)
    const stored = this.#tables.durable.group(groupId)
    const offsets = this.#tables.durable.offsets(groupId)
    if (live !== undefined) {
      return { groupId, state: live.state, generation: live.generation, members: live.members(), offsets }
    }
    if (stored === undefined && offsets.length === 0) return undefined
    return { groupId, state: 'Empty', generation: stored?.generation ?? 0, members: [], offsets }
  }

  list(): readonly GroupFacts[] {
    const groupIds = new Set([...this.#tables.durable.groupIds(), ...this.live.groupIds()])
    return [...groupIds].sort().flatMap((groupId) => this.describe(groupId) ?? [])
  }

  #assertEmpty(groupId: string): void {
    if (this.live.get(groupId) === undefined) return
    throw new LogError('NON_EMPTY_GROUP', `group "${groupId}" has members`, { groupId })
  }

  #planOffsets(request: Pick<CommitRequest, 'groupId' | 'offsets' | 'now'>, topicOf: TopicLookup): TableRecord[] {
    const offsets = checkedOffsets(request, topicOf)
    this.#pending.overtaken(offsets)
    return offsets.map((offset) => this.#planOffset(offset))
  }

  #planOffset(offset: CommittedOffset): TableRecord {
    return this.#tables.plan({ kind: 'offset-committed', offset }, encodeOffsetCommit(offset))
  }

  #planRemoval(offset: CommittedOffset): TableRecord {
    return this.#tables.plan({ kind: 'offset-removed', ...offset }, encodeOffsetTombstone(offset))
  }

  #planGroup(group: LiveGroup, now: number): readonly TableRecord[] {
    const whole = group.stored(now)
    const record = encodeGroup(whole)
    if ((record.value?.length ?? 0) <= MEMBERS_BYTES_MAX) return [this.#tables.plan(whole, record)]
    const entry = { ...whole, members: [], assignor: null, leaderId: null }
    return [this.#tables.plan(entry, encodeGroup(entry))]
  }
}
