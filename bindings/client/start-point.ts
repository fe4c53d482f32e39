import type { AdminSession } from '../broker/admin-session.ts'
import { LogError } from '../model/errors.ts'
import { type IsolationLevel, type Position, placeKey, type TopicPartition } from '../model/positions.ts'
import { checkPosition, checkPositions, isCount } from './places.ts'

/**
 * Where reading starts: the log's ends, the first record at or after a time in milliseconds since 1970, or positions.
 */
export type StartPoint = 'earliest' | 'latest' | { readonly timestamp: number } | readonly Position[]

/** A copy, checked: the program may change its own before each iteration starts there. */
export function ownStart(from: StartPoint): StartPoint {
  if (typeof from === 'string') return from
  return isPositions(from) ? checkPositions(from, 'from') : { timestamp: checkTimestamp(from) }
}

/** INVALID_REQUEST for anything but a time. */
function checkTimestamp(from: { readonly timestamp: number }): number {
  const { timestamp } = from ?? {}
  if (isCount(timestamp)) return timestamp
  throw new LogError('INVALID_REQUEST', 'timestamp must be whole milliseconds since 1970', { option: 'timestamp' })
}

/** Offsets of the earliest or latest records, or of the first at a time (the end where there is none). */
export async function startPositions(
  admin: AdminSession,
  at: readonly TopicPartition[],
  from: StartPoint,
  isolationLevel: IsolationLevel,
): Promise<Position[]> {
  if (isPositions(from)) {
    const given = new Map(from.map((each) => [placeKey(each), each]))
    return at.map((place) => {
      const position = given.get(placeKey(place))
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
  const timestamp = checkTimestamp(from)
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
