import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import type { TopicView } from '../catalogue/topic-table.ts'
import { isPartitionFile, PARTITION_METADATA, parsePartitionDirectory } from '../files/file-names.ts'
import { directoryTopicId, holdsBatches, NO_DIRECTORY, removeDirectory } from '../files/partition-directory.ts'
import { makeStray } from '../files/stray-directory.ts'
import { recoveryMarks } from '../recovery-marks.ts'

/**
 * Directories of deleted topics go, and empty ones; one with batches that says nothing, or names an id nobody knows, is
 * stray (rule 7).
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
    if (parsed === undefined) continue
    const topicId = yield* directoryTopicId(store, name)
    if (topicId !== undefined && (own.includes(topicId) || isPlaceOf(topics, topicId, parsed.topic))) continue
    if (isInCheckpointOrJournal(parsed.topic, parsed.partition)) {
      // Checkpoint or journal know the partition, so its directory was whole: the name in it is what suffered.
      const file = `${name}/${PARTITION_METADATA}`
      damage.push({ file, position: 0, ...parsed, offset: undefined, code: 'names another topic id' })
      continue
    }
    if (topicId === NO_DIRECTORY) continue
    const names = yield* perform('list', name, () => store.list(name))
    // It has a partition's name alone.
    if (names.length > 0 && !names.some(isPartitionFile)) continue
    // Under a name that isn't its topic's it is a copy that somebody made.
    const isOfDeleted = topicId !== undefined && topics.byId(topicId)?.name === parsed.topic
    if (isOfDeleted || !(yield* holdsBatches(store, name))) {
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
