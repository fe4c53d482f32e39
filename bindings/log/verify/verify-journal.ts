import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { openFile, withFile } from '../../storage/open-file.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { CATALOGUE_TOPIC, INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import { CHECKPOINT_DIRECTORY, readCheckpoints } from '../checkpoint/checkpoint-file.ts'
import type { CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { FRAME_HEADER_BYTES, readFrameHeader } from '../journal/frame.ts'
import { type FrameEntry, type FrameRun, readEntries } from '../journal/frame-entry.ts'
import { type JournalHeader, readHeader, slotOf } from '../journal/header.ts'
import { HEADER_FILE, RESERVE_FILE, RESTATED_FILE } from '../journal/layout.ts'
import { ringFileDamage, ringIndexes } from '../journal/ring.ts'
import { allocateFrame, type FoundFrame, scanJournal } from '../journal/scan.ts'
import { assertNoUnfinishedCopy } from '../store/unfinished-copy.ts'
import { FrameRuns } from '../survey/frame-runs.ts'
import { assertOpens } from './verify-context.ts'

export interface VerifiedJournal {
  readonly frames: number
  readonly header: JournalHeader | undefined
  /** What frames hold of batches, by `partitionKey`, in the order of their offsets; nothing where they only name it. */
  readonly runs: ReadonlyMap<string, readonly FrameRun[]>
  readonly checkpoint: CheckpointRecord | undefined
  /** By topic id: up to which offset frames hold the decisions of the log's own topics. */
  readonly decided: ReadonlyMap<string, number>
  /** The catalogue's batches in frames, in their order. */
  readonly catalogue: readonly Uint8Array[]
}

/**
 * Looks at header, checkpoints and ring, in the order in which an opening needs them. COPY_UNFINISHED for a directory
 * that was never a log.
 */
export function* verifyJournal(store: FileStore, kernel: Kernel, damage: Damage[]): Task<VerifiedJournal> {
  for (const path of [RESERVE_FILE, RESTATED_FILE]) yield* assertOpens(store, path)
  const header = yield* verifyHeader(store, kernel, damage)
  if (header === undefined) yield* assertNoUnfinishedCopy(store, kernel)
  const torn: string[] = []
  const [newest] = yield* readCheckpoints(store, kernel, header?.nonce, torn)
  for (const file of torn) damage.push(damaged(file, 0, 'is no whole checkpoint of this log'))
  if (newest === undefined) damage.push(damaged(CHECKPOINT_DIRECTORY, 0, 'holds no whole checkpoint'))
  else if (header !== undefined && newest.record.sequence < header.checkpointSequence)
    damage.push(damaged(CHECKPOINT_DIRECTORY, 0, `checkpoint ${header.checkpointSequence} is missing`))
  const checkpoint = newest?.record
  if (header === undefined) {
    return { frames: 0, header, checkpoint, runs: new Map(), decided: new Map(), catalogue: [] }
  }
  yield* verifyRing(store, header, damage)
  const { nonce, ringFileBytes } = header
  const { coveredSequence = 0 } = checkpoint ?? {}
  const scan = yield* scanJournal(store, kernel, { nonce, ringFileBytes, coveredSequence })
  const broken = scan.broken.map(({ file, position }) => damaged(file, position, 'a frame that is not whole'))
  if (scan.gapAt !== undefined && broken.length === 0) {
    const last = scan.frames.at(-1)
    damage.push(damaged(last?.file ?? HEADER_FILE, last?.position ?? 0, `frame ${scan.gapAt} is missing`))
  }
  damage.push(...broken)
  const content = new JournalContent()
  const buffer = allocateFrame(kernel, ringFileBytes)
  try {
    for (const found of [...scan.frames, ...scan.beyondGap]) {
      const entries = yield* entriesStillThere(store, kernel, buffer, found)
      if (entries === undefined) damage.push(damaged(found.file, found.position, 'a frame that broke under the look'))
      else for (const entry of entries) content.take(entry)
    }
  } finally {
    buffer.free()
  }
  return { frames: scan.frames.length, header, checkpoint, ...content.inOrder() }
}

/**
 * Beside a running holder the ring is reused: by now a newer frame may stand where one was found, after a checkpoint
 * that covers the old one. `undefined` if no whole frame stands there at this moment.
 */
function* entriesStillThere(
  store: FileStore,
  kernel: Kernel,
  buffer: KernelBuffer,
  { file: path, position, header: found }: FoundFrame,
): Task<FrameEntry[] | undefined> {
  const count = yield* withFile(store, path, (file) => file.read(buffer.bytes(0, buffer.sizeBytes), position))
  if (count === undefined) return undefined
  const now = readFrameHeader(kernel, { buffer, at: 0, availableBytes: count, file: path }, found.nonce)
  if (now === undefined) return undefined
  if (now.sequence !== found.sequence || now.generation !== found.generation) return []
  const payload = buffer.bytes(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + now.payloadBytes).slice()
  return readEntries(payload, now.entryCount, path, position + FRAME_HEADER_BYTES)
}

/** What an opening would take from the frames. */
class JournalContent {
  readonly #runs = new FrameRuns()
  readonly #decided = new Map<string, number>()
  readonly #catalogue: Uint8Array[] = []

  take(entry: FrameEntry): void {
    if (entry.kind === 'producerIds') return
    if (entry.kind === 'ceiling') return this.#runs.named(entry)
    this.#runs.add(entry)
    if (entry.kind !== 'decision') return
    this.#decided.set(entry.topicId, Math.max(this.#decided.get(entry.topicId) ?? 0, entry.nextOffset))
    if (entry.topicId === INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC]) this.#catalogue.push(entry.bytes)
  }

  inOrder(): Pick<VerifiedJournal, 'runs' | 'decided' | 'catalogue'> {
    return { runs: this.#runs.inOrder(), decided: this.#decided, catalogue: this.#catalogue }
  }
}

function* verifyHeader(store: FileStore, kernel: Kernel, damage: Damage[]): Task<JournalHeader | undefined> {
  const file = yield* openFile(store, HEADER_FILE)
  if (file === undefined) {
    damage.push(damaged(HEADER_FILE, 0, 'is missing'))
    return undefined
  }
  try {
    const { header, isNewest, damaged: copies } = readHeader(file, kernel)
    for (const position of copies) damage.push(damaged(HEADER_FILE, position, 'a copy of the header is not whole'))
    if (header === undefined && copies.length === 0) damage.push(damaged(HEADER_FILE, 0, 'holds no header'))
    if (header !== undefined && !isNewest && copies.length === 0)
      damage.push(damaged(HEADER_FILE, slotOf(header.sequence + 1), 'the newest header is missing'))
    return header
  } catch (error) {
    if (!LogError.is(error, 'CORRUPT_LOG')) throw error
    damage.push(damaged(HEADER_FILE, 0, 'holds no header'))
    return undefined
  } finally {
    file.close()
  }
}

/**
 * Ring files must be numbered without a gap and have one size, except for the newest one, which a running holder may be
 * making; a log in use has two at least. A closed log needs only the first: others that a crash left, while they were removed or made, are removed at
 * the next open.
 */
function* verifyRing(store: FileStore, { ringFileBytes, clean }: JournalHeader, damage: Damage[]): Task<void> {
  const indexes = yield* ringIndexes(store)
  const count = Math.max(clean ? 0 : 1, ...indexes) + 1
  for (let index = 0; index < count; index++) {
    const found = yield* ringFileDamage(store, index, ringFileBytes)
    if (found === undefined) continue
    const mayBeMade = index >= 2 && index === count - 1
    if (found.position < ringFileBytes && ((clean && index > 0) || mayBeMade)) continue
    damage.push(found)
  }
}

function damaged(file: string, position: number, code: string): Damage {
  return { file, position, topic: undefined, partition: undefined, offset: undefined, code }
}
