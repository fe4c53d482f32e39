import type { Kernel } from '../../kernel/kernel.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import type { PartitionIdentity } from '../../storage/partition-store.ts'
import { isInternalTopic } from '../catalogue/topic-ids.ts'
import { partitionDirectory } from '../files/file-names.ts'
import { removeDirectory } from '../recovery/dead-directories.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import { SegmentList } from '../segment/segment-list.ts'
import { StoredFiles } from '../stored-files/stored-files.ts'
import { createPartitionDirectory } from './create-partition.ts'
import type { DiskReserve } from './disk-reserve.ts'

export interface PartitionDirectoriesParts {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly source: PartitionSource
  readonly segments: SegmentContext
  readonly reserve: DiskReserve
  assertOpen(): void
}

/**
 * Makes and removes the directories of partitions. A topic that is created again under its name gets each directory
 * once nothing of the old topic is in it any more. Else its files would be removed with the old ones, or its batches
 * would go to a file that has lost its name.
 */
export class PartitionDirectories {
  readonly #parts: PartitionDirectoriesParts
  /**
   * By directory, the ids of the topics that have it or wait for it, in order; one that was deleted while it waited
   * comes before the next one.
   */
  readonly #claims: Map<string, string[]> = new Map()

  constructor(parts: PartitionDirectoriesParts) {
    this.#parts = parts
  }

  /** The directory was there at the open. */
  found({ id, directory }: StoredFiles): void {
    this.#claims.set(directory, [id.topicId])
  }

  *make(id: PartitionIdentity): Task<StoredFiles> {
    const { store, kernel, source, segments, reserve, assertOpen } = this.#parts
    const directory = partitionDirectory(id.topic, id.partition)
    const list = new SegmentList(segments, directory, () => source.segmentConfig(id), [])
    const files = new StoredFiles(id, directory, list)
    try {
      while (this.#claim(files)[0] !== id.topicId) {
        assertOpen()
        yield* letOthersRun()
      }
      yield* reserve.guardIf(isInternalTopic(id.topic), () => createPartitionDirectory(store, kernel, files))
    } catch (error) {
      this.#giveUp(files)
      throw error
    }
    return files
  }

  #claim({ directory, id }: StoredFiles): readonly string[] {
    const claims = this.#claims.get(directory) ?? []
    this.#claims.set(directory, claims)
    if (!claims.includes(id.topicId)) claims.push(id.topicId)
    return claims
  }

  #giveUp({ directory, id }: StoredFiles): void {
    const claims = this.#claims.get(directory) ?? []
    const at = claims.indexOf(id.topicId)
    if (at >= 0) claims.splice(at, 1)
    if (claims.length === 0) this.#claims.delete(directory)
  }

  *remove(files: StoredFiles): Task<void> {
    files.segments.release()
    yield* removeDirectory(this.#parts.store, files.directory)
    this.#giveUp(files)
  }
}
