import type { Kernel } from '../../kernel/kernel.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionIdentity, SealedBatch } from '../../storage/partition-store.ts'
import type { Segment } from '../segment/segment.ts'
import type { SegmentList } from '../segment/segment-list.ts'
import { PendingRuns } from './pending-runs.ts'

/** One partition's files while the log is open. */
export class StoredFiles {
  readonly id: PartitionIdentity
  readonly directory: string
  readonly segments: SegmentList
  readonly pending: PendingRuns = new PendingRuns()
  /** Written since the last checkpoint: it syncs them (durability rule 4b). */
  readonly unsynced: Set<Segment> = new Set()
  #directoryChanges = 0
  #directorySynced = 0
  /** Anything of it differs from what the newest checkpoint says. */
  changed = true
  /** An append found the active segment full: the next one starts with this batch's offset. */
  rollAt: number | undefined
  /** Recovery found damage: nothing is appended any more. */
  readOnly = false
  /** Its offsets continue here, maybe above the last segment's end (durability rule 5). */
  nextOffset: number

  constructor(id: PartitionIdentity, directory: string, segments: SegmentList, nextOffset: number) {
    this.id = id
    this.directory = directory
    this.segments = segments
    this.nextOffset = nextOffset
  }

  /** The directory has entries that a power loss takes away. */
  get directoryUnsynced(): boolean {
    return this.#directorySynced < this.#directoryChanges
  }

  directoryChanged(): void {
    this.#directoryChanges++
  }

  /** A commit and a checkpoint may do it side by side: only what one has waited for counts as synced. */
  *syncDirectory(store: FileStore): Task<void> {
    const upTo = this.#directoryChanges
    yield* perform('syncDirectory', this.directory, () => store.syncDirectory(this.directory))
    this.#directorySynced = Math.max(this.#directorySynced, upTo)
  }

  /** A data batch stands in the active segment: a frame or a checkpoint owes it durability. `head`: its first 21 bytes. */
  appended(head: SealedBatch, position: number, lengthBytes: number, kernel: Kernel): void {
    const { active } = this.segments
    if (active === undefined) return
    this.pending.add(active, head, position, lengthBytes, kernel)
    this.#touched(head)
  }

  /** A decision stands in the active segment: its frame made it durable already. */
  placed(batch: SealedBatch): void {
    this.#touched(batch)
  }

  #touched(batch: SealedBatch): void {
    this.nextOffset = batch.nextOffset
    this.changed = true
    if (this.segments.active !== undefined) this.unsynced.add(this.segments.active)
  }
}
