import type { Kernel } from '../../kernel/kernel.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/partition-store.ts'
import { readWhole } from '../checkpoint/checkpoint-file.ts'
import type { CheckpointPartition, CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { parsePartitionDirectory, parseSegmentFileName, segmentFileName } from '../files/file-names.ts'
import { openFile } from '../journal/ring.ts'
import type { BatchScanner } from '../recovery/batch-scanner.ts'
import { chainHeader, NO_BATCHES } from '../segment/header-checksum.ts'

export interface VerifyContext {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly scanner: BatchScanner
  readonly damage: Damage[]
  /** Of the log's own topics: up to which offset checkpoint and frames vouch for decisions (rule 3). */
  readonly ownEnd: number | undefined
  readonly undecided: Undecided[]
}

/** A batch of the log's own topics that was not vouched for when it was read. */
export interface Undecided {
  readonly file: string
  readonly position: number
  readonly offset: number
  readonly nextOffset: number
}

export interface VerifiedPartition {
  segments: number
  batches: number
  bytes: number
}

/** Every batch of every segment; what the checkpoint noted must be there, to the byte that batch CRCs leave out. */
export function* verifyPartition(
  context: VerifyContext,
  directory: string,
  topicId: string | undefined,
  noted: CheckpointPartition | undefined,
): Task<VerifiedPartition> {
  const place = parsePartitionDirectory(directory)
  const damaged = (file: string, position: number, offset: number | undefined, code: string) => {
    context.damage.push({ file, position, topic: place?.topic, partition: place?.partition, offset, code })
  }
  if (topicId === undefined) damaged(`${directory}/partition.metadata`, 0, undefined, 'names no topic id')
  const names = yield* perform('list', directory, () => context.store.list(directory))
  const bases = names.flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === 'log' ? [parsed.offset] : []
  })
  for (const segment of noted?.segments ?? []) {
    if (bases.includes(segment.baseOffset)) continue
    damaged(`${directory}/${segmentFileName(segment.baseOffset, 'log')}`, 0, segment.baseOffset, 'is missing')
  }
  const found = { segments: 0, batches: 0, bytes: 0 }
  for (const baseOffset of bases) {
    const path = `${directory}/${segmentFileName(baseOffset, 'log')}`
    const file = yield* openFile(context.store, path, false)
    if (file === undefined) continue
    const facts = noted?.segments.find((each) => each.baseOffset === baseOffset)
    const positions = verifySegment(context, file, baseOffset, facts, damaged)
    found.segments++
    found.batches += positions.size
    found.bytes += file.size()
    file.close()
    yield* verifyIndex(context.store, directory, baseOffset, positions, damaged)
  }
  return found
}

type Damaged = (file: string, position: number, offset: number | undefined, code: string) => void

/** Positions of the batches by their last offset. Above the noted size the end may be incomplete. */
function verifySegment(
  { kernel, scanner, ownEnd, undecided }: VerifyContext,
  file: StoreFile,
  baseOffset: number,
  noted: CheckpointSegment | undefined,
  damaged: Damaged,
): Map<number, number> {
  const positions = new Map<number, number>()
  const sizeBytes = file.size()
  const notedBytes = noted?.sizeBytes ?? 0
  let expected = baseOffset
  let checksum = NO_BATCHES
  let position = 0
  while (position < sizeBytes) {
    const batch = scanner.inFile(file, position, sizeBytes)
    if (typeof batch === 'string' || batch.header.baseOffset < expected) {
      const fault = typeof batch === 'string' ? batch : 'offsets go back'
      if (position < notedBytes) damaged(file.path, position, expected, fault)
      return positions
    }
    if (ownEnd !== undefined && batch.nextOffset > ownEnd) {
      undecided.push({ file: file.path, position, offset: batch.header.baseOffset, nextOffset: batch.nextOffset })
    }
    positions.set(batch.nextOffset - 1, position)
    checksum = chainHeader(kernel, checksum, batch.bytes)
    position += batch.header.sizeBytes
    expected = batch.nextOffset
    if (position === notedBytes && noted !== undefined && checksum !== noted.headerChecksum) {
      damaged(file.path, 0, baseOffset, 'batch headers differ from the checkpoint')
    }
  }
  if (position < notedBytes) damaged(file.path, position, expected, 'shorter than the checkpoint says')
  return positions
}

/** Index entries must lead to batches; without the file there is nothing to say, it is made again when needed. */
function* verifyIndex(
  store: FileStore,
  directory: string,
  baseOffset: number,
  positions: ReadonlyMap<number, number>,
  damaged: Damaged,
): Task<void> {
  const path = `${directory}/${segmentFileName(baseOffset, 'index')}`
  const file = yield* openFile(store, path, false)
  if (file === undefined) return
  const bytes = readWhole(file)
  file.close()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const offset = baseOffset + view.getInt32(at)
    if (positions.get(offset) === view.getInt32(at + 4)) continue
    damaged(path, at, offset, 'index entry leads to no batch')
    return
  }
  if (bytes.length % 8 !== 0) damaged(path, bytes.length - (bytes.length % 8), undefined, 'incomplete index entry')
}
