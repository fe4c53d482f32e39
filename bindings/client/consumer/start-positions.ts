import type { AdminSession } from '../../broker/broker.ts'
import { LogError } from '../../model/errors.ts'
import type { IsolationLevel, Position, TopicPartition } from '../../model/positions.ts'

/** Where reading starts: the log's ends, the first record at or after a time in milliseconds since 1970, or positions. */
export type StartPoint = 'earliest' | 'latest' | { readonly timestamp: number } | readonly Position[]

export function samePlace(a: TopicPartition, b: TopicPartition): boolean {
  return a.topic === b.topic && a.partition === b.partition
}

export function placeKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** Offsets of the earliest or latest records, or of the first at a time (the end where there is none). */
export async function startPositions(
  admin: AdminSession,
  at: readonly TopicPartition[],
  from: StartPoint,
  isolationLevel: IsolationLevel,
): Promise<Position[]> {
  if (isPositions(from)) {
    return at.map((place) => {
      const position = from.find((each) => samePlace(each, place))
      if (position !== undefined) return checkPosition(position)
      const message = `no position was given for ${place.topic}-${place.partition}`
      throw new LogError('INVALID_REQUEST', message, { ...place, option: 'from' })
    })
  }
  if (from === 'latest') return endPositions(admin, at, isolationLevel)
  if (from === 'earliest') {
    const offsets = await admin.offsets(at)
    return offsets.map(({ topic, partition, logStartOffset }) => ({ topic, partition, nextOffset: logStartOffset }))
  }
  const { timestamp } = from ?? {}
  if (!isCount(timestamp)) {
    throw new LogError('INVALID_REQUEST', 'timestamp must be whole milliseconds since 1970', { option: 'timestamp' })
  }
  const ends = await endPositions(admin, at, isolationLevel)
  const found = await admin.offsetsForTimestamp(at, timestamp)
  return ends.map((end, index) => ({ ...end, nextOffset: found[index] ?? end.nextOffset }))
}

export async function endPositions(
  admin: AdminSession,
  at: readonly TopicPartition[],
  isolationLevel: IsolationLevel,
): Promise<Position[]> {
  return (await admin.offsets(at)).map(({ topic, partition, highWatermark, lastStableOffset }) => ({
    topic,
    partition,
    nextOffset: isolationLevel === 'read_committed' ? lastStableOffset : highWatermark,
  }))
}

function isPositions(from: StartPoint): from is readonly Position[] {
  return Array.isArray(from)
}

export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

export function checkPosition(position: Position): Position {
  const { topic, partition, nextOffset } = position ?? {}
  if (typeof topic === 'string' && isCount(partition) && isCount(nextOffset)) return { topic, partition, nextOffset }
  const message = 'a position has a topic, a partition and a nextOffset, whole numbers from 0 on'
  throw new LogError('INVALID_REQUEST', message, { option: 'position' })
}

export function checkPlace(at: TopicPartition): TopicPartition {
  const { topic, partition } = at ?? {}
  if (typeof topic === 'string' && isCount(partition)) return { topic, partition }
  const message = 'a partition is named by its topic and its number, a whole one from 0 on'
  throw new LogError('INVALID_REQUEST', message, { option: 'partition' })
}

/** INVALID_REQUEST unless it is a list of positions, none named twice. */
export function checkPositions(positions: unknown, option: string): Position[] {
  if (!Array.isArray(positions)) {
    throw new LogError('INVALID_REQUEST', `${option} must be a list of positions`, { option })
  }
  const checked = positions.map(checkPosition)
  const seen = new Set<string>()
  for (const each of checked) {
    const { topic, partition } = each
    if (seen.has(placeKey(each))) {
      throw new LogError('INVALID_REQUEST', `${option} names ${topic}-${partition} twice`, { option, topic, partition })
    }
    seen.add(placeKey(each))
  }
  return checked
}
