import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionIdentity } from '../../storage/partition-store.ts'
import { PARTITION_METADATA } from '../files/file-names.ts'
import { formatPartitionMetadata } from '../files/partition-metadata.ts'
import { openFile } from '../journal/ring.ts'
import { directoryTopicId, removeDirectory } from '../recovery/directories.ts'

/**
 * `partition.metadata` with its entry and the directory's own, all durable before the partition's first byte (rule 7). A
 * directory that a dead topic of the same name left is removed first.
 */
export function* createPartitionDirectory(store: FileStore, id: PartitionIdentity, directory: string): Task<void> {
  const occupied = (yield* perform('list', directory, () => store.list(directory))).length > 0
  if (occupied && (yield* directoryTopicId(store, directory)) !== id.topicId) yield* removeDirectory(store, directory)
  const path = `${directory}/${PARTITION_METADATA}`
  const file = yield* openFile(store, path, true)
  if (file === undefined) throw new LogError('KAFKA_STORAGE_ERROR', `can't create ${path}`, { file: path })
  writeFully(file, formatPartitionMetadata(id.topicId), 0)
  yield* perform('flush', path, () => file.flush())
  file.close()
  yield* perform('syncDirectory', directory, () => store.syncDirectory(directory))
  yield* perform('syncDirectory', '', () => store.syncDirectory(''))
}
