import { PlannedTable } from '../../log/catalogue/planned-table.ts'
import type { RecordPlace, TableRecord } from '../../log/catalogue/table-record.ts'
import { LogError } from '../../model/errors.ts'
import { type CommitRequest, checkedOffsets, type TopicLookup } from './commit-request.ts'
import { Deadlines, type MemberDeadline } from './deadlines.ts'
import type { AssignedPartition, CommittedOffset, GroupEntry, GroupMember } from './group-entry.ts'
import { decodeGroupRecord, encodeGroup } from './group-record.ts'
import { type GroupEvent, type GroupState, isGroupState, nextGeneration, nextGroupState } from './group-state.ts'
import { type Group, GroupTable, groupStateOf } from './group-table.ts'
import { assertJoin, type JoinRequest } from './join-request.ts'
import { encodeOffsetCommit, encodeOffsetTombstone } from './offset-record.ts'
import { assignRange } from './range-assignor.ts'

export interface JoinPlan {
  readonly records: readonly TableRecord[]
  /** Hand it to the member once the records are durable. */
  readonly generation: number
  readonly assignment: readonly AssignedPartition[]
}

export interface GroupFacts {
  readonly groupId: string
  readonly state: GroupState
  readonly generation: number
  readonly members: readonly GroupMember[]
  readonly offsets: readonly CommittedOffset[]
}

/**
 * Consumer groups, as the records of `__consumer_offsets` tell them. Pure, in the manner of Catalogue: `plan...` checks
 * against what is committed or on its way and throws a LogError or gives records, `apply` takes them back. An expelled
 * member is refused as soon as its leave is planned; `committed` and descriptions show what is durable.
 */
export class Groups {
  readonly #tables: PlannedTable<GroupEntry, GroupTable> = new PlannedTable(new GroupTable(), new GroupTable())
  readonly #deadlines: Deadlines = new Deadlines()

  /** A new member, or one of the group again (after partitions were added): either way a new generation. */
  planJoin(request: JoinRequest): JoinPlan {
    assertJoin(request)
    const { groupId, memberId, clientId, maxPollIntervalMs, now } = request
    const group = this.#planned(groupId)
    this.#next(group, group.members.has(memberId) ? 'rejoin' : 'join', memberId)
    const topics = [...new Set(request.topics)]
    const assignment = assignRange([{ memberId, topics }], request.partitionsOf).get(memberId) ?? []
    const generation = nextGeneration(group.generation)
    const member = { memberId, clientId, topics, assignment, maxPollIntervalMs }
    const records = this.#planGroup(groupId, generation, now, [member])
    this.#deadlines.set(groupId, memberId, maxPollIntervalMs, now)
    return { records, generation, assignment }
  }

  /** On its own wish, or because it is among `expired`. UNKNOWN_MEMBER_ID. */
  planLeave(groupId: string, memberId: string, now: number): readonly TableRecord[] {
    const group = this.#checkedMember(groupId, memberId, 'leave')
    this.#deadlines.remove(groupId, memberId)
    const others = [...group.members.values()].filter((member) => member.memberId !== memberId)
    return this.#planGroup(groupId, group.generation, now, others)
  }

  /** All offsets or none. `topicOf` is `catalogue.planned.liveById`: a delete under way counts. */
  planCommit(request: CommitRequest, topicOf: TopicLookup): readonly TableRecord[] {
    this.checkMember(request.groupId, request.memberId, request.generation)
    const offsets = checkedOffsets(request, topicOf)
    const records = offsets.map(encodeOffsetCommit)
    return records.map((record, index) => {
      return this.#tables.plan({ kind: 'offset-committed', ...offsets[index]! }, record)
    })
  }

