import type {
  GroupDescription,
  GroupDetails,
  GroupOffset,
  ShareGroupDescription,
  ShareGroupOffset,
} from '../../broker/descriptions.ts'
import type { GroupFacts } from '../../coordinator/group/groups.ts'
import type { ShareFacts } from '../../coordinator/share/share-groups.ts'
import { INTERNAL_TOPIC_IDS } from '../../log/catalogue/topic-ids.ts'
import { LogError } from '../../model/errors.ts'
import { byPlace, type Position } from '../../model/positions.ts'
import type { Engine } from '../engine.ts'
import type { HostedPartition } from '../hosted-partition.ts'

export function listGroups(engine: Engine): readonly GroupDescription[] {
  return engine.groups.list().map(({ groupId, state, generation, members, offsets }) => {
    return { groupId, state, generation, members: members.length, offsets: positionsOf(engine, offsets) }
  })
}

export function describeGroup(engine: Engine, groupId: string): GroupDetails {
  const group = engine.groups.describe(groupId)
  if (group === undefined) throw new LogError('GROUP_ID_NOT_FOUND', `no group "${groupId}"`, { groupId })
  const { state, generation, members, offsets } = group
  return {
    ...{ groupId, state, generation },
    members: members.map(({ memberId, topics, assignment }) => ({ memberId, topics, partitions: assignment })),
    offsets: groupOffsets(engine, {
      committed: positionsOf(engine, offsets),
      subscribed: members.flatMap(({ topics }) => topics),
    }),
  }
}

/** The offsets of topics that still exist, by each topic's present name. */
function positionsOf({ catalogue }: Engine, offsets: GroupFacts['offsets']): Position[] {
  return offsets.flatMap(({ topicId, partition, nextOffset }) => {
    const topic = catalogue.durable.liveById(topicId)?.name
    return topic === undefined ? [] : [{ topic, partition, nextOffset }]
  })
}

/**
 * All partitions of the topics that members are subscribed to, and those of committed offsets. A partition that the
 * group hasn't begun to read has all of its records as lag.
 */
function groupOffsets(
  engine: Engine,
  { committed, subscribed }: { readonly committed: readonly Position[]; readonly subscribed: readonly string[] },
): GroupOffset[] {
  const { catalogue, topics } = engine
  const exists = (name: string) =>
    catalogue.durable.byName(name) !== undefined || Object.hasOwn(INTERNAL_TOPIC_IDS, name)
  const names = new Set([...committed.map(({ topic }) => topic), ...subscribed.filter(exists)])
  const nextOffsets = new Map(committed.map((at) => [`${at.topic}/${at.partition}`, at.nextOffset]))
  return [...names].sort().flatMap((topic) => {
    return topics.partitionsOf(topic).map((hosted) => {
      return groupOffset(engine, hosted, nextOffsets.get(`${topic}/${hosted.id.partition}`))
    })
  })
}

function groupOffset(engine: Engine, hosted: HostedPartition, nextOffset: number | undefined): GroupOffset {
  const { lastStableOffset, oldestOpenProducer, watermarks } = hosted.partition
  const { topic, partition } = hosted.id
  const isHeld = oldestOpenProducer !== undefined
  return {
    ...{ topic, partition, nextOffset },
    lag: Math.max(0, stableEnd(engine, hosted) - (nextOffset ?? watermarks.logStartOffset)),
    heldBack: isHeld ? watermarks.nextOffset - lastStableOffset : 0,
    heldBackBy: isHeld ? engine.transactions.idOf(oldestOpenProducer) : undefined,
  }
}

export function listShareGroups(engine: Engine): readonly ShareGroupDescription[] {
  const byGroup = new Map<string, ShareGroupOffset[]>()
  for (const facts of engine.shares.facts()) {
    const offsets = byGroup.get(facts.groupId) ?? []
    offsets.push(...shareOffset(engine, facts))
    byGroup.set(facts.groupId, offsets)
  }
  return [...byGroup]
    .map(([groupId, offsets]) => ({ groupId, offsets: offsets.sort(byPlace) }))
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** Nothing if the topic is gone. */
function shareOffset(engine: Engine, { topicId, partition, ...facts }: ShareFacts): ShareGroupOffset[] {
  const { catalogue, topics } = engine
  const topic = catalogue.durable.liveById(topicId)?.name
  if (topic === undefined) return []
  const hosted = topics.partition(topic, partition)
  // Deleted records count as finished, though the group may notice only when it looks the next time.
  const startOffset = Math.max(facts.startOffset, hosted.partition.watermarks.logStartOffset)
  const lag = facts.unfinishedBetween(startOffset, stableEnd(engine, hosted))
  return [{ topic, partition, startOffset, lag, acquired: facts.acquiredCount }]
}

/**
 * The offset after the last batch below the last stable offset: above it may be offsets that an unclean end left
 * unused, which nobody reads (durability rule 5).
 */
function stableEnd({ store }: Engine, { id, partition }: HostedPartition): number {
  const { lastStableOffset, watermarks } = partition
  const last = store.ranges(id).at(-1)
  return Math.min(lastStableOffset, last?.nextOffset ?? watermarks.logStartOffset)
}
