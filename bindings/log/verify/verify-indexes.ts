import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { withFile } from '../../storage/open-file.ts'
import type { CheckpointSegment, NotedIndex } from '../checkpoint/checkpoint-record.ts'
import { segmentFileName } from '../files/file-names.ts'
import { readWhole } from '../files/small-file.ts'
import { viewOf } from '../segment/batch-head.ts'
import { type IndexFile, OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES } from '../segment/index-file.ts'
import type { Damaged } from './verify-context.ts'

/** A batch, known by the offset of its last record. */
export interface VerifiedBatch {
  readonly position: number
  readonly maxTimestamp: number
}

interface IndexContext {
  readonly store: FileStore
  readonly damaged: Damaged
}

/**
 * Entries that the checkpoint noted must lead to the batches; later ones don't count. A missing file is no damage: it
 * is made again when it is needed.
 */
export function* verifyIndexes(
  context: IndexContext,
  directory: string,
  { baseOffset, offsetIndex, timeIndex }: CheckpointSegment,
  batches: ReadonlyMap<number, VerifiedBatch>,
): Task<void> {
  const leadsToBatch = (view: DataView, at: number) => {
    const offset = baseOffset + view.getInt32(at)
    return batches.get(offset)?.position === view.getInt32(at + 4) ? undefined : offset
  }
  const path = (suffix: 'index' | 'timeindex') => `${directory}/${segmentFileName(baseOffset, suffix)}`
  const offsetFile = { path: path('index'), entryBytes: OFFSET_ENTRY_BYTES }
  yield* verifyEntries(context, offsetFile, offsetIndex, leadsToBatch)
  const tellsTime = (view: DataView, at: number) => {
    const offset = baseOffset + view.getInt32(at + 8)
    return batches.get(offset)?.maxTimestamp === Number(view.getBigInt64(at)) ? undefined : offset
  }
  const timeFile = { path: path('timeindex'), entryBytes: TIME_ENTRY_BYTES }
  yield* verifyEntries(context, timeFile, timeIndex, tellsTime)
}

/** `check` returns the offset of an entry that is wrong. */
function* verifyEntries(
  { store, damaged }: IndexContext,
  { path, entryBytes }: IndexFile,
  { entryCount }: NotedIndex,
  check: (view: DataView, at: number) => number | undefined,
): Task<void> {
  const bytes = yield* withFile(store, path, (file) => readWhole(file))
  if (bytes === undefined) return
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
