import type { SharePartition } from './share-partition.ts'
import type { SharePlace } from './share-record.ts'

/** A partition as one group shares it. */
export interface GroupPartition extends SharePlace {
  /**
   * Differs each time the group begins here: delivery counts begin at 1 with it, so that the count alone doesn't tell a
   * delivery from one of an earlier beginning.
   */
  readonly beginning: number
  /** Of its snapshots: the same object in all of them. */
  readonly key: Uint8Array
  readonly shared: SharePartition
}

/** What one group has of one topic. */
interface GroupTopic {
  readonly partitions: Map<number, GroupPartition>
  /** Those that may have something to give, in the order of their turns. */
  readonly ready: Set<GroupPartition>
}

const NOWHERE: ReadonlyMap<string, GroupTopic> = new Map()

/**
 * The partitions of all groups, and which of them may have something to give: of thousands there are few, and each
 * member that asks would look at all of them for these.
 */
export class GroupPartitions {
  /** By topic id, then by group. */
  readonly #topics = new Map<string, Map<string, GroupTopic>>()

  #topicOf({ topicId, groupId }: Pick<SharePlace, 'topicId' | 'groupId'>): GroupTopic | undefined {
    return this.#topics.get(topicId)?.get(groupId)
  }

  get(place: SharePlace): GroupPartition | undefined {
    return this.#topicOf(place)?.partitions.get(place.partition)
  }

  /** In how many partitions of the topic the group has begun. */
  count(ofTopic: Pick<SharePlace, 'topicId' | 'groupId'>): number {
    return this.#topicOf(ofTopic)?.partitions.size ?? 0
  }

  *values(of: { readonly groupId?: string | undefined; readonly topicId?: string } = {}): Iterable<GroupPartition> {
    for (const [topicId, byGroup] of this.#topics) {
      if (of.topicId !== undefined && of.topicId !== topicId) continue
      for (const [groupId, { partitions }] of byGroup) {
        if (of.groupId === undefined || of.groupId === groupId) yield* partitions.values()
      }
    }
  }

  /** A partition of a topic, of each group that has begun there. */
  *at({ topicId, partition }: Omit<SharePlace, 'groupId'>): Iterable<GroupPartition> {
    for (const { partitions } of (this.#topics.get(topicId) ?? NOWHERE).values()) {
      const groupPartition = partitions.get(partition)
      if (groupPartition !== undefined) yield groupPartition
    }
  }

  /** Adds a partition that isn't there yet. It may have something to give. */
  add(groupPartition: GroupPartition): void {
    const { topicId, groupId, partition } = groupPartition
    const byGroup = this.#topics.get(topicId) ?? new Map<string, GroupTopic>()
    const ofGroup = byGroup.get(groupId) ?? { partitions: new Map(), ready: new Set() }
    this.#topics.set(topicId, byGroup.set(groupId, ofGroup))
    ofGroup.partitions.set(partition, groupPartition)
    ofGroup.ready.add(groupPartition)
  }

  remove(groupPartition: GroupPartition): void {
    const { topicId, groupId, partition } = groupPartition
    const byGroup = this.#topics.get(topicId)
    const ofGroup = byGroup?.get(groupId)
    ofGroup?.ready.delete(groupPartition)
    if (!ofGroup?.partitions.delete(partition) || ofGroup.partitions.size > 0) return
    if (byGroup?.delete(groupId) && byGroup.size === 0) this.#topics.delete(topicId)
  }

  // ---- which ones may have something to give -------------------------------------------------------------------------

  /** Those of a topic whose turn it is, one after the other: each once, whatever becomes of its turn meanwhile. */
  *inTurn(ofTopic: Pick<SharePlace, 'topicId' | 'groupId'>): Iterable<GroupPartition> {
    const ready = this.#topicOf(ofTopic)?.ready
    let left = ready?.size ?? 0
    for (const each of ready ?? []) {
      if (left-- === 0) return
      yield each
    }
  }

  /** What the partition has may be more than before. */
  mayGive(groupPartition: GroupPartition): void {
    this.#topicOf(groupPartition)?.ready.add(groupPartition)
  }

  /** Readers may see more of a topic's partition: so may every group that has begun there. */
  advanced({ topicId, partition }: Omit<SharePlace, 'groupId'>): void {
    for (const { partitions, ready } of (this.#topics.get(topicId) ?? NOWHERE).values()) {
      const groupPartition = partitions.get(partition)
      if (groupPartition !== undefined) ready.add(groupPartition)
    }
  }

  /** The partition was asked: one that gave something has its next turn after all others. */
  asked(groupPartition: GroupPartition, answer: { readonly gave: boolean; readonly hasMore: boolean }): void {
    const ready = this.#topicOf(groupPartition)?.ready
    if (answer.gave || !answer.hasMore) ready?.delete(groupPartition)
    if (answer.hasMore) ready?.add(groupPartition)
  }
}
