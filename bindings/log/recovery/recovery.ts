import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/partition-store.ts'
import { CHECKPOINT_DIRECTORY, type FoundCheckpoint, readCheckpoints } from '../checkpoint/checkpoint-file.ts'
import type { CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { type JournalHeader, readHeader } from '../journal/header.ts'
import { HEADER_FILE } from '../journal/layout.ts'
import { openFile } from '../journal/ring.ts'
import { type JournalScan, scanJournal } from '../journal/scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { openClean } from './clean-open.ts'
import type { Recovered } from './recovered.ts'
import type { RecoveryInput } from './recovery-input.ts'
import { UncleanRecovery } from './unclean-recovery.ts'

/** Whether the directory holds a log; a header that was never finished belongs to a creation that never was. */
export function* readJournalHeader(store: FileStore, kernel: Kernel): Task<JournalHeader | undefined> {
  const file = yield* openFile(store, HEADER_FILE, false)
  if (file === undefined) return undefined
  const { header } = readHeader(file, kernel)
  file.close()
  return header
}

/** How an opening finds where it goes on. Writes nothing outside its own places before the last frame is restated (rule 6b). */
export function* recover(input: RecoveryInput, header: JournalHeader): Task<Recovered> {
  const { store, kernel } = input
  const torn: string[] = []
  const found = yield* readCheckpoints(store, kernel, header.nonce, torn)
  const checkpoint = newestCheckpoint(found, torn, header)
  const damage: Damage[] = []
  const scan = yield* scanJournal(store, kernel, header.nonce, header.ringFileBytes, checkpoint.coveredSequence)
  if (scan.gapAt !== undefined) {
    recoveryMarks.hit('journal-gap')
    damage.push(journalDamage(scan, scan.gapAt))
  }
  const isClean = header.clean && scan.frames.length === 0 && scan.gapAt === undefined
  if (header.clean && !isClean && scan.gapAt === undefined)
    damage.push(journalDamage(scan, checkpoint.coveredSequence + 1))
  if (isClean) return yield* openClean(input, header, checkpoint, found[0]?.place ?? 0)
  return yield* new UncleanRecovery(input, header, checkpoint, scan, damage).run(found)
}

/**
 * The newest whole record. Only one may be torn: the other is then the newest that was durable, and the frames since
 * it are all still there, because none is reused before its checkpoint is durable (rule 4d).
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