  /** Tombstones for every offset of the topic, commits under way included: for the commit that deletes it (rule 7). */
  planTopicDelete(topicId: string): readonly TableRecord[] {
    return this.#tables.planned
      .offsetsOfTopic(topicId)
      .map((offset) => this.#tables.plan({ kind: 'offset-removed', ...offset }, encodeOffsetTombstone(offset)))
  }

  /** UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION when the group moved on. */
  checkMember(groupId: string, memberId: string, generation: number): void {
    const group = this.#checkedMember(groupId, memberId, 'commit')
    if (group.generation === generation) return
    throw new LogError(
      'ILLEGAL_GENERATION',
      `group "${groupId}" is in generation ${group.generation}, not ${generation}`,
      { groupId, generation: group.generation },
    )
  }

  /** A member began to wait for records: its deadline stands still. */
  polling(groupId: string, memberId: string): void {
    this.#deadlines.suspend(groupId, memberId)
  }

  /** A member got its records: it has maxPollIntervalMs until the next poll. */
  polled(groupId: string, memberId: string, now: number): void {
    this.#deadlines.restart(groupId, memberId, now)
  }

  /** When to ask `expired` next; may be early, never late. */
  nextDeadline(): number | undefined {
    return this.#deadlines.next()
  }

  /** Members that took too long between two polls: plan their leave. */
  expired(now: number): readonly MemberDeadline[] {
    return this.#deadlines.expired(now)
  }

  /** Durable records in their order: those of `plan...` as the same objects, or, at open, as they were read. */
  apply(record: TableRecord, place: RecordPlace): void {
    this.#tables.apply(record, () => decodeGroupRecord(record, place))
  }

  /** Once, after the last record at open: the members that the records tell of ended with their process. */
  dropMembers(): void {
    this.#tables.durable.dropMembers()
    this.#tables.planned.dropMembers()
    this.#deadlines.clear()
  }

  committed(groupId: string, topicId: string, partition: number): CommittedOffset | undefined {
    return this.#tables.durable.offset(groupId, topicId, partition)
  }

  /** `undefined` for a group that nobody joined and nobody committed for. */
  describe(groupId: string): GroupFacts | undefined {
    const group = this.#tables.durable.group(groupId)
    const offsets = this.#tables.durable.offsets(groupId)
    if (group === undefined && offsets.length === 0) return undefined
    const { generation, members } = group ?? noGroup(groupId)
    const state = members.size === 0 ? 'Empty' : 'Stable'
    return { groupId, state, generation, members: [...members.values()], offsets }
  }

  list(): readonly GroupFacts[] {
    return this.#tables.durable.groupIds().flatMap((groupId) => this.describe(groupId) ?? [])
  }

  #planned(groupId: string): Group {
    return this.#tables.planned.group(groupId) ?? noGroup(groupId)
  }

  #checkedMember(groupId: string, memberId: string, event: GroupEvent): Group {
    const group = this.#planned(groupId)
    if (!group.members.has(memberId)) throw unknownMember(groupId, memberId)
    this.#next(group, event, memberId)
    return group
  }

  #next(group: Group, event: GroupEvent, memberId: string): GroupState {
    const outcome = nextGroupState(groupStateOf(group), event)
    if (isGroupState(outcome)) return outcome
    if (outcome === 'UNKNOWN_MEMBER_ID') throw unknownMember(group.groupId, memberId)
    throw new LogError(outcome, `group "${group.groupId}" has a member already, and takes one`, {
      groupId: group.groupId,
    })
  }

  #planGroup(
    groupId: string,
    generation: number,
    now: number,
    members: readonly GroupMember[],
  ): readonly TableRecord[] {
    const entry = { kind: 'group-stored' as const, groupId, generation, stateTimestamp: now, members }
    return [this.#tables.plan(entry, encodeGroup(entry))]
  }
}

function noGroup(groupId: string): Group {
  return { groupId, generation: 0, stateTimestamp: -1, members: new Map() }
}

function unknownMember(groupId: string, memberId: string): LogError {
  return new LogError('UNKNOWN_MEMBER_ID', `group "${groupId}" has no member "${memberId}"`, { groupId, memberId })
}
