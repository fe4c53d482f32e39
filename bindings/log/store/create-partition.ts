import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, flushOf, perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile } from '../../storage/open-file.ts'
import type { PartitionIdentity } from '../../storage/partition-store.ts'
import { PARTITION_METADATA } from '../files/file-names.ts'
import { formatPartitionMetadata } from '../files/partition-metadata.ts'
import { directoryTopicId, removeDirectory } from '../recovery/dead-directories.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'

/**
 * `partition.metadata`, the first segment, their entries and the directory's own, all durable before the partition's
 * first byte (rule 7). A directory that a dead topic of the same name left is removed first. INVALID_TOPIC_EXCEPTION
 * where it is a live topic's, by `isLive`: the file system takes the other spelling of its name for the same.
 */
export function* createPartitionDirectory(
  store: FileStore,
  kernel: Kernel,
  files: StoredFiles,
  isLive: (topicId: string) => boolean,
): Task<void> {
  const { id, directory } = files
  if ((yield* perform('list', directory, () => store.list(directory))).length > 0) {
    const found = yield* directoryTopicId(store, directory)
    if (found !== undefined && found !== id.topicId && isLive(found)) throw sameDirectory(id, directory)
    if (found !== id.topicId) yield* removeDirectory(store, directory)
  }
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

/** Two topics whose names differ in upper and lower case alone, where that makes no difference. */
export function sameDirectory({ topic, partition }: PartitionIdentity, directory: string): LogError {
  const message = `${directory} is another topic's directory: the file system doesn't tell upper from lower case`
  return new LogError('INVALID_TOPIC_EXCEPTION', message, { topic, partition, directory })
}
