import { partitionKey } from '../files/partition-key.ts'
import type { FrameRun, PartitionKey } from '../journal/frame-entry.ts'

/** What frames hold of each partition's batches, in whichever order the frames were found. */
export class FrameRuns {
  readonly #byPartition = new Map<string, FrameRun[]>()

  add(run: FrameRun): void {
    this.#of(run).push(run)
  }

  /** A frame names the partition, and holds none of its batches: those of acks 1 have only a ceiling. */
  named(key: PartitionKey): void {
    this.#of(key)
  }

  #of({ topicId, partition }: PartitionKey): FrameRun[] {
    const key = partitionKey(topicId, partition)
    const known = this.#byPartition.get(key) ?? []
    this.#byPartition.set(key, known)
    return known
  }

  /** By `partitionKey`, in the order of their offsets. */
  inOrder(): ReadonlyMap<string, readonly FrameRun[]> {
    for (const runs of this.#byPartition.values()) runs.sort((a, b) => a.baseOffset - b.baseOffset)
    return this.#byPartition
  }
}
