import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import type { TopicView } from '../catalogue/topic-table.ts'
import { PARTITION_METADATA, parsePartitionDirectory, partitionDirectory } from '../files/file-names.ts'
import { directoryTopicId, holdsBatches, NO_DIRECTORY, partitionNames } from '../files/partition-directory.ts'
import { parsePartitionKey, partitionKey } from '../files/partition-key.ts'
import type { PartitionKey } from '../journal/frame-entry.ts'
import type { VerifiedJournal } from './verify-journal.ts'

/** A partition's directory, and the topic that it belongs to. */
export interface PartitionPlace {
  readonly directory: string
  readonly partition: number
  /** `undefined` if nothing tells. */
  readonly topicId: string | undefined
}

/**
 * The directory of every live partition. `misplaced`: directories that name another topic, and partitions that have no
 * directory.
 */
export function* partitionDirectories(
  store: FileStore,
  topics: TopicView,
  { checkpoint, runs }: VerifiedJournal,
): Task<{ readonly directories: readonly PartitionPlace[]; readonly misplaced: readonly Damage[] }> {
  const noted = new Map<string, PartitionKey>()
  for (const each of checkpoint?.partitions ?? []) noted.set(partitionKey(each.topicId, each.partition), each)
  for (const key of runs.keys()) noted.set(key, parsePartitionKey(key))
  const { directories, misplaced, files } = yield* placesThere(store, topics, noted)
  const found = new Set(directories.map(({ topicId, partition }) => partitionKey(topicId ?? '', partition)))
  const absent = [...noted]
    .filter(([key]) => !found.has(key))
    .map(([, each]) => missing(each, topics, checkpoint, files))
  return { directories, misplaced: [...misplaced, ...absent.filter((each) => each !== undefined)] }
}

/** The directories that are there. `noted`: partitions that checkpoint or frames name, by `partitionKey`. */
function* placesThere(
  store: FileStore,
  topics: TopicView,
  noted: ReadonlyMap<string, PartitionKey>,
): Task<{
  readonly directories: readonly PartitionPlace[]
  readonly misplaced: readonly Damage[]
  /** Names of partitions at which a file lies. */
  readonly files: ReadonlySet<string>
}> {
  const directories: PartitionPlace[] = []
  const misplaced: Damage[] = []
  const files = new Set<string>()
  const damaged = (directory: string, code: string) => {
    const place = { ...parsePartitionDirectory(directory), offset: undefined } as Pick<
      Damage,
      'topic' | 'partition' | 'offset'
    >
    misplaced.push({ file: `${directory}/${PARTITION_METADATA}`, position: 0, ...place, code })
  }
  for (const directory of yield* perform('list', '', () => store.list(''))) {
    const parsed = parsePartitionDirectory(directory)
    if (parsed === undefined) continue
    const { topic, partition } = parsed
    const topicId = yield* directoryTopicId(store, directory)
    const expected = INTERNAL_TOPIC_IDS[topic] ?? topics.byName(topic)?.topicId
    const isInCheckpointOrJournal = expected !== undefined && noted.has(partitionKey(expected, partition))
    if (!isInCheckpointOrJournal && topicId === NO_DIRECTORY) continue
    if (topicId === NO_DIRECTORY && (yield* partitionNames(store, directory)) === undefined) {
      files.add(directory)
      continue
    }
    // What is left of a deleted topic is about to be removed.
    if (!isInCheckpointOrJournal && topics.byId(topicId ?? '')?.isDeleted === true) continue
    // The creation of its topic is under way, or was cut short by a crash.
    if (topicId === undefined && !isInCheckpointOrJournal && !(yield* holdsBatches(store, directory))) continue
    if (topicId === undefined) damaged(directory, 'names no topic id')
    else if (isInCheckpointOrJournal && topicId !== expected) damaged(directory, 'names another topic id')
    directories.push({ directory, partition, topicId: isInCheckpointOrJournal ? expected : topicId })
  }
  return { directories, misplaced, files }
}

/** A partition without a directory; `undefined` if its topic is gone too. */
function missing(
  { topicId, partition }: PartitionKey,
  topics: TopicView,
  checkpoint: VerifiedJournal['checkpoint'],
  files: ReadonlySet<string>,
): Damage | undefined {
  const internal = Object.entries(INTERNAL_TOPIC_IDS).find(([, id]) => id === topicId)?.[0]
  const topic = internal ?? topics.liveById(topicId)?.name
  if (topic === undefined) return undefined
  const offset = checkpoint?.partitions.find((each) => isOf(each, topicId, partition))?.segments[0]?.baseOffset
  const file = partitionDirectory(topic, partition)
  return { file, position: 0, topic, partition, offset, code: files.has(file) ? 'is no directory' : 'is missing' }
}

function isOf(key: PartitionKey, topicId: string, partition: number): boolean {
  return key.topicId === topicId && key.partition === partition
}
