import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { CHECKPOINT_DIRECTORY, readCheckpoints } from '../checkpoint/checkpoint-file.ts'
import type { CheckpointPartition, CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { FrameRun } from '../journal/frame-entry.ts'
import { type JournalHeader, readHeader } from '../journal/header.ts'
import { HEADER_FILE, ringFile } from '../journal/layout.ts'
import { ringIndexes } from '../journal/ring.ts'
import { FrameReader, type JournalScan, scanJournal } from '../journal/scan.ts'
import { shortRing } from '../journal/short-ring.ts'
import { assertNoUnfinishedCopy } from '../store/unfinished-copy.ts'
import { FrameRuns } from '../survey/frame-runs.ts'
import { sizeOf } from '../survey/survey-context.ts'
import type { Loss } from './loss.ts'

/** What can still be read of header, checkpoints and frames, and what of them is lost. */
export interface JournalRemains {
  readonly generation: number
  readonly leaderEpoch: number
  /** No batch of the log has a greater leader epoch. */
  readonly leaderEpochMax: number
  readonly producerIdsEnd: number
  /** Whether the newest checkpoint is surely there. An older one doesn't know what compaction has replaced since. */
  readonly hasCheckpoint: boolean
  /** By `partitionKey`. */
  readonly noted: ReadonlyMap<string, CheckpointPartition>
  /** By `partitionKey`, in the order of their offsets. */
  readonly runs: ReadonlyMap<string, readonly FrameRun[]>
  /** By `partitionKey`: an unclean end may have left offsets below it that somebody saw (durability rule 5). */
  readonly ceilings: ReadonlyMap<string, number>
  readonly losses: readonly Loss[]
}

const INT32_MAX = 0x7fff_ffff
const NO_FRAMES: JournalScan = { frames: [], gapAt: undefined, beyondGap: [], broken: [] }

/** COPY_UNFINISHED for a directory that was never a log: what it lacks nobody could list. */
export function* readJournalRemains(store: FileStore, kernel: Kernel): Task<JournalRemains> {
  const found = yield* headerOf(store, kernel)
  if (found?.header === undefined) yield* assertNoUnfinishedCopy(store, kernel)
  const { header, checkpoint, torn, scan } = yield* matching(store, kernel, found?.header)
  const isNewest = torn.length === 0 && (checkpoint?.sequence ?? -1) >= (header?.checkpointSequence ?? 0)
  const short = header && (yield* shortRing(store, { header, isNewest: found?.isNewest === true }))
  const losses = lossesOf(header, checkpoint, scan, short ?? [])
  const { runs, ceilings, producerIdsEnd } = yield* contentOf(store, scan)
  const isClosed = header?.clean === true && runs.size === 0
  for (const each of isClosed ? [] : (checkpoint?.partitions ?? [])) {
    const key = partitionKey(each.topicId, each.partition)
    ceilings.set(key, Math.max(ceilings.get(key) ?? 0, each.ceiling))
  }
  const sure = isNewest ? (checkpoint?.partitions ?? []) : []
  const isEpochKnown = header !== undefined && found?.damaged.length === 0
  return {
    generation: Math.max(header?.generation ?? 0, checkpoint?.generation ?? 0),
    leaderEpoch: Math.max(header?.leaderEpoch ?? 0, checkpoint?.leaderEpoch ?? 0),
    leaderEpochMax: isEpochKnown ? Math.max(header.leaderEpoch, checkpoint?.leaderEpoch ?? 0) : INT32_MAX,
    producerIdsEnd: Math.max(producerIdsEnd, checkpoint?.producerIdsEnd ?? 0),
    hasCheckpoint: isNewest,
    noted: new Map(sure.map((each) => [partitionKey(each.topicId, each.partition), each])),
    runs,
    ceilings,
    losses,
  }
}

interface FrameRemains extends Pick<JournalRemains, 'runs' | 'producerIdsEnd'> {
  readonly ceilings: Map<string, number>
}

/** What frames say, frames after a gap included: they were acknowledged as well. */
function* contentOf(store: FileStore, { frames, beyondGap }: JournalScan): Task<FrameRemains> {
  const runs = new FrameRuns()
  const ceilings = new Map<string, number>()
  let producerIdsEnd = 0
  const reader = new FrameReader(store)
  try {
    for (const frame of [...frames, ...beyondGap]) {
      for (const entry of yield* reader.entries(frame)) {
        if (entry.kind === 'producerIds') {
          producerIdsEnd = Math.max(producerIdsEnd, entry.end)
          continue
        }
        if (entry.kind !== 'ceiling') {
          runs.add(entry)
          continue
        }
        runs.named(entry)
        const key = partitionKey(entry.topicId, entry.partition)
        ceilings.set(key, Math.max(ceilings.get(key) ?? 0, entry.ceiling))
      }
    }
  } finally {
    reader.close()
  }
  return { runs: runs.inOrder(), ceilings, producerIdsEnd }
}

function* headerOf(store: FileStore, kernel: Kernel): Task<ReturnType<typeof readHeader> | undefined> {
  const file = yield* openFile(store, HEADER_FILE)
  if (file === undefined) return undefined
  try {
    return readHeader(file, kernel)
  } catch (error) {
    if (!LogError.is(error, 'CORRUPT_LOG')) throw error
    return undefined
  } finally {
    file.close()
  }
}

interface Matching {
  readonly header: JournalHeader | undefined
  readonly checkpoint: CheckpointRecord | undefined
  /** Places of checkpoints that hold something other than a whole record. */
  readonly torn: readonly string[]
  readonly scan: JournalScan
}

/**
 * Header, checkpoint and frames that belong to one log. If the header names another log than all the others do, it is
 * the header that is damaged.
 */
function* matching(store: FileStore, kernel: Kernel, header: JournalHeader | undefined): Task<Matching> {
  if (header !== undefined) {
    const torn: string[] = []
    const [own] = yield* readCheckpoints(store, kernel, header.nonce, torn)
    const checkpoint = own?.record
    const { nonce, ringFileBytes } = header
    const { coveredSequence = 0 } = checkpoint ?? {}
    const scan = yield* scanJournal(store, kernel, { nonce, ringFileBytes, coveredSequence })
    const isOwn = checkpoint !== undefined || scan.frames.length + scan.beyondGap.length > 0
    if (isOwn) return { header, checkpoint, torn, scan }
  }
  const torn: string[] = []
  const [any] = yield* readCheckpoints(store, kernel, undefined, torn)
  if (any === undefined) return { header, checkpoint: undefined, torn, scan: NO_FRAMES }
  const { nonce, coveredSequence } = any.record
  const ringFileBytes = yield* largestRingFileBytes(store)
  const scan = yield* scanJournal(store, kernel, { nonce, ringFileBytes, coveredSequence })
  return { header: undefined, checkpoint: any.record, torn, scan }
}

/** All ring files have one size, except those that damage has changed. */
function* largestRingFileBytes(store: FileStore): Task<number> {
  let most = 0
  for (const index of yield* ringIndexes(store)) most = Math.max(most, (yield* sizeOf(store, ringFile(index))) ?? 0)
  return most
}

function lossesOf(
  header: JournalHeader | undefined,
  checkpoint: CheckpointRecord | undefined,
  { frames, gapAt, broken }: JournalScan,
  shortRing: readonly Damage[],
): readonly Loss[] {
  const losses: Loss[] = []
  const add = (file: string, position: number, code: string) => {
    const anywhere = { topic: undefined, partition: undefined, offset: undefined, nextOffset: undefined }
    losses.push({ ...anywhere, kind: 'unknown', file, position, code })
  }
  if (header === undefined) add(HEADER_FILE, 0, 'holds no header')
  for (const { file, position, code } of shortRing) add(file, position, code)
  if (checkpoint === undefined) add(CHECKPOINT_DIRECTORY, 0, 'holds no whole checkpoint')
  else if (header !== undefined && checkpoint.sequence < header.checkpointSequence)
    add(CHECKPOINT_DIRECTORY, 0, `checkpoint ${header.checkpointSequence} is missing`)
  const near = broken[0] ?? frames.at(-1)
  // Without a checkpoint nothing says which frame comes first.
  const isMissing = checkpoint !== undefined && gapAt !== undefined
  if (isMissing) add(near?.file ?? HEADER_FILE, near?.position ?? 0, `frame ${gapAt} is missing`)
  else if (broken[0] !== undefined) add(broken[0].file, broken[0].position, 'a frame that is not whole')
  return losses
}
