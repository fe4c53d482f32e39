import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { isTooManyFiles } from '../../storage/sparing-store.ts'
import type { JournalOptions } from '../journal/journal.ts'
import type { Ring } from '../journal/ring.ts'

/**
 * `store` makes the files, and spares nobody one for it: files that are in use are worth more than a larger ring.
 * In the background, so that a commit never waits for zeros. A log that fills its ring at all gets the usual one, so that
 * checkpoints are rare; beyond that a ring is small if it filled while it was checkpointed.
 */
export function* growRing(
  ring: Ring,
  { ringFilesUsual, ringFilesMax }: JournalOptions,
  checkpointBytes: number,
  store: FileStore,
): Task<void> {
  const files = ring.sizeBytes / ring.fileSizeBytes
  const isTight = ring.usedBytes * 4 >= ring.sizeBytes || checkpointBytes * 4 > ring.sizeBytes
  const limit = isTight ? ringFilesMax : ringFilesUsual
  if (files >= limit) return
  try {
    yield* ring.grow(Math.min(files * 2, limit), [], store)
  } catch (error) {
    // No room for a larger ring, or no descriptors for it, is no failure.
    if (!LogError.is(error, 'STORAGE_FULL') && !isTooManyFiles(error)) throw error
  }
}
