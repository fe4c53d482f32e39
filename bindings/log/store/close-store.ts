import type { Task } from '../../storage/effect.ts'
import { unlessFull } from '../../storage/unless-full.ts'
import type { Journal } from '../journal/journal.ts'
import { AT_ONCE_ALONE } from './file-store-options.ts'
import { writeFinalSnapshots } from './producer-snapshots.ts'
import { finishRemoval, type RemoveContext } from './remove-segments.ts'
import type { StoreParts } from './store-parts.ts'

/**
 * Called after the last commit, when nothing waits to be written. Leaves all files as the last checkpoint says, so that
 * the next open is clean. If there is no room to put a rewritten segment in its place, the next open is as after a kill.
 */
export function* closeCleanly(parts: StoreParts, journal: Journal, removing: RemoveContext): Task<void> {
  const { store, kernel, source, cache, partitions, checkpoints, compactions, reserve } = parts
  for (const files of partitions.values()) {
    if (yield* files.segments.writeIndexes()) files.hasChanged = true
    files.proveNext()
  }
  yield* checkpoints.write(journal, AT_ONCE_ALONE)
  yield* compactions.close()
  // Some found no room for it. A clean open takes each segment to be in its place; only a recovery looks elsewhere.
  if (compactions.areWaiting) return
  for (const files of partitions.values()) yield* finishRemoval(removing, files, source.logStartOffset(files.id))
  // Nobody reads any more, and the snapshots need open files of their own within the same bound.
  cache.closeAll()
  yield* writeFinalSnapshots({ store, kernel }, partitions.values(), source)
  yield* journal.writeHeader({ clean: true, checkpointSequence: checkpoints.sequence })
  if (reserve.isHeld) yield* unlessFull(journal.ring.shrink())
}
