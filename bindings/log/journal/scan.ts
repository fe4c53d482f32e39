import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import {
  type BatchRun,
  brokenFrameBytes,
  FRAME_HEADER_BYTES,
  type FrameEntry,
  type FrameHeader,
  type HeldRun,
  readEntries,
} from './frame.ts'
import { type Boundary, FrameWalk } from './frame-walk.ts'
import { alignFrame, FRAME_ALIGNMENT, RESTATED_FILE, ringFile } from './layout.ts'
import { ringIndexes } from './ring.ts'

/** A whole frame found in the journal's files. */
export interface FoundFrame {
  readonly header: FrameHeader
  readonly file: string
  readonly position: number
  readonly entries: readonly LocatedEntry[]
}

/** What a frame says, and where in its file the bytes are that it holds of batches: who needs them reads them then. */
export type LocatedEntry =
  | Exclude<FrameEntry, HeldRun>
  | (BatchRun & { readonly kind: HeldRun['kind']; readonly file: string; readonly bytesAt: number })

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
 * Looks at every 4096-byte boundary of every ring file. The nonce keeps a record's content from passing for a frame.
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
  const visit = (boundary: Boundary) => {
    const { file, position, bytes, header } = boundary
    if (header !== undefined) return keepNewest(header, boundary)
    const sizeBytes = brokenFrameBytes(bytes, nonce, coveredSequence)
    if (sizeBytes === undefined) return
    broken.push({ file: file.path, position, sizeBytes: Math.min(sizeBytes, fileSizeBytes, file.size() - position) })
  }
  const keepNewest = (header: FrameHeader, boundary: Boundary) => {
    const known = newest.get(header.sequence)
    if (header.sequence <= coveredSequence) return
    if (known !== undefined && known.header.generation >= header.generation) return
    const { file, position } = boundary
    newest.set(header.sequence, { header, file: file.path, position, entries: locatedEntries(header, boundary) })
  }
  const walk = new FrameWalk(kernel, buffer, nonce, visit)
  try {
    const paths = [...(yield* ringIndexes(store)).map(ringFile), RESTATED_FILE]
    for (const path of paths) {
      const file = yield* openFile(store, path)
      if (file === undefined) continue
      walk.visitFile(file)
      file.close()
    }
  } finally {
    buffer.free()
  }
  return { ...inOrder([...newest.values()], coveredSequence), broken }
}

/** They keep nothing of the memory that the frame was read into. */
function locatedEntries(
  { payloadBytes, entryCount }: FrameHeader,
  { file, position, bytes }: Boundary,
): LocatedEntry[] {
  const payload = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payloadBytes)
  return readEntries(payload, entryCount, file.path, position + FRAME_HEADER_BYTES).map((entry) => {
    if (entry.kind === 'batches' || entry.kind === 'decision') {
      const { bytes: held, ...run } = entry
      return { ...run, file: file.path, bytesAt: position + held.byteOffset - bytes.byteOffset }
    }
    if (entry.kind !== 'extent') return entry
    return { ...entry, firstSector: entry.firstSector.slice(), partialSector: entry.partialSector.slice() }
  })
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

/**
 * Reads found frames again. They come file by file, so the file stays open from one to the next: there are thousands.
 */
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
      this.#file = yield* openFile(this.#store, found.file)
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
