import { LogError } from '../model/errors.ts'
import type { Position } from '../model/positions.ts'

/** OFFSET_OUT_OF_RANGE, with details of where the partition's records begin and end. */
export function outOfRange(position: Position, logStartOffset: number, endOffset: number): LogError {
  const { topic, partition, nextOffset: offset } = position
  const message = `offset ${offset} of ${topic}-${partition} is outside ${logStartOffset} to ${endOffset}`
  return new LogError('OFFSET_OUT_OF_RANGE', message, { topic, partition, offset, logStartOffset, endOffset })
}
