import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { openFile, withFile } from '../../storage/open-file.ts'
import type { BatchScanner, ScannedBatch } from '../segment/batch-scanner.ts'
import type { IntactRun } from './intact-run.ts'
import { patchedFile } from './patched-file.ts'

/** What everything that examines a log's files shares. */
export interface SurveyContext {
  /** The store, which is only read. */
  readonly store: FileStore
  readonly kernel: Kernel
  readonly scanner: BatchScanner
  /** Buffer for reading heads; never used across a yield. */
  readonly scratch: KernelBuffer
  /** The greatest leader epoch that a batch can have. */
  readonly leaderEpoch: number
  /** Called after each read, with its number of bytes. */
  readonly progressed: (bytes: number) => void
}

/** Bytes after which the rest of the process has a turn of the event loop. */
export const TURN_BYTES: number = 4 * 1024 * 1024

/** Called for each batch, which is valid until the task ends. */
export type RunVisit = (batch: ScannedBatch, position: number) => Task<void> | undefined

const NOTHING: readonly never[] = []

/**
 * The batches of a run, in order. KAFKA_STORAGE_ERROR where the file doesn't give what it gave when the run was found,
 * as a disk that fails more and more: nobody would list what is left out then.
 */
export function* walkRun({ store, scanner, progressed }: SurveyContext, run: IntactRun, visit: RunVisit): Task<void> {
  if (run.from instanceof Uint8Array) return yield* walkBytes(scanner, run.from, visit)
  const found = yield* openFile(store, run.from.path)
  if (found === undefined) throw readOtherwise(run.from.path, run.from.position, 'is missing')
  const file = patchedFile(found, run.from.patches)
  try {
    let turnEnd = run.from.position + TURN_BYTES
    for (let { position } = run.from; position < run.from.end; ) {
      const batch = scanner.inFile(file, position, run.from.end)
      if (typeof batch === 'string') throw readOtherwise(file.path, position, batch)
      const { sizeBytes } = batch.header
      yield* visit(batch, position) ?? NOTHING
      progressed(sizeBytes)
      position += sizeBytes
      if (position < turnEnd) continue
      turnEnd = position + TURN_BYTES
      yield* letOthersRun()
    }
  } finally {
    file.close()
  }
}

function readOtherwise(file: string, position: number, fault: string): LogError {
  const message = `a batch at byte ${position} of ${file} was whole and is not any more (${fault}): try again, from a copy of the files on a sound disk`
  return new LogError('KAFKA_STORAGE_ERROR', message, { file, position, operation: 'read', fault })
}

function* walkBytes(scanner: BatchScanner, bytes: Uint8Array, visit: RunVisit): Task<void> {
  let turnEnd = TURN_BYTES
  for (let at = 0; at < bytes.length; ) {
    const batch = scanner.inBytes(bytes, at)
    if (typeof batch === 'string') return
    const { sizeBytes } = batch.header
    yield* visit(batch, at) ?? NOTHING
    at += sizeBytes
    if (at < turnEnd) continue
    turnEnd = at + TURN_BYTES
    yield* letOthersRun()
  }
}

export function sizeOf(store: FileStore, path: string): Task<number | undefined> {
  return withFile(store, path, (file) => file.size())
}
