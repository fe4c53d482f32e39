import type { Kernel } from '../../kernel/kernel.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { directorySync, flushOf, perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile } from '../../storage/open-file.ts'
import { PARTITION_METADATA } from '../files/file-names.ts'
import { formatPartitionMetadata } from '../files/partition-metadata.ts'
import { directoryTopicId, removeDirectory } from '../recovery/dead-directories.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'

/**
 * `partition.metadata`, the first segment, their entries and the directory's own, all durable before the partition's
 * first byte (rule 7). A directory that a dead topic of the same name left is removed first.
 */
export function* createPartitionDirectory(store: FileStore, kernel: Kernel, files: StoredFiles): Task<void> {
  const { id, directory } = files
  const occupied = (yield* perform('list', directory, () => store.list(directory))).length > 0
  if (occupied && (yield* directoryTopicId(store, directory)) !== id.topicId) yield* removeDirectory(store, directory)
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
