import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { withFile } from '../../storage/open-file.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import { isPartitionFile, PARTITION_METADATA, partitionDirectory } from './file-names.ts'
import { formatPartitionMetadata, parsePartitionMetadata } from './partition-metadata.ts'
import { readWhole, replaceFiles } from './small-file.ts'
import { makeStray } from './stray-directory.ts'

/** Returned for a file or a link (which a log never follows) under a partition's name. No topic has this id. */
export const NO_DIRECTORY = 'no directory'

/** The topic id that a partition directory says it belongs to; `undefined` when it doesn't say. */
export function* directoryTopicId(store: FileStore, directory: string): Task<string | undefined> {
  const path = `${directory}/${PARTITION_METADATA}`
  let bytes: Uint8Array | undefined
  try {
    bytes = yield* withFile(store, path, (file) => readWhole(file))
  } catch (error) {
    if (!isNoDirectory(error)) throw error
    return NO_DIRECTORY
  }
  if (bytes === undefined) return undefined
  try {
    return parsePartitionMetadata(bytes, path)
  } catch {
    return undefined
  }
}

/** Whether the directory says that it belongs to another topic. */
export function* namesAnother(store: FileStore, { topic, topicId, partition }: PartitionIdentity): Task<boolean> {
  const named = yield* directoryTopicId(store, partitionDirectory(topic, partition))
  return named !== undefined && named !== NO_DIRECTORY && named !== topicId
}

function isNoDirectory(error: unknown, errnos: readonly string[] = ['ENOTDIR', 'ELOOP']): boolean {
  return LogError.is(error, 'KAFKA_STORAGE_ERROR') && errnos.includes(String(error.details['errno']))
}

/**
 * Names of a partition's files; `undefined` where a file lies in the directory's place. A link there is an error: it
 * may lead to the partition, which somebody moved elsewhere.
 */
export function* partitionNames(store: FileStore, directory: string): Task<readonly string[] | undefined> {
  try {
    return yield* perform('list', directory, () => store.list(directory))
  } catch (error) {
    if (!isNoDirectory(error, ['ENOTDIR'])) throw error
    return undefined
  }
}

/**
 * Writes the directory's topic id anew before a checkpoint counts on it (rule 6e): an earlier flush of it may have
 * failed; then the system still gives its content to readers though the device doesn't have it, and another flush would
 * find nothing to write. Not written in place, since nothing else says whose a directory without frames is.
 */
export function* secureTopicId(store: FileStore, id: PartitionIdentity): Task<void> {
  const directory = partitionDirectory(id.topic, id.partition)
  if ((yield* directoryTopicId(store, directory)) !== id.topicId) return
  yield* replaceFiles(store, directory, [{ name: PARTITION_METADATA, bytes: formatPartitionMetadata(id.topicId) }])
}

/**
 * Whether a directory holds any batch. A create that a crash cut short leaves an empty directory without its metadata;
 * one that was under way while its topic was deleted leaves an empty one too, of a topic of which the catalogue may
 * know nothing any more.
 */
export function* holdsBatches(store: FileStore, directory: string): Task<boolean> {
  for (const name of yield* perform('list', directory, () => store.list(directory))) {
    if (!name.endsWith('.log')) continue
    const sizeBytes = yield* withFile(store, `${directory}/${name}`, (file) => file.size())
    if (sizeBytes !== undefined && sizeBytes > 0) return true
  }
  return false
}

/**
 * Removes a partition's directory. Files that no partition has aren't removed: with them the directory becomes stray.
 */
export function* removeDirectory(store: FileStore, directory: string): Task<void> {
  const names = yield* perform('list', directory, () => store.list(directory))
  const own = names.filter(isPartitionFile)
  // The file that names the topic is removed last, when the removal of the others is durable: so a removal that a crash
  // cuts short can still be finished. The directory is synced even if no other file is seen: a process that died may
  // have removed them without a sync.
  const others = own.filter((name) => name !== PARTITION_METADATA)
  for (const name of others) yield* removeFile(store, `${directory}/${name}`)
  if (names.length > 0) yield* perform('syncDirectory', directory, () => store.syncDirectory(directory))
  if (others.length < own.length) yield* removeFile(store, `${directory}/${PARTITION_METADATA}`)
  if (own.length < names.length) return yield* makeStray(store, directory)
  yield* perform('remove', directory, () => store.remove(directory))
  yield* perform('syncDirectory', '', () => store.syncDirectory(''))
}

function* removeFile(store: FileStore, path: string): Task<void> {
  yield* perform('remove', path, () => store.remove(path))
}
