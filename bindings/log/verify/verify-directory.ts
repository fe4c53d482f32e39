import type { Kernel } from '../../kernel/kernel.ts'
import { letOthersRun, perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/partition-store.ts'
import { holdsDecisions } from '../catalogue/topic-ids.ts'
import { parsePartitionDirectory } from '../files/file-names.ts'
import { BatchScanner } from '../recovery/batch-scanner.ts'
import { directoryTopicId } from '../recovery/dead-directories.ts'
import { readTopics } from './log-starts.ts'
import type { Undecided } from './verify-context.ts'
import { type VerifiedJournal, verifyJournal } from './verify-journal.ts'
import { verifyPartition } from './verify-partition.ts'

export interface VerifyReport {
  readonly partitions: number
  readonly segments: number
  readonly batches: number
  readonly bytes: number
  readonly frames: number
  /** In the order of the look: the first is the first damage. */
  readonly damage: readonly Damage[]
}

/** How many partitions of how many, parts of one too. */
export type VerifyProgress = (done: number, total: number) => void

/**
 * Looks at every frame, checkpoint, batch and index of a directory and changes nothing. Beside a running holder it sees
 * what is written so far: an incomplete end above the checkpoint is no damage.
 */
export function* verifyDirectory(store: FileStore, kernel: Kernel, progress: VerifyProgress): Task<VerifyReport> {
  const damage: Damage[] = []
  const journal = yield* verifyJournal(store, kernel, damage)
  const { checkpoint, frames } = journal
  const names = yield* perform('list', '', () => store.list(''))
  const directories = names.filter((name) => parsePartitionDirectory(name) !== undefined)
  const scanner = new BatchScanner(kernel)
  const totals = { segments: 0, batches: 0, bytes: 0 }
  try {
    const topics = yield* readTopics(store, kernel, scanner, journal.catalogue)
    for (const [index, directory] of directories.entries()) {
      const topicId = yield* directoryTopicId(store, directory)
      const partition = parsePartitionDirectory(directory)?.partition
      const noted = checkpoint?.partitions.find((each) => each.topicId === topicId && each.partition === partition)
      const ownEnd = isOwn(topicId) ? endOf(journal, topicId) : undefined
      const undecided: Undecided[] = []
      const progressed = (part: number) => progress(index + part, directories.length)
      const context = { store, kernel, scanner, damage, ownEnd, undecided, progressed }
      const decided = topics.byId(topicId ?? '')?.logStartOffsets.get(partition ?? 0) ?? 0
      const logStartOffset = Math.max(decided, noted?.logStartOffset ?? 0)
      const found = yield* verifyPartition(context, { directory, topicId, noted, logStartOffset })
      if (isOwn(topicId) && undecided.length > 0) damage.push(...(yield* lostFrames(store, kernel, topicId, undecided)))
      totals.segments += found.segments
      totals.batches += found.batches
      totals.bytes += found.bytes
      progressed(1)
      yield* letOthersRun()
    }
  } finally {
    scanner.close()
  }
  return { partitions: directories.length, ...totals, frames, damage }
}

function isOwn(topicId: string | undefined): topicId is string {
  return topicId !== undefined && holdsDecisions(topicId)
}

/** Up to where checkpoint and frames vouch for an own topic. */
function endOf({ checkpoint, decided }: VerifiedJournal, topicId: string): number {
  const noted = checkpoint?.partitions.find((each) => each.topicId === topicId)
  return Math.max(noted?.nextOffset ?? 0, decided.get(topicId) ?? 0)
}

/** Beside a running holder frames come before decisions: those that still stand without one have lost it. */
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
