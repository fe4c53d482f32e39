import { ATTRIBUTE_CODEC } from '../../model/compression.ts'
import { letOthersRun, perform, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { readWhole } from '../checkpoint/checkpoint-file.ts'
import type { CheckpointPartition, CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { parsePartitionDirectory, parseSegmentFileName, segmentFileName } from '../files/file-names.ts'
import { openFile } from '../journal/ring.ts'
import { viewOf } from '../segment/batch-frame.ts'
import { chainHeader, NO_BATCHES } from '../segment/header-checksum.ts'
import { OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES } from '../segment/index-file.ts'
import { assertOpens, type Damaged, type VerifyContext } from './verify-context.ts'
import { DerivedFilesCheck } from './verify-derived.ts'

export interface VerifiedPartition {
  segments: number
  batches: number
  bytes: number
}

export interface PartitionLook {
  readonly directory: string
  readonly topicId: string | undefined
  readonly noted: CheckpointPartition | undefined
  readonly logStartOffset: number
}

/**
 * Every batch of every segment, and the files derived from them; what the checkpoint noted must be there, to the byte that
 * batch CRCs leave out. What lies below the log start is gone or on its way.
 */
export function* verifyPartition(
  context: VerifyContext,
  { directory, topicId, noted, logStartOffset }: PartitionLook,
): Task<VerifiedPartition> {
  const place = parsePartitionDirectory(directory)
  const damaged = (file: string, position: number, offset: number | undefined, code: string) => {
    context.damage.push({ file, position, topic: place?.topic, partition: place?.partition, offset, code })
  }
  if (topicId === undefined) damaged(`${directory}/partition.metadata`, 0, undefined, 'names no topic id')
  const names = yield* perform('list', directory, () => context.store.list(directory))
  const present = names.flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === 'log' ? [parsed.offset] : []
  })
  const bases = present.filter((_, index) => (present[index + 1] ?? Number.POSITIVE_INFINITY) > logStartOffset)
  for (const segment of noted?.segments ?? []) {
    if (bases.includes(segment.baseOffset) || segment.nextOffset <= logStartOffset) continue
    damaged(`${directory}/${segmentFileName(segment.baseOffset, 'log')}`, 0, segment.baseOffset, 'is missing')
  }
  for (const name of names) {
    if (parseSegmentFileName(name) !== undefined) yield* assertOpens(context.store, `${directory}/${name}`)
  }
  const found = { segments: 0, batches: 0, bytes: 0 }
  const derived = new DerivedFilesCheck(context, directory, damaged)
  yield* derived.readSnapshots(names)
  let isWhole = true
  for (const [index, baseOffset] of bases.entries()) {
    const path = `${directory}/${segmentFileName(baseOffset, 'log')}`
    const file = yield* openFile(context.store, path, false)
    if (file === undefined) continue
    const facts = noted?.segments.find((each) => each.baseOffset === baseOffset)
    const before = context.damage.length
    const look = { file, baseOffset, noted: facts, derived: isWhole ? derived : undefined, index, count: bases.length }
    const batches = yield* verifySegment(context, look, damaged)
    const isSegmentWhole = context.damage.length === before
    isWhole &&= isSegmentWhole
    found.segments++
    found.batches += batches.size
    found.bytes += file.size()
    file.close()
    // Behind damage there are no batches for its entries to lead to.
    if (facts !== undefined && isSegmentWhole) yield* verifyIndexes(context.store, directory, facts, batches, damaged)
    if (facts !== undefined && isWhole) yield* derived.segmentEnded(facts)
  }
  // Behind damage the batches tell only a part.
  if (isWhole) yield* derived.ended()
  return found
}

interface VerifiedBatch {
  readonly position: number
  readonly maxTimestamp: number
}

/** Others run after so many bytes. */
const TURN_BYTES = 4 * 1024 * 1024

interface SegmentLook {
  readonly file: StoreFile
  readonly baseOffset: number
  readonly noted: CheckpointSegment | undefined
  readonly derived: DerivedFilesCheck | undefined
  /** Which of how many of the partition's segments. */
  readonly index: number
  readonly count: number
}

