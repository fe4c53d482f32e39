import type { Table } from '../../log/catalogue/planned-table.ts'
import { byPlace } from '../../model/positions.ts'
import type { CommittedOffset, GroupEntry, GroupStored, MemberMetadata } from './group-entry.ts'

/** The members of a group. Its offsets are kept beside it, because they outlive the members. */
export interface Group {
  readonly groupId: string
  readonly generation: number
  readonly stateTimestamp: number
  readonly members: ReadonlyMap<string, MemberMetadata>
}

/** What others see of the table. */
export interface GroupView {
  group(groupId: string): Group | undefined
  /** The generation after which a group goes on that is new or whose members have left. */
  lastGeneration(groupId: string): number
  offset(groupId: string, topicId: string, partition: number): CommittedOffset | undefined
  offsets(groupId: string): readonly CommittedOffset[]
  groupIds(): readonly string[]
}

/** Offsets of one group, by topic id and then by partition. */
type Offsets = Map<string, Map<number, CommittedOffset>>

/**
 * The groups by id, and the committed offsets of each by topic id and partition; never by topic name (durability rule
 * 7).
 */
export class GroupTable implements Table<GroupEntry>, GroupView {
  readonly #groups: Map<string, Group> = new Map()
  readonly #offsets: Map<string, Offsets> = new Map()
  /**
   * The highest generation of deleted groups. A program may fence by generation, so a later group of the same name goes
   * on after it: also after an open, until compaction has dropped the records that tell of it. The log itself doesn't
   * count on that, since a commit names its member, and members end with the process that holds the log.
   */
  #endedGeneration = 0

  group(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  lastGeneration(groupId: string): number {
    return this.#groups.get(groupId)?.generation ?? this.#endedGeneration
  }

  offset(groupId: string, topicId: string, partition: number): CommittedOffset | undefined {
    return this.#offsets.get(groupId)?.get(topicId)?.get(partition)
  }

  /** Sorted by topic name and partition. */
  offsets(groupId: string): readonly CommittedOffset[] {
    const offsets = [...(this.#offsets.get(groupId)?.values() ?? [])].flatMap((ofTopic) => [...ofTopic.values()])
    return offsets.sort(byPlace)
  }

  /** Sorted. Groups that have a generation, and groups that have nothing but offsets. */
  groupIds(): readonly string[] {
    return [...new Set([...this.#groups.keys(), ...this.#offsets.keys()])].sort()
  }

  /**
   * Removes the offsets of these topics, as tombstones would, and returns them. Its cost depends on the number of
   * groups and topics, not on that of offsets.
   */
  takeOffsets(isMeant: (topicId: string) => boolean): readonly ReadonlyMap<number, CommittedOffset>[] {
    const taken: ReadonlyMap<number, CommittedOffset>[] = []
    for (const [groupId, offsets] of this.#offsets) {
      for (const [topicId, ofTopic] of offsets) {
        if (!isMeant(topicId)) continue
        taken.push(ofTopic)
        offsets.delete(topicId)
      }
      if (offsets.size === 0) this.#offsets.delete(groupId)
    }
    return taken
  }

  dropMembers(): void {
    for (const [groupId, group] of this.#groups) this.#groups.set(groupId, { ...group, members: new Map() })
  }

  apply(entry: GroupEntry): void {
    switch (entry.kind) {
      case 'offset-committed':
        this.#commit(entry.offset)
        break
      case 'offset-removed':
        this.#remove(entry.groupId, entry.topicId, entry.partition)
        break
      case 'group-stored':
        this.#store(entry)
        break
      case 'group-removed':
        this.#endedGeneration = Math.max(this.#endedGeneration, this.#groups.get(entry.groupId)?.generation ?? 0)
        this.#groups.delete(entry.groupId)
        break
    }
  }

  #commit(offset: CommittedOffset): void {
    const { groupId, topicId, partition } = offset
    const offsets: Offsets = this.#offsets.get(groupId) ?? new Map()
    const ofTopic = offsets.get(topicId) ?? new Map<number, CommittedOffset>()
    this.#offsets.set(groupId, offsets.set(topicId, ofTopic.set(partition, offset)))
  }

  #remove(groupId: string, topicId: string, partition: number): void {
    const offsets = this.#offsets.get(groupId)
    const ofTopic = offsets?.get(topicId)
    ofTopic?.delete(partition)
    if (ofTopic?.size === 0) offsets?.delete(topicId)
    if (offsets?.size === 0) this.#offsets.delete(groupId)
  }

  #store({ groupId, generation, stateTimestamp, members }: GroupStored): void {
    const byId = new Map(members.map((member) => [member.memberId, member]))
    this.#groups.set(groupId, { groupId, generation, stateTimestamp, members: byId })
  }
}
