import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/partition-store.ts'
import { readCheckpoints } from '../checkpoint/checkpoint-file.ts'
import type { CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { parsePartitionDirectory } from '../files/file-names.ts'
import type { JournalHeader } from '../journal/header.ts'
import { HEADER_FILE } from '../journal/layout.ts'
import { scanJournal } from '../journal/scan.ts'
import { BatchScanner } from '../recovery/batch-scanner.ts'
import { directoryTopicId } from '../recovery/directories.ts'
import { readJournalHeader } from '../recovery/recovery.ts'
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

/** Told after each partition: how many of how many. */
export type VerifyProgress = (done: number, total: number) => void

/**
 * Looks at every frame, checkpoint, batch and index of a directory and changes nothing. Beside a running holder it sees
 * what is written so far: an incomplete end above the checkpoint is no damage.
 */
export function* verifyDirectory(store: FileStore, kernel: Kernel, progress: VerifyProgress): Task<VerifyReport> {
  const damage: Damage[] = []
  const checkpoint = yield* verifyCheckpoint(store, kernel, damage)
  const frames = yield* verifyJournal(store, kernel, checkpoint, damage)
  const names = yield* perform('list', '', () => store.list(''))
  const directories = names.filter((name) => parsePartitionDirectory(name) !== undefined)
  const scanner = new BatchScanner(kernel)
  const totals = { segments: 0, batches: 0, bytes: 0 }
  try {
    for (const [index, directory] of directories.entries()) {
      const topicId = yield* directoryTopicId(store, directory)
      const partition = parsePartitionDirectory(directory)?.partition
      const noted = checkpoint?.partitions.find((each) => each.topicId === topicId && each.partition === partition)
      const found = yield* verifyPartition({ store, kernel, scanner, damage }, directory, topicId, noted)
      totals.segments += found.segments
      totals.batches += found.batches
      totals.bytes += found.bytes
      progress(index + 1, directories.length)
    }
  } finally {
    scanner.close()
  }
  return { partitions: directories.length, ...totals, frames, damage }
}

function* verifyCheckpoint(store: FileStore, kernel: Kernel, damage: Damage[]): Task<CheckpointRecord | undefined> {
  const [newest] = yield* readCheckpoints(store, kernel)
  if (newest === undefined) damage.push(placeless('checkpoint', 'no whole checkpoint'))
  return newest?.record
}

function* verifyJournal(
  store: FileStore,
  kernel: Kernel,
  checkpoint: CheckpointRecord | undefined,
  damage: Damage[],
): Task<number> {
  let header: JournalHeader | undefined
  try {
    header = yield* readJournalHeader(store, kernel)
  } catch (error) {
    if (!LogError.is(error, 'CORRUPT_LOG')) throw error
  }
  if (header === undefined) {
    damage.push(placeless(HEADER_FILE, 'no readable header'))
    return 0
  }
  const covered = checkpoint?.coveredSequence ?? 0
  const scan = yield* scanJournal(store, kernel, header.nonce, header.ringFileBytes, covered)
  if (scan.gapAt !== undefined) {
    const last = scan.frames.at(-1)
    const at = { file: last?.file ?? 'journal', position: last?.position ?? 0 }
    damage.push({ ...placeless(at.file, `frame ${scan.gapAt} is missing`), position: at.position })
  }
  return scan.frames.length
}

function placeless(file: string, code: string): Damage {
  return { file, position: 0, topic: undefined, partition: undefined, offset: undefined, code }
}
