import { perform, type Task } from '../../storage/effect.ts'
import type { StoreLock } from '../../storage/file-store.ts'
import type { Journal } from '../journal/journal.ts'
import type { StoreParts } from './store-parts.ts'
import { unlessPoisoned } from './unless-poisoned.ts'

/**
 * Gives back kernel memory and files, then the lock, once no thread writes to the journal any more. Nothing is written.
 * Each comes whatever a driver throws before: a lock that nobody releases would keep out all others for as long as the
 * process lives.
 */
export function* releaseStore(
  parts: StoreParts,
  journal: Journal | undefined,
  lock: StoreLock | undefined,
): Task<void> {
  try {
    releaseFiles(parts, journal)
  } finally {
    if (journal !== undefined) yield* journal.written()
    yield* releaseLock(parts, lock)
  }
}

function releaseFiles({ cache, partitions, segments }: StoreParts, journal: Journal | undefined): void {
  unlessPoisoned(() => {
    for (const files of partitions.values()) files.segments.release()
    journal?.free()
    segments.scratch.free()
  })
  try {
    journal?.close()
  } finally {
    unlessPoisoned(() => cache.closeAll())
  }
}

function* releaseLock({ store }: StoreParts, lock: StoreLock | undefined): Task<void> {
  try {
    if (lock !== undefined) yield* perform('lock', '', () => lock.release())
  } finally {
    yield* perform('lock', '', () => store.close())
  }
}
