import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { isTooManyFiles } from '../../storage/sparing-store.ts'
import type { JournalOptions } from '../journal/journal.ts'
import type { Ring } from '../journal/ring.ts'

/**
 * Grows the ring in the background, so that no commit waits for zeros to be written. A log that fills its ring at all
 * gets the usual size, so that checkpoints are rare; beyond that size the ring is too small if it filled up during a
 * checkpoint. `store` closes no other file to make these: files in use are worth more than a larger ring.
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
    // If there is no room or no descriptor for a larger ring, that is no failure.
    if (!LogError.is(error, 'STORAGE_FULL') && !isTooManyFiles(error)) throw error
  }
}
