import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, flushOf, perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile } from '../../storage/open-file.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import { PARTITION_METADATA } from '../files/file-names.ts'
import { directoryTopicId, holdsBatches, removeDirectory } from '../files/partition-directory.ts'
import { formatPartitionMetadata } from '../files/partition-metadata.ts'
import { makeStray } from '../files/stray-directory.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'

/** What the log knows of topics, by their ids. */
export interface TopicStates {
  /**
   * Whether the topic's partition is in use in this directory, or in one whose name differs in upper and lower case
   * alone.
   */
  isLive(topicId: string): boolean
}

/**
 * Makes `partition.metadata`, the first segment, their entries and the directory's own, all durable before the
 * partition's first byte (rule 7).
 */
export function* createPartitionDirectory(
  store: FileStore,
  kernel: Kernel,
  files: StoredFiles,
  topics: TopicStates,
): Task<void> {
  const { id, directory } = files
  yield* clearPlace(store, files, topics)
  const path = `${directory}/${PARTITION_METADATA}`
  const file = yield* createFile(store, path)
  try {
    writeFully(file, formatPartitionMetadata(id.topicId), 0)
    if (files.segments.active === undefined) yield* files.roll(kernel, [])
    // In any order: whatever a crash leaves of it, no byte of a batch is in the directory yet.
    yield* files.syncDirectory(store, [flushOf(file), directorySync(store, '')])
  } finally {
    file.close()
  }
}

/**
 * Removes what a create that was cut short left in the place. Batches become stray, as nobody may remove them, even if
 * the topic that they name was deleted: its own files were removed before its place became free, so these were put
 * there since. INVALID_TOPIC_EXCEPTION if the place is a live topic's: the file system takes two spellings of a name
 * for the same.
 */
function* clearPlace(store: FileStore, { id, directory }: StoredFiles, topics: TopicStates): Task<void> {
  if ((yield* perform('list', directory, () => store.list(directory))).length === 0) return
  const found = yield* directoryTopicId(store, directory)
  const isAnothers = found !== id.topicId
  if (isAnothers && found !== undefined && topics.isLive(found)) throw sameDirectory(id, directory)
  if (yield* holdsBatches(store, directory)) return yield* makeStray(store, directory)
  if (isAnothers) yield* removeDirectory(store, directory)
}

/** The error for two topics whose names differ in upper and lower case alone, on a file system that ignores that. */
export function sameDirectory({ topic, partition }: PartitionIdentity, directory: string): LogError {
  const message = `${directory} is another topic's directory: the file system doesn't tell upper from lower case`
  return new LogError('INVALID_TOPIC_EXCEPTION', message, { topic, partition, directory })
}
