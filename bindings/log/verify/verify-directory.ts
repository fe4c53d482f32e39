import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { CATALOGUE_TOPIC, holdsDecisions, INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import type { TopicView } from '../catalogue/topic-table.ts'
import { parsePartitionDirectory } from '../files/file-names.ts'
import { partitionKey } from '../files/partition-key.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { SCRATCH_BYTES } from '../segment/segment-context.ts'
import { readTopics } from './catalogue-view.ts'
import { type PartitionPlace, partitionDirectories } from './partition-places.ts'
import type { Undecided, VerifyContext } from './verify-context.ts'
import { verifyEnd } from './verify-end.ts'
import { type VerifiedJournal, verifyJournal } from './verify-journal.ts'
import { type VerifiedPartition, verifyPartition } from './verify-partition.ts'

const INT32_MAX = 0x7fff_ffff

export interface VerifyReport {
  readonly partitions: number
  readonly segments: number
  readonly batches: number
  readonly bytes: number
  readonly frames: number
  /** In the order in which it was found. */
  readonly damage: readonly Damage[]
}

/** Partitions that were looked at so far, with a fraction for the one under way, and in all. */
export type VerifyProgress = (done: number, total: number) => void

/**
 * Looks at every frame, checkpoint, batch and index of a directory, and changes nothing. Beside a running holder it
 * sees what is written so far: an incomplete end above the checkpoint is no damage.
 */
export function* verifyDirectory(store: FileStore, kernel: Kernel, progress: VerifyProgress): Task<VerifyReport> {
  const damage: Damage[] = []
  const journal = yield* verifyJournal(store, kernel, damage)
  const scanner = new BatchScanner(kernel)
  const scratch = kernel.allocate(SCRATCH_BYTES)
  if (scratch === undefined) throw new LogError('MEMORY_CAP_REACHED', 'the memory cap is too small for a log')
  try {
    const own = journal.checkpoint?.partitions.find(({ topicId }) => topicId === INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC])
    const topics = yield* readTopics({ store, kernel, scanner, scratch }, own?.segments ?? [], journal.catalogue)
    const { directories, misplaced } = yield* partitionDirectories(store, topics, journal)
    damage.push(...misplaced)
    const { header, checkpoint } = journal
    const leaderEpoch = header === undefined ? INT32_MAX : Math.max(header.leaderEpoch, checkpoint?.leaderEpoch ?? 0)
    const common = { store, kernel, scanner, scratch, leaderEpoch, damage }
    const totals = { segments: 0, batches: 0, bytes: 0 }
    for (const [index, each] of directories.entries()) {
      const progressed = (part: number) => progress(index + part, directories.length)
      const found = yield* verifyOne({ ...common, progressed }, journal, topics, each)
      totals.segments += found.segments
      totals.batches += found.batches
      totals.bytes += found.bytes
      progressed(1)
      yield* letOthersRun()
    }
    return { partitions: directories.length, ...totals, frames: journal.frames, damage }
  } finally {
    scratch.free()
    scanner.close()
  }
}

function* verifyOne(
  common: Omit<VerifyContext, 'ownEnd' | 'undecided'>,
  journal: VerifiedJournal,
  topics: TopicView,
  { directory, topicId, partition }: PartitionPlace,
): Task<VerifiedPartition> {
  const { store, kernel, damage } = common
  const { header, checkpoint, runs } = journal
  const noted = checkpoint?.partitions.find((each) => each.topicId === topicId && each.partition === partition)
  const undecided: Undecided[] = []
  const context = { ...common, ownEnd: isOwn(topicId) ? endOf(journal, topicId) : undefined, undecided }
  const decided = topics.byId(topicId ?? '')?.logStartOffsets.get(partition) ?? 0
  const found = yield* verifyPartition(context, {
    directory,
    noted,
    runs: runs.get(partitionKey(topicId ?? '', partition)) ?? [],
    logStartOffset: Math.max(decided, noted?.logStartOffset ?? 0),
    isUnclean: header?.clean !== true,
  })
  // Of the log's own topics the batches without a frame tell.
  const isLookedAt = noted !== undefined || (topics.liveById(topicId ?? '') !== undefined && !isOwn(topicId))
  if (isLookedAt && header?.clean === true) yield* verifyEnd(common, directory, noted)
  if (isOwn(topicId) && undecided.length > 0) damage.push(...(yield* lostFrames(store, kernel, topicId, undecided)))
  return found
}

function isOwn(topicId: string | undefined): topicId is string {
  return topicId !== undefined && holdsDecisions(topicId)
}

/** Up to which offset checkpoint and frames vouch for one of the log's own topics. */
function endOf({ checkpoint, decided }: VerifiedJournal, topicId: string): number {
  const noted = checkpoint?.partitions.find((each) => each.topicId === topicId)
  return Math.max(noted?.nextOffset ?? 0, decided.get(topicId) ?? 0)
}

/**
 * Beside a running holder a frame is always written before its decision: a decision that still has no frame has lost
 * it.
 */
function* lostFrames(
  store: FileStore,
  kernel: Kernel,
  topicId: string,
  undecided: readonly Undecided[],
): Task<readonly Damage[]> {
  const end = endOf(yield* verifyJournal(store, kernel, []), topicId)
  return undecided
    .filter(({ nextOffset }) => nextOffset > end)
    .map(({ file, position, offset }) => {
      const code = 'a decision whose frame is lost'
      return { file, position, ...parsePartitionDirectory(file.split('/')[0] ?? ''), offset, code } as Damage
    })
}
