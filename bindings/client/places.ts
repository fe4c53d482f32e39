import { LogError } from '../model/errors.ts'
import { type Position, placeKey, type TopicPartition } from '../model/positions.ts'

/**
 * A place is a topic's name with a partition's number. A topic that is deleted and created again under its name has the
 * same places.
 */
export function samePlace(a: TopicPartition, b: TopicPartition): boolean {
  return a.topic === b.topic && a.partition === b.partition
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
