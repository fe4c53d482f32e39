import type { Task } from '../../storage/effect.ts'
import { holdsDecisions, INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import { partitionDirectory } from '../files/file-names.ts'
import { namesAnother } from '../files/partition-directory.ts'
import { partitionKey } from '../files/partition-key.ts'
import { walkRun } from '../survey/survey-context.ts'
import type { JournalRemains } from './journal-remains.ts'
import type { Loss } from './loss.ts'
import { surveyPartition } from './partition-survey.ts'
import type { SalvageContext } from './salvage-context.ts'

/**
 * The first decision in each of the log's own topics that neither checkpoint nor frames know. It stood in a frame
 * before it stood in its segment (durability rule 3), so that frame is lost, where the ring itself tells nothing of it;
 * and nobody can say what else was in it.
 */
export function* decisionsWithoutFrames(
  context: SalvageContext,
  { noted, runs }: Pick<JournalRemains, 'noted' | 'runs'>,
): Task<readonly Loss[]> {
  const losses: Loss[] = []
  for (const [topic, topicId] of Object.entries(INTERNAL_TOPIC_IDS)) {
    if (!holdsDecisions(topicId)) continue
    const key = partitionKey(topicId, 0)
    const known = {
      noted: noted.get(key),
      runs: runs.get(key) ?? [],
      logStartOffset: noted.get(key)?.logStartOffset ?? 0,
    }
    const end = Math.max(known.noted?.nextOffset ?? 0, known.runs.at(-1)?.nextOffset ?? 0)
    const isOthers = yield* namesAnother(context.store, { topic, topicId, partition: 0 })
    const ways = { hasCheckpoint: true, isCompacted: true, isClosedWhole: true, isEndRestored: true, isOthers }
    const survey = yield* surveyPartition(context, { directory: partitionDirectory(topic, 0), ...known, ...ways })
    let first: Loss | undefined
    for (const run of survey.runs.filter(({ nextOffset }) => nextOffset > end)) {
      const file = run.from instanceof Uint8Array ? '' : run.from.path
      yield* walkRun(context, run, ({ header: { baseOffset }, nextOffset }, position) => {
        const at = { file, position, code: 'a decision whose frame is lost' }
        const place = { topic, partition: 0, offset: baseOffset, nextOffset: undefined }
        if (nextOffset > end) first ??= { ...place, kind: 'unknown', ...at }
        return undefined
      })
    }
    if (first !== undefined) losses.push(first)
  }
  return losses
}
