import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Journal, JournalOptions } from '../journal/journal.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { Backups } from './backups.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Compactions } from './compactions.ts'
import type { DiskReserve } from './disk-reserve.ts'
import { AT_ONCE_BESIDE_COMMITS } from './file-store-options.ts'
import type { FurtherRuns } from './further-runs.ts'
import type { PartitionMap } from './partition-map.ts'
import { writeRolledSnapshots } from './producer-snapshots.ts'
import { growRing } from './ring-growth.ts'

export interface MaintenanceParts {
  /** The store without sparing (sparingStore): a larger ring is no reason to close files that are in use. */
  readonly unsparing: FileStore
  readonly store: FileStore
  readonly options: JournalOptions
  readonly journal: Journal
  readonly partitions: PartitionMap<StoredFiles>
  readonly checkpoints: Checkpoints
  readonly backups: Backups
  readonly compactions: Compactions
  readonly reserve: DiskReserve
  readonly furtherRuns: FurtherRuns
}

/**
 * What the store does beside commits, one thing after the other: it makes the files of next segments ahead, writes
 * checkpoints, and does what follows them.
 */
export class Maintenance {
  readonly #parts: MaintenanceParts
  /** Partitions whose next segment's file is due to be made ahead. */
  readonly #nearlyFull = new Set<StoredFiles>()

  constructor(parts: MaintenanceParts) {
    this.#parts = parts
  }

  nearlyFull(files: StoredFiles): void {
    this.#nearlyFull.add(files)
  }

  /** The partition's topic is deleted. */
  forget(files: StoredFiles): void {
    this.#nearlyFull.delete(files)
  }

  get isDue(): boolean {
    const { checkpoints, backups, compactions, journal, furtherRuns } = this.#parts
    if (checkpoints.need.isUnderWay) return false
    if (this.#nearlyFull.size > 0 || backups.areWaiting || compactions.wantsCheckpoint) return true
    return checkpoints.need.isDue(journal.ring) || !journal.hasRoom(0) || furtherRuns.areTooMany
  }

  run(): Task<void> {
    return this.#nearlyFull.size > 0 ? this.#makeNext() : this.#checkpoint()
  }

  *#makeNext(): Task<void> {
    for (const files of this.#nearlyFull) {
      this.#nearlyFull.delete(files)
      yield* files.segments.makeNext()
    }
  }

  *#checkpoint(): Task<void> {
    const { unsparing, store, options, journal, partitions, checkpoints, backups, compactions, reserve } = this.#parts
    yield* backups.afterCheckpoint(() => checkpoints.write(journal, AT_ONCE_BESIDE_COMMITS))
    yield* compactions.finish()
    yield* writeRolledSnapshots({ store }, partitions.values())
    yield* reserve.restore()
    if (reserve.isHeld) yield* growRing(journal.ring, options, checkpoints.sizeBytes, unsparing)
  }
}
