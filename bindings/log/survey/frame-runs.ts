import { partitionKey } from '../files/partition-key.ts'
import type { FrameRun } from '../journal/frame-entry.ts'

/** What frames hold of each partition's batches, in whichever order the frames were found. */
export class FrameRuns {
  readonly #byPartition = new Map<string, FrameRun[]>()

  add(run: FrameRun): void {
    const key = partitionKey(run.topicId, run.partition)
    const known = this.#byPartition.get(key)
    if (known === undefined) this.#byPartition.set(key, [run])
    else known.push(run)
  }

  /** By `partitionKey`, in the order of their offsets. */
  inOrder(): ReadonlyMap<string, readonly FrameRun[]> {
    for (const runs of this.#byPartition.values()) runs.sort((a, b) => a.baseOffset - b.baseOffset)
    return this.#byPartition
  }
}
