import { LogError } from '../../model/errors.ts'
import { parsePartitionDirectory } from '../files/file-names.ts'

/** A damaged place of a segment. `offset`: of the first record that can't be read there. */
export interface SegmentFault {
  readonly position: number
  readonly offset: number
  readonly fault: string
}

interface SegmentEnd {
  readonly logPath: string
  readonly sizeBytes: number
  readonly nextOffset: number
}

export function damagedSegment(
  path: string,
  { position, offset, fault }: SegmentFault,
  message: string,
): LogError<'CORRUPT_MESSAGE'> {
  return new LogError('CORRUPT_MESSAGE', message, { file: path, position, ...partitionOf(path), offset, fault })
}

export function missingSegment(path: string, offset: number): LogError<'CORRUPT_LOG'> {
  const details = { file: path, position: 0, ...partitionOf(path), offset, operation: 'open' }
  return new LogError('CORRUPT_LOG', `${path} is missing`, details)
}

export function newerSegment({ logPath, sizeBytes, nextOffset }: SegmentEnd): LogError<'CORRUPT_LOG'> {
  const message = `${logPath} goes on past what the checkpoint knows: put back the journal/ and checkpoint/ that belong to it`
  const details = { file: logPath, position: sizeBytes, ...partitionOf(logPath), offset: nextOffset }
  return new LogError('CORRUPT_LOG', message, details)
}

function partitionOf(path: string): { readonly topic: string; readonly partition: number } | undefined {
  return parsePartitionDirectory(path.slice(0, path.indexOf('/')))
}
