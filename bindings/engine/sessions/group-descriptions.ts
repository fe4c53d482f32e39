import type { Unread } from '../../broker/admin-session.ts'
import type {
  GroupDescription,
  GroupDetails,
  GroupOffset,
  ShareGroupDescription,
  ShareGroupOffset,
} from '../../broker/descriptions.ts'
import type { GroupFacts } from '../../coordinator/group/groups.ts'
import type { ShareFacts } from '../../coordinator/share/share-groups.ts'
import { INTERNAL_TOPIC_IDS, INTERNAL_TOPICS } from '../../log/catalogue/topic-ids.ts'
import { LogError } from '../../model/errors.ts'
import { byPlace, type Position } from '../../model/positions.ts'
import type { Engine } from '../engine.ts'
import type { HostedPartition } from '../hosted-partition.ts'

export function listGroups(engine: Engine): readonly GroupDescription[] {
  return engine.groups.list().map(({ groupId, state, generation, members, offsets }) => {
    return { groupId, state, generation, members: members.length, offsets: positionsOf(engine, offsets) }
  })
}

/** All but how far it is behind. */
export function describeGroup(
  engine: Engine,
  groupId: string,
): Omit<GroupDetails, 'offsets'> & { readonly offsets: readonly Offset[] } {
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
function positionsOf(engine: Engine, offsets: GroupFacts['offsets']): Position[] {
  return offsets.flatMap(({ topicId, partition, nextOffset }) => {
    const topic = nameOf(engine, topicId)
    return topic === undefined ? [] : [{ topic, partition, nextOffset }]
  })
}

function nameOf({ catalogue }: Engine, topicId: string): string | undefined {
  return (catalogue.durable.liveById(topicId) ?? INTERNAL_TOPICS.get(topicId))?.name
}

/**
 * All partitions of the topics that members are subscribed to, and those of committed offsets. A partition that the
 * group hasn't begun to read has all of its records as lag.
 */
function groupOffsets(
  engine: Engine,
  { committed, subscribed }: { readonly committed: readonly Position[]; readonly subscribed: readonly string[] },
): Offset[] {
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

/** Its lag is told by `withLag`. */
type Offset = Omit<GroupOffset, 'lag'> & { readonly logStartOffset: number }

function groupOffset(engine: Engine, hosted: HostedPartition, nextOffset: number | undefined): Offset {
  const { lastStableOffset, oldestOpenProducer, watermarks } = hosted.partition
  const { topic, partition } = hosted.id
  const isHeld = oldestOpenProducer !== undefined
  return {
    ...{ topic, partition, nextOffset, logStartOffset: watermarks.logStartOffset },
    heldBack: isHeld ? watermarks.nextOffset - lastStableOffset : 0,
    heldBackBy: isHeld ? engine.transactions.idOf(oldestOpenProducer) : undefined,
  }
}

export function readFrom({ topic, partition, nextOffset, logStartOffset }: Offset): Position {
  return { topic, partition, nextOffset: nextOffset ?? logStartOffset }
}

export function withLag({ logStartOffset: _, ...offset }: Offset, unread: Unread): GroupOffset {
  const { topic, partition, nextOffset, heldBack, heldBackBy } = offset
  const lag = unread.endOffset - unread.nextOffset
  return { topic, partition, nextOffset, lag, heldBack, heldBackBy }
}

/** Where a share group goes on in a partition of a topic that still exists, or of one of the log's own. */
interface SharePlace {
  readonly facts: ShareFacts
  readonly place: Position
}

export function sharePlaces(engine: Engine): readonly SharePlace[] {
  return [...engine.shares.facts()].flatMap((facts) => {
    const topic = nameOf(engine, facts.topicId)
    if (topic === undefined) return []
    const { watermarks } = engine.topics.partition(topic, facts.partition).partition
    // Deleted records count as finished, though the group may notice only when it looks the next time.
    const nextOffset = Math.max(facts.startOffset, watermarks.logStartOffset)
    return [{ facts, place: { topic, partition: facts.partition, nextOffset } }]
  })
}

export function listShareGroups(
  places: readonly SharePlace[],
  unread: readonly Unread[],
): readonly ShareGroupDescription[] {
  const byGroup = new Map<string, ShareGroupOffset[]>()
  for (const [index, { facts, place }] of places.entries()) {
    const { topic, partition, nextOffset: startOffset } = place
    const { nextOffset, endOffset } = unread[index] as Unread
    const lag = facts.unfinishedBetween(nextOffset, endOffset)
    const offsets = byGroup.get(facts.groupId) ?? []
    offsets.push({ topic, partition, startOffset, lag, acquired: facts.acquiredCount })
    byGroup.set(facts.groupId, offsets)
  }
  return [...byGroup]
    .map(([groupId, offsets]) => ({ groupId, offsets: offsets.sort(byPlace) }))
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}
