import type { Table } from '../../log/catalogue/planned-table.ts'
import type { CommittedOffset, GroupEntry, GroupMember, GroupStored } from './group-entry.ts'

/** A group's members; its offsets are kept beside it, since they outlive them. */
export interface Group {
  readonly groupId: string
  readonly generation: number
  readonly stateTimestamp: number
  readonly members: ReadonlyMap<string, GroupMember>
}

/** What others see of the table. */
export interface GroupView {
  group(groupId: string): Group | undefined
  offset(groupId: string, topicId: string, partition: number): CommittedOffset | undefined
  offsets(groupId: string): readonly CommittedOffset[]
  groupIds(): readonly string[]
}

type Offsets = Map<string, CommittedOffset>

/** Groups by id, and per group the committed offsets by topic id and partition: never by name (durability rule 7). */
export class GroupTable implements Table<GroupEntry>, GroupView {
  readonly #groups: Map<string, Group> = new Map()
  readonly #offsets: Map<string, Offsets> = new Map()

  group(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  offset(groupId: string, topicId: string, partition: number): CommittedOffset | undefined {
    return this.#offsets.get(groupId)?.get(offsetKey(topicId, partition))
  }

  /** By topic name and partition. */
  offsets(groupId: string): readonly CommittedOffset[] {
    const offsets = [...(this.#offsets.get(groupId)?.values() ?? [])]
    return offsets.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  }

  /** Sorted: those with a generation, and those known by their offsets only. */
  groupIds(): readonly string[] {
    return [...new Set([...this.#groups.keys(), ...this.#offsets.keys()])].sort()
  }

  offsetsWhere(isMeant: (topicId: string) => boolean): readonly CommittedOffset[] {
    const found: CommittedOffset[] = []
    for (const offsets of this.#offsets.values()) {
      for (const offset of offsets.values()) if (isMeant(offset.topicId)) found.push(offset)
    }
    return found
  }

  /** As tombstones of all of them would. */
  dropOffsetsWhere(isMeant: (topicId: string) => boolean): void {
    for (const { groupId, topicId, partition } of this.offsetsWhere(isMeant)) {
      this.#remove(groupId, offsetKey(topicId, partition))
    }
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
        this.#remove(entry.groupId, offsetKey(entry.topicId, entry.partition))
        break
      case 'group-stored':
        this.#store(entry)
        break
      case 'group-removed':
        this.#groups.delete(entry.groupId)
        break
    }
  }

  #commit(offset: CommittedOffset): void {
    let offsets = this.#offsets.get(offset.groupId)
    if (offsets === undefined) {
      offsets = new Map()
      this.#offsets.set(offset.groupId, offsets)
    }
    offsets.set(offsetKey(offset.topicId, offset.partition), offset)
  }

  #remove(groupId: string, key: string): void {
    const offsets = this.#offsets.get(groupId)
    offsets?.delete(key)
    if (offsets?.size === 0) this.#offsets.delete(groupId)
  }

  #store({ groupId, generation, stateTimestamp, members }: GroupStored): void {
    const byId = new Map(members.map((member) => [member.memberId, member]))
    this.#groups.set(groupId, { groupId, generation, stateTimestamp, members: byId })
  }
}

function offsetKey(topicId: string, partition: number): string {
  return `${topicId}${partition}`
}
