import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { withFile } from '../../storage/open-file.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import {
  CHECKPOINT_DIRECTORY,
  type FoundCheckpoint,
  placeAfter,
  readCheckpoints,
} from '../checkpoint/checkpoint-file.ts'
import type { CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { type FoundHeader, type JournalHeader, type NewestHeader, readHeader } from '../journal/header.ts'
import { HEADER_FILE } from '../journal/layout.ts'
import { type JournalScan, scanJournal } from '../journal/scan.ts'
import { shortRing } from '../journal/short-ring.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { openClean } from './clean-open.ts'
import type { Recovered } from './recovered.ts'
import type { RecoveryInput } from './recovery-input.ts'
import { UncleanRecovery } from './unclean-recovery.ts'

/** Whether the directory holds a log. A header that isn't whole belongs to a creation that was never finished. */
export function readJournalHeader(store: FileStore, kernel: Kernel): Task<FoundHeader | undefined> {
  return withFile(store, HEADER_FILE, (file) => readHeader(file, kernel))
}

/**
 * Finds the state that an opening goes on from. Writes nothing outside its own places before the last frame is restated
 * (rule 6b).
 */
export function* recover(input: RecoveryInput, { header, isNewest }: NewestHeader): Task<Recovered> {
  const { store, kernel } = input
  const torn: string[] = []
  const found = yield* readCheckpoints(store, kernel, header.nonce, torn)
  const checkpoint = newestCheckpoint(found, torn, header)
  const damage: Damage[] = []
  const { nonce, ringFileBytes } = header
  const { coveredSequence } = checkpoint
  const scan = yield* scanJournal(store, kernel, { nonce, ringFileBytes, coveredSequence })
  if (scan.gapAt !== undefined) {
    recoveryMarks.hit('journal-gap')
    damage.push(journalDamage(scan, scan.gapAt))
  }
  damage.push(...(yield* shortRing(store, { header, isNewest })))
  // A newer checkpoint is that of a recovery that died before its header, and may not be durable.
  const isClosed = header.clean && checkpoint.sequence === header.checkpointSequence
  const isClean = isClosed && scan.frames.length === 0 && scan.gapAt === undefined
  if (header.clean && scan.frames.length > 0 && scan.gapAt === undefined)
    damage.push(journalDamage(scan, coveredSequence + 1))
  if (isClean) {
    const nextCheckpointPlace = placeAfter(found[0]?.place ?? 0)
    return yield* openClean(input, { header, isNewest, checkpoint, nextCheckpointPlace })
  }
  return yield* new UncleanRecovery(input, { header, checkpoint, scan, damage }).run(found)
}

/**
 * The newest whole record. Only one place may be torn: then the other one is the newest that was durable, and all
 * frames since it are still there, because none is reused before its checkpoint is durable (rule 4d).
 */
function newestCheckpoint(
  found: readonly FoundCheckpoint[],
  torn: readonly string[],
  header: JournalHeader,
): CheckpointRecord {
  const newest = found[0]?.record
  if (newest === undefined || newest.sequence < header.checkpointSequence) {
    const what = newest === undefined ? 'none' : `number ${newest.sequence}`
    const message = `the log needs checkpoint ${header.checkpointSequence}, found ${what}`
    const file = torn[0] ?? CHECKPOINT_DIRECTORY
    throw new LogError('CORRUPT_LOG', message, { file, position: 0, expected: header.checkpointSequence })
  }
  return newest
}

function journalDamage(scan: JournalScan, sequence: number): Damage {
  const near: { file: string; position: number } | undefined = scan.broken[0] ?? scan.frames.at(-1)
  const position = near?.position ?? 0
  const file = near?.file ?? HEADER_FILE
  return {
    file,
    position,
    topic: undefined,
    partition: undefined,
    offset: undefined,
    code: `frame ${sequence} is missing`,
  }
}
