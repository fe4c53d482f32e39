import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import { NAME_CHARS_MAX } from '../../storage/path.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import type { TopicView } from '../catalogue/topic-table.ts'
import {
  classifyPartitionFile,
  PARTITION_METADATA,
  parsePartitionDirectory,
  partitionDirectory,
} from '../files/file-names.ts'
import { formatPartitionMetadata, parsePartitionMetadata } from '../files/partition-metadata.ts'
import { readWhole, replaceFiles } from '../files/small-file.ts'
import { recoveryMarks } from '../recovery-marks.ts'

/** Kafka's word for a directory that belongs to no partition of the log. */
export const STRAY_SUFFIX = '-stray'

/** The topic id that a partition directory says it belongs to; `undefined` when it doesn't say. */
export function* directoryTopicId(store: FileStore, directory: string): Task<string | undefined> {
  const path = `${directory}/${PARTITION_METADATA}`
  const file = yield* openFile(store, path)
  if (file === undefined) return undefined
  const bytes = readWhole(file)
  file.close()
  try {
    return parsePartitionMetadata(bytes, path)
  } catch {
    return undefined
  }
}

/**
 * Its name is written anew before a checkpoint counts on it (rule 6e): a flush of it may have failed, and what the
 * device dropped can be read on, while another flush has nothing to do. Not in its place, as nothing else says whose a
 * directory without frames is.
 */
export function* secureDirectory(store: FileStore, id: PartitionIdentity): Task<void> {
  const directory = partitionDirectory(id.topic, id.partition)
  if ((yield* directoryTopicId(store, directory)) !== id.topicId) return
  yield* replaceFiles(store, directory, [{ name: PARTITION_METADATA, bytes: formatPartitionMetadata(id.topicId) }])
}

/** What no partition has of itself is not removed with it: what is left of the directory is set aside then. */
export function* removeDirectory(store: FileStore, directory: string): Task<void> {
  const names = yield* perform('list', directory, () => store.list(directory))
  const own = names.filter(isOfPartition)
  // The name that says whose it is goes last, and durably so: a removal that a crash cuts short can still be finished.
  // Files that aren't seen may have been removed by who died before this was durable.
  const others = own.filter((name) => name !== PARTITION_METADATA)
  for (const name of others) yield* removeFile(store, `${directory}/${name}`)
  if (names.length > 0) yield* perform('syncDirectory', directory, () => store.syncDirectory(directory))
  if (others.length < own.length) yield* removeFile(store, `${directory}/${PARTITION_METADATA}`)
  if (own.length < names.length) return yield* setDirectoryAside(store, directory)
  yield* perform('remove', directory, () => store.remove(directory))
  yield* perform('syncDirectory', '', () => store.syncDirectory(''))
}

/** Under a name that no partition has, and nothing else: a directory that was set aside before stays as well. */
export function* setDirectoryAside(store: FileStore, directory: string): Task<void> {
  const names = yield* perform('list', '', () => store.list(''))
  // The file system may not tell upper from lower case.
  const taken = new Set(names.map((name) => name.toLowerCase()))
  let aside = asideName(directory, STRAY_SUFFIX)
  for (let count = 2; taken.has(aside.toLowerCase()); count++) aside = asideName(directory, `.${count}${STRAY_SUFFIX}`)
  yield* perform('rename', directory, () => store.rename(directory, aside))
  yield* perform('syncDirectory', '', () => store.syncDirectory(''))
}

/** The longest names of topics leave no room for a suffix. */
function asideName(directory: string, suffix: string): string {
  return `${directory.slice(0, NAME_CHARS_MAX - suffix.length)}${suffix}`
}

function isOfPartition(name: string): boolean {
  return classifyPartitionFile(name).kind !== 'foreign'
}

function* removeFile(store: FileStore, path: string): Task<void> {
  yield* perform('remove', path, () => store.remove(path))
}

/**
 * Directories of deleted topics go, and empty ones; one with batches that says nothing, or names an id nobody knows, is
 * set aside (rule 7).
 */
export function* clearDeadDirectories(
  store: FileStore,
  topics: TopicView,
  isInCheckpointOrJournal: (topic: string, partition: number) => boolean,
  damage: Damage[],
): Task<void> {
  const own = Object.values(INTERNAL_TOPIC_IDS)
  for (const name of yield* perform('list', '', () => store.list(''))) {
    const parsed = parsePartitionDirectory(name)
    if (parsed === undefined || name.endsWith(STRAY_SUFFIX)) continue
    const topicId = yield* directoryTopicId(store, name)
    if (topicId !== undefined && (own.includes(topicId) || isPlaceOf(topics, topicId, parsed.topic))) continue
    if (isInCheckpointOrJournal(parsed.topic, parsed.partition)) {
      // Checkpoint or journal know the partition, so its directory was whole: the name in it is what suffered.
      const file = `${name}/${PARTITION_METADATA}`
      damage.push({ file, position: 0, ...parsed, offset: undefined, code: 'names another topic id' })
      continue
    }
    const names = yield* perform('list', name, () => store.list(name))
    // It has a partition's name alone.
    if (names.length > 0 && !names.some(isOfPartition)) continue
    // Under a name that isn't its topic's it is a copy that somebody made.
    const isOfDeleted = topicId !== undefined && topics.byId(topicId)?.name === parsed.topic
    if (isOfDeleted || !(yield* holdsBatches(store, name))) {
      recoveryMarks.hit('dead-directory-removed')
      yield* removeDirectory(store, name)
      continue
    }
    damage.push({ file: name, position: 0, ...parsed, offset: undefined, code: 'stray directory' })
    yield* setDirectoryAside(store, name)
  }
}

function isPlaceOf(topics: TopicView, topicId: string, topic: string): boolean {
  return topics.liveById(topicId)?.name === topic
}

/**
 * A create that a crash cut short leaves a directory without its metadata, and nothing in it; one that was under way
 * while its topic was deleted leaves an empty one too, of a topic of which the catalogue may know nothing any more.
 */
export function* holdsBatches(store: FileStore, directory: string): Task<boolean> {
  for (const name of yield* perform('list', directory, () => store.list(directory))) {
    if (!name.endsWith('.log')) continue
    const file = yield* openFile(store, `${directory}/${name}`)
    const sizeBytes = file?.size() ?? 0
    file?.close()
    if (sizeBytes > 0) return true
  }
  return false
}