/** The batches by their last offset. Above the noted size the end may be incomplete. */
function* verifySegment(
  { kernel, scanner, ownEnd, undecided, progressed }: VerifyContext,
  { file, baseOffset, noted, derived, index, count }: SegmentLook,
  damaged: Damaged,
): Task<Map<number, VerifiedBatch>> {
  const batches = new Map<number, VerifiedBatch>()
  const sizeBytes = file.size()
  const notedBytes = noted?.sizeBytes ?? 0
  let expected = baseOffset
  let checksum = NO_BATCHES
  let position = 0
  let turnEnd = TURN_BYTES
  while (position < sizeBytes) {
    if (position >= turnEnd) {
      progressed((index + position / sizeBytes) / count)
      yield* letOthersRun()
      turnEnd = position + TURN_BYTES
    }
    const batch = scanner.inFile(file, position, sizeBytes)
    if (typeof batch === 'string' || batch.header.baseOffset < expected) {
      const fault = typeof batch === 'string' ? batch : 'offsets go back'
      if (position < notedBytes) damaged(file.path, position, expected, fault)
      return batches
    }
    if (ownEnd !== undefined && batch.nextOffset > ownEnd) {
      undecided.push({ file: file.path, position, offset: batch.header.baseOffset, nextOffset: batch.nextOffset })
    }
    batches.set(batch.nextOffset - 1, { position, maxTimestamp: batch.header.maxTimestamp })
    derived?.take(batch.header, batch.bytes)
    checksum = chainHeader(kernel, checksum, batch.bytes)
    // The CRC vouches for plain records; what is compressed may have been so wrongly.
    const isCompressed = (batch.header.attributes & ATTRIBUTE_CODEC) !== 0
    const fault = isCompressed ? scanner.recordsFault(batch) : undefined
    if (fault !== undefined) damaged(file.path, position, batch.header.baseOffset, fault)
    position += batch.header.sizeBytes
    expected = batch.nextOffset
    if (position === notedBytes && noted !== undefined && checksum !== noted.headerChecksum) {
      damaged(file.path, 0, baseOffset, 'batch headers differ from the checkpoint')
    }
  }
  if (position < notedBytes) damaged(file.path, position, expected, 'shorter than the checkpoint says')
  return batches
}

/**
 * Entries that the checkpoint noted must be true of the batches; those behind are of no account. Without the file there is
 * nothing to say: it is made again when needed.
 */
function* verifyIndexes(
  store: FileStore,
  directory: string,
  { baseOffset, offsetIndex, timeIndex }: CheckpointSegment,
  batches: ReadonlyMap<number, VerifiedBatch>,
  damaged: Damaged,
): Task<void> {
  const leadsToBatch = (view: DataView, at: number) => {
    const offset = baseOffset + view.getInt32(at)
    return batches.get(offset)?.position === view.getInt32(at + 4) ? undefined : offset
  }
  const path = (suffix: 'index' | 'timeindex') => `${directory}/${segmentFileName(baseOffset, suffix)}`
  yield* verifyEntries(store, path('index'), OFFSET_ENTRY_BYTES, offsetIndex.entryCount, leadsToBatch, damaged)
  const tellsTime = (view: DataView, at: number) => {
    const offset = baseOffset + view.getInt32(at + 8)
    return batches.get(offset)?.maxTimestamp === Number(view.getBigInt64(at)) ? undefined : offset
  }
  yield* verifyEntries(store, path('timeindex'), TIME_ENTRY_BYTES, timeIndex.entryCount, tellsTime, damaged)
}

/** `check` answers the offset of an entry that isn't true. */
function* verifyEntries(
  store: FileStore,
  path: string,
  entryBytes: number,
  entryCount: number,
  check: (view: DataView, at: number) => number | undefined,
  damaged: Damaged,
): Task<void> {
  const file = yield* openFile(store, path, false)
  if (file === undefined) return
  const bytes = readWhole(file)
  file.close()
  const view = viewOf(bytes)
  const sizeBytes = Math.min(bytes.length, entryCount * entryBytes)
  for (let at = 0; at + entryBytes <= sizeBytes; at += entryBytes) {
    const offset = check(view, at)
    if (offset === undefined) continue
    damaged(path, at, offset, 'index entry leads to no batch')
    return
  }
  if (sizeBytes % entryBytes !== 0)
    damaged(path, sizeBytes - (sizeBytes % entryBytes), undefined, 'incomplete index entry')
}
