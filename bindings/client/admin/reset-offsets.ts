import type { AdminSession } from '../../broker/admin-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import { type Position, placeKey, type TopicPartition } from '../../model/positions.ts'
import { assertOptions, type OptionNames, wrongArgument } from '../options.ts'
import { checkPlace, isCount } from '../places.ts'
import { startPositions } from '../start-point.ts'

/**
 * Where a group is moved to; `timestamp` in milliseconds since 1970 (`Date.now() - 3_600_000`: the last hour),
 * `shiftBy` in offsets, negative to go back.
 */
export type ResetPoint =
  | 'earliest'
  | 'latest'
  | { readonly timestamp: number }
  | { readonly offset: number }
  | { readonly shiftBy: number }

/** How a group is moved. */
export interface ResetOptions {
  /** Partitions, or names of topics for all of theirs. By default those that the group has offsets of. */
  topics?: readonly (string | TopicPartition)[] | undefined
  /** Only tells what would be done; `false` by default. */
  dryRun?: boolean | undefined
}

const NAMES: OptionNames<ResetOptions> = { topics: true, dryRun: true }

/** One partition of a group that was moved. */
export interface OffsetReset extends Position {
  /** Where it was; `undefined` if nothing was committed. */
  readonly before: number | undefined
}

/** A group whose offsets are reset: a consumer group or a share group. */
export interface MovedGroup {
  readonly groupId: string
  /** The method of `admin` that resets it, for messages. */
  readonly resetCall: 'resetOffsets' | 'resetShareGroup'
  /**
   * Where the group goes on now; `undefined` if there is no such group. Rejects with NON_EMPTY_GROUP while it has
   * members, because these would go on from where they are.
   */
  places(session: AdminSession): Promise<readonly Position[] | undefined>
  /** UNKNOWN_TOPIC_ID for a position of a topic that is gone. */
  move(session: AdminSession, positions: readonly TopicPosition[]): Promise<void>
}

/** As `kafka-consumer-groups --reset-offsets` and `kafka-share-groups --reset-offsets`. */
export async function resetOffsets(
  session: AdminSession,
  group: MovedGroup,
  to: ResetPoint,
  options: ResetOptions,
): Promise<readonly OffsetReset[]> {
  assertOptions(options, NAMES, group.resetCall)
  const { dryRun = false } = options
  const topics = topicsOf(options)
  if (typeof dryRun !== 'boolean') throw wrongArgument('dryRun', 'true or false')
  const point = pointOf(to)
  const known = await group.places(session)
  if (known === undefined && topics === undefined) {
    const { groupId } = group
    const kind = group.resetCall === 'resetShareGroup' ? 'share group' : 'group'
    throw new LogError('GROUP_ID_NOT_FOUND', `no ${kind} "${groupId}"`, { groupId })
  }
  const topicIds = await topicIdsOf(session, topics ?? known ?? [])
  // Asked anew, after the ids: a topic that is made again from here on is another when the group is moved.
  const places = (await group.places(session)) ?? []
  const before = new Map(places.map((position) => [placeKey(position), position]))
  const at = topics === undefined ? [...before.values()] : await placesOf(session, topics)
  const wanted = await target(session, at, point, before)
  const moved = (await withinPartitions(session, wanted)).map((position) => {
    return { ...position, before: before.get(placeKey(position))?.nextOffset }
  })
  const positions = moved.map(({ topic, partition, nextOffset }) => {
    return { topic, partition, nextOffset, topicId: topicIds.get(topic) }
  })
  if (!dryRun && positions.length > 0) await group.move(session, positions)
  return moved
}

export function consumerGroup(groupId: string): MovedGroup {
  return {
    groupId,
    resetCall: 'resetOffsets',
    async places(session) {
      const group = (await session.listGroups()).find((each) => each.groupId === groupId)
      if (group === undefined || group.state === 'Empty') return group?.offsets
      throw new LogError('NON_EMPTY_GROUP', `group "${groupId}" has members`, { groupId })
    },
    move: (session, positions) => session.setOffsets(groupId, positions),
  }
}

