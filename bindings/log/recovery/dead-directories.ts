import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import type { TopicView } from '../catalogue/topic-table.ts'
import { isPartitionFile, PARTITION_METADATA, parsePartitionDirectory } from '../files/file-names.ts'
import {
  directoryTopicId,
  holdsBatches,
  NO_DIRECTORY,
  partitionNames,
  removeDirectory,
} from '../files/partition-directory.ts'
import { makeStray } from '../files/stray-directory.ts'
import { recoveryMarks } from '../recovery-marks.ts'

/** What the log knows of its partitions. */
export interface KnownPartitions {
  readonly topics: TopicView
  /** Checkpoint or journal know this partition of the live topic. */
  isInUse(topic: string, partition: number): boolean
  /**
   * Whether a crash may have left this partition of a deleted topic. No checkpoint is written between begin and end of
   * a removal, so either the newest one notes the partition, or the topic was deleted since.
   */
  mayBeLeft(topicId: string, partition: number): boolean
}

/**
 * Removes directories that deleted topics left, and empty ones. A directory with batches that names no topic id, or one
 * that isn't known, becomes stray (rule 7), and so does a copy that somebody made.
 */
export function* clearDeadDirectories(
  store: FileStore,
  damage: Damage[],
  { topics, isInUse, mayBeLeft }: KnownPartitions,
): Task<void> {
  const own = Object.values(INTERNAL_TOPIC_IDS)
  for (const name of yield* perform('list', '', () => store.list(''))) {
    const parsed = parsePartitionDirectory(name)
    if (parsed === undefined) continue
    const topicId = yield* directoryTopicId(store, name)
    if (topicId !== undefined && (own.includes(topicId) || isPlaceOf(topics, topicId, parsed.topic))) continue
    if (isInUse(parsed.topic, parsed.partition)) {
      if (topicId === NO_DIRECTORY && (yield* partitionNames(store, name)) === undefined) {
        damage.push({ file: name, position: 0, ...parsed, offset: undefined, code: 'is no directory' })
        yield* makeStray(store, name)
        continue
      }
      // Checkpoint or journal know the partition, so its directory was whole: the topic id in it was damaged.
      const file = `${name}/${PARTITION_METADATA}`
      damage.push({ file, position: 0, ...parsed, offset: undefined, code: 'names another topic id' })
      continue
    }
    if (topicId === NO_DIRECTORY) continue
    const names = yield* perform('list', name, () => store.list(name))
    // Only its name is that of a partition.
    if (names.length > 0 && !names.some(isPartitionFile)) continue
    // Under a name that isn't its topic's it is a copy that somebody made.
    const isItsName = topicId !== undefined && topics.byId(topicId)?.name === parsed.topic
    const isLeft = isItsName && mayBeLeft(topicId, parsed.partition)
    if (isLeft || !(yield* holdsBatches(store, name))) {
      recoveryMarks.hit('dead-directory-removed')
      yield* removeDirectory(store, name)
      continue
    }
    damage.push({ file: name, position: 0, ...parsed, offset: undefined, code: 'stray directory' })
    yield* makeStray(store, name)
  }
}

function isPlaceOf(topics: TopicView, topicId: string, topic: string): boolean {
  return topics.liveById(topicId)?.name === topic
}
