import type { Kernel } from '../../../kernel/kernel.ts'
import { decodeCheckpointFile } from '../../../log/checkpoint/checkpoint-file.ts'
import { brokenFrameBytes, FRAME_HEADER_BYTES } from '../../../log/journal/frame.ts'
import { type FrameEntry, readEntries } from '../../../log/journal/frame-entry.ts'
import { FrameWalk } from '../../../log/journal/frame-walk.ts'
import { decodeHeader, readHeader } from '../../../log/journal/header.ts'
import { FRAME_ALIGNMENT } from '../../../log/journal/layout.ts'
import { allocateFrame } from '../../../log/journal/scan.ts'
import { LogError } from '../../../model/errors.ts'
import type { StoreFile } from '../../../storage/file-store.ts'
import type { Row } from '../output.ts'
import { bytesOf } from './bytes.ts'

/** Both slots of the journal's header; the one with the greater sequence counts. One that isn't whole has its fault. */
export function headerRows(file: StoreFile, kernel: Kernel): Row[] {
  const bytes = bytesOf(file)
  return [0, FRAME_ALIGNMENT].map((position) => {
    const header = decodeHeader(bytes.subarray(position, position + 64), kernel, file.path)
    return header === undefined ? { position, fault: 'a copy of the header is not whole' } : { position, ...header }
  })
}

const BROKEN = 'a frame that is not whole: torn in a crash, and nobody was told of it, or damaged since'
/** Whatever a checkpoint covers: what is shown is the file. */
const NONE_COVERED = -1

/**
 * Frames of a ring file, by position. Those that the newest checkpoint covers wait to be overwritten. One that isn't
 * whole has its fault.
 */
export function frameRows(file: StoreFile, headerFile: StoreFile, kernel: Kernel, withEntries: boolean): Row[] {
  const { header } = readHeader(headerFile, kernel)
  if (header === undefined)
    throw new LogError('CORRUPT_LOG', `${headerFile.path} has no readable slot`, { file: headerFile.path })
  const rows: Row[] = []
  const buffer = allocateFrame(kernel, header.ringFileBytes)
  const walk = new FrameWalk(kernel, buffer, header.nonce, ({ position, bytes, header: frame }) => {
    if (frame === undefined) {
      if (brokenFrameBytes(bytes, header.nonce, NONE_COVERED) !== undefined) rows.push({ position, fault: BROKEN })
      return
    }
    const { sequence, generation, restates, payloadBytes, entryCount } = frame
    const payload = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payloadBytes)
    const entries = readEntries(payload, entryCount, file.path, position + FRAME_HEADER_BYTES)
    const place = { position, sequence, generation, restates: restates < 0 ? '' : restates }
    if (withEntries) rows.push(...entries.map((entry) => ({ ...place, ...entryRow(entry) })))
    else rows.push({ ...place, payloadBytes, entries: kindsOf(entries) })
  })
  walk.visitFile(file)
  buffer.free()
  // Between frames, and after them, there may be the rest of older ones. A file that was never written to has zeros.
  const position = rows.length > 0 ? -1 : bytesOf(file).findIndex((byte) => byte !== 0)
  return position < 0 ? rows : [{ position, fault: 'what stands here is no frame of this log' }]
}

/** `batches 3, ceiling 1` */
function kindsOf(entries: readonly FrameEntry[]): string {
  const counts = new Map<string, number>()
  for (const { kind } of entries) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ')
}

function entryRow(entry: FrameEntry): Row {
  const none = { topicId: '', partition: '', baseOffset: '', nextOffset: '', segment: '', at: '', lengthBytes: '' }
  if (entry.kind === 'producerIds') return { entry: entry.kind, ...none, nextOffset: entry.end }
  const { kind, topicId, partition } = entry
  if (entry.kind === 'ceiling') return { entry: kind, ...none, topicId, partition, nextOffset: entry.ceiling }
  const { baseOffset, nextOffset, segmentBaseOffset: segment, position: at, lengthBytes } = entry
  return { entry: kind, topicId, partition, baseOffset, nextOffset, segment, at, lengthBytes }
}

/** A row for each partition, with what the checkpoint says of the whole log. */
export function checkpointRows(file: StoreFile, kernel: Kernel, path: string): Row[] {
  const checkpoint = decodeCheckpointFile(bytesOf(file), kernel, file.path)
  if (checkpoint === undefined)
    throw new LogError('CORRUPT_LOG', `${path} holds no whole checkpoint`, { file: path, position: 0 })
  const { sequence, coveredSequence, leaderEpoch, producerIdsEnd, partitions } = checkpoint
  return partitions.map(({ topicId, partition, logStartOffset, nextOffset, ceiling, segments, producers }) => ({
    checkpoint: sequence,
    coveredSequence,
    leaderEpoch,
    producerIdsEnd,
    topicId,
    partition,
    logStartOffset,
    nextOffset,
    ceiling,
    segments: segments.length,
    producers: producers.length,
  }))
}
