import type { StoreFile } from '../../storage/file-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { type BatchHead, crcOf } from './batch-head.ts'
import { BatchWalk, type WalkContext } from './batch-walk.ts'
import { HeaderScan, headersOf } from './header-scan.ts'
import type { SegmentContext } from './segment-context.ts'

/**
 * All headers of a segment up to this size are compared, which takes less than a millisecond. Of a larger one only the
 * first batch's header is, and `oncelog verify` compares the others (decision 034).
 */
const COMPARED_BYTES = 256 * 1024

/** The facts of a checkpoint that tell whose batches a file holds. */
export type NotedBatches = Pick<
  CheckpointSegment,
  'baseOffset' | 'nextOffset' | 'sizeBytes' | 'headerChecksum' | 'firstTimestamp' | 'firstCrc'
>

/**
 * Whether a file holds the batches that the checkpoint noted, by the bytes that batch CRCs leave out (durability rule
 * 4c). `others`: its batches are whole and aren't those, so another file took the segment's place, or a header is
 * damaged. `unknown`: nothing proves either; if batches don't follow each other, the read that gets there tells the
 * place.
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

/**
 * Whether a whole batch follows the end that the checkpoint of a closed log notes: the file is of a later close than
 * that, and an append would go over what was acknowledged since. Other bytes belong to nobody.
 */
export function goesOn(
  context: WalkContext,
  file: StoreFile,
  { sizeBytes, nextOffset }: Pick<NotedBatches, 'sizeBytes' | 'nextOffset'>,
): boolean {
  const fileBytes = file.size()
  if (fileBytes <= sizeBytes) return false
  const next = new HeaderScan(context.scratch, file, fileBytes).at(sizeBytes)
  return next !== undefined && next.baseOffset >= nextOffset && isIntact(context, file, sizeBytes, next)
}

/**
 * Whether the first batch's CRC or time isn't the segment's: this takes a look at one header, however large the file
 * is.
 */
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

/** Whether a whole batch lies across the noted end, or goes on past its last offset: no damage leads to that. */
function runsBeyond(
  context: SegmentContext,
  file: StoreFile,
  { baseOffset, nextOffset, sizeBytes }: NotedBatches,
): boolean {
  // Only up to the file's end: a damaged length would ask, again and again, for memory that a small log doesn't have.
  const headers = new HeaderScan(context.scratch, file, file.size())
  let offset = baseOffset
  for (let position = 0; position < sizeBytes; ) {
    const head = headers.at(position)
    if (head === undefined || head.baseOffset !== offset) return false
    offset = head.nextOffset
    const end = position + head.sizeBytes
    if (end > sizeBytes || offset > nextOffset) return isIntact(context, file, position, head)
    position = end
  }
  return false
}

function isIntact(
  context: WalkContext,
  file: StoreFile,
  position: number,
  { sizeBytes, baseOffset }: Readonly<BatchHead>,
): boolean {
  const range = { from: position, to: position + sizeBytes, expectedOffset: baseOffset, isCleaned: true }
  const walk = new BatchWalk(context, file, range)
  walk.run(() => {})
  return walk.fault === undefined
}