export function shareGroup(groupId: string): MovedGroup {
  return {
    groupId,
    resetCall: 'resetShareGroup',
    async places(session) {
      const group = (await session.listShareGroups()).find((each) => each.groupId === groupId)
      if (group?.offsets.some(({ acquired }) => acquired > 0)) {
        throw new LogError('NON_EMPTY_GROUP', `consumers of share group "${groupId}" hold records`, { groupId })
      }
      return group?.offsets.map(({ topic, partition, startOffset }) => ({ topic, partition, nextOffset: startOffset }))
    },
    move: (session, positions) => session.startShareGroup(groupId, positions),
  }
}

async function topicIdsOf(
  session: AdminSession,
  topics: readonly (string | TopicPartition)[],
): Promise<ReadonlyMap<string, string>> {
  const topicIds = new Map<string, string>()
  for (const name of new Set(topics.map((each) => (typeof each === 'string' ? each : each.topic)))) {
    topicIds.set(name, (await session.describeTopic(name)).topicId)
  }
  return topicIds
}

async function placesOf(
  session: AdminSession,
  topics: readonly (string | TopicPartition)[],
): Promise<readonly TopicPartition[]> {
  const places = new Map<string, TopicPartition>()
  for (const each of topics) {
    for (const place of typeof each === 'string' ? await partitionsOf(session, each) : [each]) {
      places.set(placeKey(place), place)
    }
  }
  return [...places.values()]
}

/** A copy: the program may change its list while the log is asked. */
function topicsOf({ topics }: ResetOptions): readonly (string | TopicPartition)[] | undefined {
  if (topics === undefined) return undefined
  if (!Array.isArray(topics)) throw wrongArgument('topics', 'a list of topics and partitions')
  return topics.map((each: string | TopicPartition) => (typeof each === 'string' ? each : checkPlace(each)))
}

async function partitionsOf(session: AdminSession, topic: string): Promise<TopicPartition[]> {
  const { partitions } = await session.describeTopic(topic)
  return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
}

async function target(
  session: AdminSession,
  at: readonly TopicPartition[],
  to: ResetPoint,
  before: ReadonlyMap<string, Position>,
): Promise<Position[]> {
  if (to === 'earliest' || to === 'latest' || 'timestamp' in to) {
    return startPositions(session, at, to, 'read_committed')
  }
  return at.map(({ topic, partition }) => {
    if ('offset' in to) return { topic, partition, nextOffset: to.offset }
    const known = before.get(placeKey({ topic, partition }))
    if (known !== undefined) return { topic, partition, nextOffset: known.nextOffset + to.shiftBy }
    const message = `the group has no offset of ${topic}-${partition} that could be shifted`
    throw new LogError('INVALID_REQUEST', message, { topic, partition, option: 'shiftBy' })
  })
}

async function withinPartitions(session: AdminSession, positions: readonly Position[]): Promise<Position[]> {
  const bounds = await session.offsets(positions.map(({ topic, partition }) => ({ topic, partition })))
  return positions.map((position, index) => {
    const { logStartOffset = 0, lastStableOffset = 0 } = bounds[index] ?? {}
    return { ...position, nextOffset: Math.max(logStartOffset, Math.min(position.nextOffset, lastStableOffset)) }
  })
}

/** The point with the one field that it names: one that is undefined counts as left out. */
function pointOf(to: ResetPoint): ResetPoint {
  if (to === 'earliest' || to === 'latest') return to
  const named =
    typeof to === 'object' && to !== null ? Object.entries(to).filter(([, value]) => value !== undefined) : []
  const [[name, value] = []] = named
  const isWhole = name === 'shiftBy' ? Number.isSafeInteger(value) : isCount(value)
  if (named.length === 1 && ['timestamp', 'offset', 'shiftBy'].includes(name ?? '') && isWhole)
    return { [name as string]: value } as unknown as ResetPoint
  throw wrongArgument('to', "'earliest', 'latest', or one of timestamp, offset and shiftBy with a whole number")
}
