import type { CommittedOffset } from '../../coordinator/group/group-entry.ts'
import type { KafkaCommit } from '../../coordinator/group/kafka-offsets.ts'
import { partitionDirectory } from '../../log/files/file-names.ts'
import type { ImportContext } from '../../log/import/import-context.ts'
import type { PlannedTopic } from './plan-topics.ts'

/** A program may commit any number. No later record gets an offset below: above this bound too few would be left. */
const COMMITTED_OFFSET_MAX = 2 ** 52

/** The commits for imported partitions, with the ids of their topics. The others are reported as left out. */
export function keptCommits(
  { leftOut }: Pick<ImportContext, 'leftOut'>,
  commits: readonly KafkaCommit[],
  topics: readonly PlannedTopic[],
): readonly CommittedOffset[] {
  const byName = new Map(topics.map((topic) => [topic.topic, topic]))
  const kept: CommittedOffset[] = []
  for (const { topicId, ...commit } of commits) {
    const topic = byName.get(commit.topic)
    const why = whyNot(commit, topicId, topic)
    const at = { topic: commit.topic, partition: commit.partition, offset: commit.nextOffset }
    if (topic !== undefined && why === undefined) kept.push({ ...commit, topicId: topic.topicId })
    else leftOut.push({ file: '__consumer_offsets', ...at, why: `group "${commit.groupId}": ${why}`, isLoss: false })
  }
  return kept
}

function whyNot(
  { groupId, partition, nextOffset }: Omit<KafkaCommit, 'topicId'>,
  topicId: string | undefined,
  topic: PlannedTopic | undefined,
): string | undefined {
  if (topic === undefined) return 'its topic is not imported'
  if (topicId !== undefined && topicId !== topic.topicId) return 'it was meant for an earlier topic of this name'
  if (partition < 0 || partition >= topic.partitions) return 'its topic has no such partition'
  if (nextOffset < 0) return 'it names no offset'
  if (nextOffset > COMMITTED_OFFSET_MAX) return 'its offset is beyond 2^52: too few would be left above it'
  return groupId === '' ? 'a group without a name' : undefined
}

/** The greatest committed offset of each partition: no later record may get an offset below it. */
export function furthestOffsets(commits: readonly CommittedOffset[]): ReadonlyMap<string, number> {
  const furthest = new Map<string, number>()
  for (const { topic, partition, nextOffset } of commits) {
    const directory = partitionDirectory(topic, partition)
    furthest.set(directory, Math.max(nextOffset, furthest.get(directory) ?? 0))
  }
  return furthest
}

export function groupsOf(
  commits: readonly CommittedOffset[],
): { readonly groupId: string; readonly offsets: number }[] {
  const counts = new Map<string, number>()
  for (const { groupId } of commits) counts.set(groupId, (counts.get(groupId) ?? 0) + 1)
  return [...counts]
    .map(([groupId, offsets]) => ({ groupId, offsets }))
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}
