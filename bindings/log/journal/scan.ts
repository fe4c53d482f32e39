import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import {
  announcedBytes,
  FRAME_HEADER_BYTES,
  type FrameEntry,
  type FrameHeader,
  frameSpan,
  meantFrame,
  readEntries,
  readFrameHeader,
  startsFrame,
} from './frame.ts'
import { alignFrame, FRAME_ALIGNMENT, RESTATED_FILE, ringFile } from './layout.ts'
import { openFile, ringIndexes } from './ring.ts'

/** A whole frame found in the journal's files. */
export interface FoundFrame {
  readonly header: FrameHeader
  readonly file: string
  readonly position: number
}

/** What was meant as a frame and isn't whole: torn in a crash and never acknowledged, or damaged since. */
export interface BrokenFrame {
  readonly file: string
  readonly position: number
  readonly sizeBytes: number
}

export interface JournalScan {
  /** Newest of each sequence, ascending, only those above what the checkpoint covers. */
  readonly frames: readonly FoundFrame[]
  /** A frame that must have been acknowledged is missing: the sequence of the first gap (rule 1). */
  readonly gapAt: number | undefined
  /** Whole ones behind it, ascending: acknowledged as well. */
  readonly beyondGap: readonly FoundFrame[]
  /** Above what the checkpoint covers, as far as they can say. */
  readonly broken: readonly BrokenFrame[]
}

/**
 * Looks at every 4096-byte border of every ring file. The nonce keeps a record's content from passing for a frame.
 * Frames of one sequence may stand twice: the greater generation counts, it restates or replaces the other (rule 6b).
 */
export function* scanJournal(
  store: FileStore,
  kernel: Kernel,
  nonce: number,
  fileSizeBytes: number,
  coveredSequence: number,
): Task<JournalScan> {
  const buffer = allocateFrame(kernel, fileSizeBytes)
  const newest = new Map<number, FoundFrame>()
  const broken: BrokenFrame[] = []
  const see: Sight = (file, position, header, head) => {
    if (header !== undefined) return keep({ header, file: file.path, position })
    const sizeBytes = meantFrame(head, nonce, coveredSequence)
    if (sizeBytes === undefined) return
    broken.push({ file: file.path, position, sizeBytes: Math.min(sizeBytes, fileSizeBytes, file.size() - position) })
  }
  const keep = (found: FoundFrame) => {
    const { sequence, generation } = found.header
    const known = newest.get(sequence)
    if (sequence <= coveredSequence) return
    if (known === undefined || known.header.generation < generation) newest.set(sequence, found)
  }
  try {
    for (const index of yield* ringIndexes(store)) {
      const file = yield* openFile(store, ringFile(index), false)
      if (file === undefined) continue
      scanFile(file, buffer, kernel, nonce, see)
      file.close()
    }
    const restated = yield* openFile(store, RESTATED_FILE, false)
    if (restated !== undefined) {
      scanFile(restated, buffer, kernel, nonce, see)
      restated.close()
    }
  } finally {
    buffer.free()
  }
  return { ...inOrder([...newest.values()], coveredSequence), broken }
}

/** What stands at a border: a frame, or the first bytes of something else. */
type Sight = (file: StoreFile, position: number, header: FrameHeader | undefined, head: Uint8Array) => void

function scanFile(file: StoreFile, buffer: KernelBuffer, kernel: Kernel, nonce: number, see: Sight): void {
  const sizeBytes = file.size()
  for (let position = 0; position < sizeBytes; ) {
    const header = frameAt(file, position, buffer, kernel, nonce)
    see(file, position, header, buffer.bytes(0, FRAME_HEADER_BYTES))
    position += header === undefined ? FRAME_ALIGNMENT : frameSpan(header)
  }
}

/** The whole frame at a border, left in `buffer`. */
export function frameAt(
  file: StoreFile,
  position: number,
  buffer: KernelBuffer,
  kernel: Kernel,
  nonce: number,
): FrameHeader | undefined {
  const headBytes = file.read(buffer.bytes(0, FRAME_HEADER_BYTES), position)
  buffer.bytes(headBytes, FRAME_HEADER_BYTES).fill(0)
  if (!startsFrame(buffer)) return undefined
  // Its length may be damaged: what doesn't fit is no frame, and no more than it says is read.
  const count = file.read(buffer.bytes(0, Math.min(buffer.sizeBytes, announcedBytes(buffer))), position)
  return readFrameHeader(buffer, count, nonce, kernel, file.path)
}

/**
 * Frame n+1 is written only after frame n is durable (rule 1): what follows a missing one was acknowledged, and so was
 * the missing one. A restated frame stands for the one it repeats, which may have been readable only as long as the
 * machine lived, and for the restatements between the two.
 */
function inOrder(frames: FoundFrame[], coveredSequence: number): Omit<JournalScan, 'broken'> {
  frames.sort((a, b) => a.header.sequence - b.header.sequence)
  let expected = coveredSequence + 1
  for (const [index, { header }] of frames.entries()) {
    const isRestated = header.restates >= 0 && header.restates <= expected && header.sequence > expected
    if (header.sequence !== expected && !isRestated) {
      return { frames: frames.slice(0, index), gapAt: expected, beyondGap: frames.slice(index) }
    }
    expected = header.sequence + 1
  }
  return { frames, gapAt: undefined, beyondGap: [] }
}

/** A buffer that holds the largest frame: decisions go in whole, so it may fill a ring file. */
export function allocateFrame(kernel: Kernel, fileSizeBytes: number): KernelBuffer {
  const sizeBytes = Math.max(FRAME_ALIGNMENT, alignFrame(fileSizeBytes))
  const buffer = kernel.allocate(sizeBytes)
  if (buffer === undefined) {
    throw new LogError('MEMORY_CAP_REACHED', `a journal frame needs ${sizeBytes} bytes of kernel memory`, { sizeBytes })
  }
  return buffer
}

/** Reads found frames again. They come file by file, so the file stays open from one to the next: there are thousands. */
export class FrameReader {
  readonly #store: FileStore
  #file: StoreFile | undefined

  constructor(store: FileStore) {
    this.#store = store
  }

  /** They own their bytes. */
  *entries(found: FoundFrame): Task<FrameEntry[]> {
    const payload = yield* this.payload(found)
    return readEntries(payload, found.header.entryCount, found.file, found.position + FRAME_HEADER_BYTES)
  }

  *payload(found: FoundFrame): Task<Uint8Array> {
    if (this.#file?.path !== found.file) {
      this.close()
      this.#file = yield* openFile(this.#store, found.file, false)
    }
    const payload = new Uint8Array(found.header.payloadBytes)
    const count = this.#file?.read(payload, found.position + FRAME_HEADER_BYTES) ?? 0
    if (count === payload.length) return payload
    throw new LogError('CORRUPT_LOG', `${found.file} became shorter while it was read`, {
      file: found.file,
      position: found.position,
    })
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }
}
