import { FURTHER_RUNS_MOST, type StoredFiles } from '../stored-files/stored-files.ts'
import type { PartitionMap } from './partition-map.ts'

/** A checkpoint is due at half of this. Commits go on beside it up to here: a frame has room for as many. */
const HELD_ABOVE = 2 * FURTHER_RUNS_MOST

/**
 * Runs that wait for a frame or a checkpoint, without the first one of each partition. Each takes room in a frame, and
 * where segments are small many may begin while a checkpoint is under way.
 */
export class FurtherRuns {
  readonly #partitions: PartitionMap<StoredFiles>
  /** There are no more of them. Hot path: those that wait no longer are noticed late. */
  #countMost = 0

  constructor(partitions: PartitionMap<StoredFiles>) {
    this.#partitions = partitions
  }

  begun(): void {
    this.#countMost++
  }

  /** Whether a frame may have no room for all: then commits wait until a checkpoint has covered them. */
  get areTooMany(): boolean {
    if (this.#countMost <= HELD_ABOVE) return false
    let count = 0
    for (const { pending } of this.#partitions.values()) count += pending.furtherCount
    this.#countMost = count
    return count > HELD_ABOVE
  }
}
