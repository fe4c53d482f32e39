import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import { parsePartitionDirectory } from '../files/file-names.ts'
import { furtherBatch, laterSegment } from '../survey/newer-batches.ts'
import type { VerifyContext } from './verify-context.ts'

const NOTHING_NOTED = { segments: [], readOnly: false }

/**
 * Looks past the end that a closed log's checkpoint notes, as a clean open and the first append do. In a read-only
 * partition nothing was cut, so batches may be there.
 */
export function* verifyEnd(
  { store, kernel, scratch, damage }: Pick<VerifyContext, 'store' | 'kernel' | 'scratch' | 'damage'>,
  directory: string,
  { segments, readOnly }: Pick<CheckpointPartition, 'segments' | 'readOnly'> = NOTHING_NOTED,
): Task<void> {
  if (readOnly) return
  const context = { store, kernel, scratch, maxBatchBytes: BATCH_BYTES_MAX }
  const last = segments.at(-1)
  const names = yield* perform('list', directory, () => store.list(directory))
  const newer =
    (yield* laterSegment(context, directory, last, names)) ?? (yield* furtherBatch(context, directory, last))
  if (newer === undefined) return
  const place = parsePartitionDirectory(directory)
  damage.push({ ...newer, topic: place?.topic, partition: place?.partition })
}
