import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { JournalOptions } from '../journal/journal.ts'
import type { Ring } from '../journal/ring.ts'

/**
 * In the background, so that a commit never waits for zeros. A log that fills its ring at all gets the usual one, so that
 * checkpoints are rare; beyond that a ring is small if it filled while it was checkpointed.
 */
export function* growRing(
  ring: Ring,
  { ringFilesUsual, ringFilesMax }: JournalOptions,
  checkpointBytes: number,
): Task<void> {
  const files = ring.sizeBytes / ring.fileSizeBytes
  const isTight = ring.usedBytes * 4 >= ring.sizeBytes || checkpointBytes * 4 > ring.sizeBytes
  const limit = isTight ? ringFilesMax : ringFilesUsual
  if (files >= limit) return
  try {
    yield* ring.grow(Math.min(files * 2, limit))
  } catch (error) {
    // A disk without room for a larger ring is no failure.
    if (!LogError.is(error, 'STORAGE_FULL')) throw error
  }
}
