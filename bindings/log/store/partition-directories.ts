import type { Kernel } from '../../kernel/kernel.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import { isInternalTopic } from '../catalogue/topic-ids.ts'
import { partitionDirectory } from '../files/file-names.ts'
import { removeDirectory } from '../files/partition-directory.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import { SegmentList } from '../segment/segment-list.ts'
import { StoredFiles } from '../stored-files/stored-files.ts'
import { createPartitionDirectory } from './create-partition.ts'
import type { DiskReserve } from './disk-reserve.ts'
import type { PartitionMap } from './partition-map.ts'

export interface PartitionDirectoriesParts {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly source: PartitionSource
  readonly segments: SegmentContext
  readonly partitions: PartitionMap<StoredFiles>
  readonly reserve: DiskReserve
  assertOpen(): void
}

/**
 * Makes and removes the directories of partitions. A topic that is created again under its name gets each directory
 * only once nothing of the old topic is in it any more: else its files would be removed with the old ones, or its
 * batches would go to a file whose name is gone.
 */
export class PartitionDirectories {
  readonly #parts: PartitionDirectoriesParts
  /**
   * Partitions that have a directory or wait for it, in order; one that was deleted while it waited comes before the
   * next one. By the directory's name in lower case: on a file system that ignores case, names that differ in nothing
   * else are one directory.
   */
  readonly #claims: Map<string, StoredFiles[]> = new Map()

  constructor(parts: PartitionDirectoriesParts) {
    this.#parts = parts
  }

  /** The directory was there at the open. */
  found(files: StoredFiles): void {
    this.#claim(files)
  }

  *make(id: PartitionIdentity): Task<StoredFiles> {
    const { store, kernel, source, segments, partitions, reserve, assertOpen } = this.#parts
    const directory = partitionDirectory(id.topic, id.partition)
    const list = new SegmentList(segments, directory, () => source.segmentConfig(id), [])
    const files = new StoredFiles(id, directory, list)
    const before = this.#claim(files)
    try {
      while (before.some((other) => this.#claimants(files).includes(other) && this.#isInTheWay(other, files))) {
        assertOpen()
        yield* letOthersRun()
      }
      const topics = {
        isLive: (topicId: string) => {
          const other = partitions.get({ topicId, partition: id.partition })?.directory
          return other?.toLowerCase() === directory.toLowerCase()
        },
      }
      const create = () => createPartitionDirectory(store, kernel, files, topics)
      yield* reserve.guardIf(isInternalTopic(id.topic), create)
    } catch (error) {
      this.#giveUp(files)
      throw error
    }
    return files
  }

  #claimants({ directory }: StoredFiles): readonly StoredFiles[] {
    return this.#claims.get(directory.toLowerCase()) ?? []
  }

  /** Returns the partitions that had a claim before. */
  #claim(files: StoredFiles): readonly StoredFiles[] {
    const claimants = this.#claimants(files)
    const before = claimants.filter(({ id }) => id.topicId !== files.id.topicId)
    if (before.length === claimants.length) this.#claims.set(files.directory.toLowerCase(), [...before, files])
    return before
  }

  /** Another spelling is waited for only while its directory is made or removed. */
  #isInTheWay(other: StoredFiles, { directory }: StoredFiles): boolean {
    return other.directory === directory || this.#parts.partitions.get(other.id) === undefined
  }

  #giveUp(files: StoredFiles): void {
    const left = this.#claimants(files).filter(({ id }) => id.topicId !== files.id.topicId)
    if (left.length > 0) this.#claims.set(files.directory.toLowerCase(), left)
    else this.#claims.delete(files.directory.toLowerCase())
  }

  *remove(files: StoredFiles): Task<void> {
    files.segments.release()
    const { store, reserve } = this.#parts
    yield* reserve.guard(() => removeDirectory(store, files.directory))
    // A read that had begun may have opened a file again before it was removed.
    files.segments.release()
    this.#giveUp(files)
  }
}
