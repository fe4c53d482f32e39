import type { Task } from '../../storage/effect.ts'
import { openFile } from '../../storage/open-file.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { logOffsets, segmentFileName } from '../files/file-names.ts'
import { goesOn } from '../segment/foreign-file.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import { sizeOf } from './survey-context.ts'

/**
 * Where batches begin that are newer than the checkpoint, because a later close noted them: somebody put back journal/
 * and checkpoint/ of an earlier close, and left the partition as it was.
 */
export interface NewerBatches {
  readonly file: string
  readonly position: number
  readonly offset: number
  readonly code: 'newer than the checkpoint'
}

/** What the checkpoint of a closed log notes of the last segment. */
type LastSegment = Pick<CheckpointSegment, 'baseOffset' | 'sizeBytes' | 'nextOffset'>

const code = 'newer than the checkpoint'

/** A segment after the last one that the checkpoint notes. An empty one was left by a roll that found no room. */
export function* laterSegment(
  { store }: Pick<SegmentContext, 'store'>,
  directory: string,
  last: LastSegment | undefined,
  names: readonly string[],
): Task<NewerBatches | undefined> {
  for (const offset of logOffsets(names)) {
    if (offset <= (last?.baseOffset ?? -1)) continue
    const file = `${directory}/${segmentFileName(offset, 'log')}`
    const sizeBytes = (yield* sizeOf(store, file)) ?? 0
    if (sizeBytes > 0) return { file, position: 0, offset, code }
  }
  return undefined
}

/** A batch past the noted end of the last segment. */
export function* furtherBatch(
  context: Pick<SegmentContext, 'store' | 'kernel' | 'scratch' | 'maxBatchBytes'>,
  directory: string,
  last: LastSegment | undefined,
): Task<NewerBatches | undefined> {
  if (last === undefined) return undefined
  const path = `${directory}/${segmentFileName(last.baseOffset, 'log')}`
  const file = yield* openFile(context.store, path)
  if (file === undefined) return undefined
  try {
    if (!goesOn(context, file, last)) return undefined
    return { file: path, position: last.sizeBytes, offset: last.nextOffset, code }
  } finally {
    file.close()
  }
}
