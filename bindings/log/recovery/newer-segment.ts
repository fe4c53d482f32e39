import type { Task } from '../../storage/effect.ts'
import { isInternalTopic } from '../catalogue/topic-ids.ts'
import { logOffsets, segmentFileName } from '../files/file-names.ts'
import { goesOn } from '../segment/foreign-file.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { RecoveryInput } from './recovery-input.ts'

/** Where batches begin that a later close noted than the one that is opened. */
export interface NewerSegment {
  readonly file: string
  readonly position: number
  readonly offset: number
  readonly code: 'newer than the checkpoint'
}

/**
 * Somebody put journal/ and checkpoint/ back from an earlier close and left the partition as it was: it has a later
 * segment. The log's own topics are read by every open, so that of these the last segment is looked at here; of others
 * by the first append.
 */
export function* newerSegment(
  { files: cache, segments: context }: RecoveryInput,
  { id, directory, segments: { active } }: StoredFiles,
  names: readonly string[],
): Task<NewerSegment | undefined> {
  const code = 'newer than the checkpoint'
  for (const offset of logOffsets(names)) {
    if (offset <= (active?.baseOffset ?? -1)) continue
    const path = `${directory}/${segmentFileName(offset, 'log')}`
    const file = yield* cache.open(path, { create: false })
    const sizeBytes = file?.size() ?? 0
    cache.close(path)
    if (sizeBytes > 0) return { file: path, position: 0, offset, code }
  }
  if (active === undefined || !isInternalTopic(id.topic)) return undefined
  const file = yield* cache.open(active.logPath, { create: false })
  if (file === undefined || !goesOn(context, file, active)) return undefined
  return { file: active.logPath, position: active.sizeBytes, offset: active.nextOffset, code }
}
