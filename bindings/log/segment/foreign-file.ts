import type { StoreFile } from '../../storage/file-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { type BatchFrame, crcOf } from './batch-frame.ts'
import { BatchWalk } from './batch-walk.ts'
import { HeaderScan, headersOf } from './header-scan.ts'
import type { SegmentContext } from './segment-context.ts'

/**
 * Segments up to this size have all their headers compared, which takes less than a millisecond. Of larger ones
 * that of the first batch, and `oncelog verify` the others (decision 034).
 */
const COMPARED_BYTES = 256 * 1024

/** The facts of a checkpoint that tell whose batches a file holds. */
export type NotedBatches = Pick<
  CheckpointSegment,
  'baseOffset' | 'nextOffset' | 'sizeBytes' | 'headerChecksum' | 'firstTimestamp' | 'firstCrc'
>

/**
 * Whether a file holds the batches that the checkpoint noted, by the bytes that batch CRCs leave out (durability rule
 * 4c). `others`: they are whole and aren't those, so another file took the segment's place, or a header is damaged.
 * `unknown`: nothing says so; where batches don't follow each other the read that comes there names the place.
 */
export function compareWithNoted(
  context: SegmentContext,
  file: StoreFile,
  noted: NotedBatches,
): 'noted' | 'others' | 'unknown' {
  const isCompared = noted.sizeBytes <= COMPARED_BYTES
  const checksum = isCompared ? headersOf(context, file, noted.sizeBytes) : undefined
  if (checksum !== undefined) return checksum === noted.headerChecksum ? 'noted' : 'others'
  if (hasOtherStart(context, file, noted)) return 'others'
  if (!isCompared) return 'noted'
  return runsBeyond(context, file, noted) ? 'others' : 'unknown'
}

/** The first batch's CRC and time are the segment's: seen in a look at one header, however large the file. */
function hasOtherStart(
  context: SegmentContext,
  file: StoreFile,
  { sizeBytes, firstTimestamp, firstCrc }: NotedBatches,
): boolean {
  const headers = new HeaderScan(context.scratch, file, sizeBytes)
  const first = headers.at(0)
  if (first === undefined) return false
  const isOfOtherTime = first.maxTimestamp >= 0 && firstTimestamp >= 0 && first.maxTimestamp !== firstTimestamp
  const isOther = isOfOtherTime || (firstCrc !== undefined && crcOf(headers.uncheckedBytes(0)) !== firstCrc)
  return isOther && isIntact(context, file, 0, first)
}

/** A whole batch lies across the end that was noted, or goes on behind its last offset: no damage makes one of that. */
function runsBeyond(
  context: SegmentContext,
  file: StoreFile,
  { baseOffset, nextOffset, sizeBytes }: NotedBatches,
): boolean {
  // Not beyond the file: a damaged length would ask for memory, again and again, that a small log hasn't.
  const headers = new HeaderScan(context.scratch, file, file.size())
  let offset = baseOffset
  for (let position = 0; position < sizeBytes; ) {
    const frame = headers.at(position)
    if (frame === undefined || frame.baseOffset !== offset) return false
    offset = frame.nextOffset
    const end = position + frame.sizeBytes
    if (end > sizeBytes || offset > nextOffset) return isIntact(context, file, position, frame)
    position = end
  }
  return false
}

function isIntact(
  context: SegmentContext,
  file: StoreFile,
  position: number,
  { sizeBytes, baseOffset }: Readonly<BatchFrame>,
): boolean {
  const range = { from: position, to: position + sizeBytes, expectedOffset: baseOffset, isCleaned: true }
  const walk = new BatchWalk(context, file, range)
  walk.run(() => {})
  return walk.fault === undefined
}
