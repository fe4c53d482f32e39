import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { openFile, withFile } from '../../storage/open-file.ts'
import { brokenFrameBytes, FRAME_HEADER_BYTES, type FrameHeader } from './frame.ts'
import { type BatchRun, type FrameEntry, type HeldRun, readEntries } from './frame-entry.ts'
import { type Boundary, FrameWalk } from './frame-walk.ts'
import { alignFrame, FRAME_ALIGNMENT, RESTATED_FILE, ringFile } from './layout.ts'
import { ringIndexes } from './ring.ts'

/** A whole frame that was found in the journal's files. */
export interface FoundFrame {
  readonly header: FrameHeader
  readonly file: string
  readonly position: number
  readonly entries: readonly LocatedEntry[]
}

/**
 * An entry of a frame. In place of a run's bytes it has their place in the file: they are read when they are needed.
 */
export type LocatedEntry =
  | Exclude<FrameEntry, HeldRun>
  | (BatchRun & { readonly kind: HeldRun['kind']; readonly file: string; readonly bytesAt: number })

/** Bytes that were meant as a frame and aren't whole: torn in a crash and never acknowledged, or damaged since. */
export interface BrokenFrame {
  readonly file: string
  readonly position: number
  readonly sizeBytes: number
}

export interface JournalScan {
  /** The newest frame of each sequence above what the checkpoint covers, ascending. */
  readonly frames: readonly FoundFrame[]
  /** The sequence of the first gap (rule 1): a frame that must have been acknowledged is missing there. */
  readonly gapAt: number | undefined
  /** Whole frames after the gap, ascending. They were acknowledged as well. */
  readonly beyondGap: readonly FoundFrame[]
  /** Broken frames above what the checkpoint covers, as far as their headers can tell. */
  readonly broken: readonly BrokenFrame[]
}

/** Which frames are looked for. */
export interface WantedFrames {
  /** That of the journal: frames of others aren't taken for its own. */
  readonly nonce: number
  readonly ringFileBytes: number
  /** Frames up to this one are covered by a checkpoint. */
  readonly coveredSequence: number
}

/**
 * Looks at every 4096-byte boundary of every ring file. The nonce keeps a record's content from passing for a frame.
 * Two frames may have the same sequence: the one of the greater generation counts. The other is of an opening that lost
 * its lock and wrote on until its next checkpoint (rule 10).
 */
export function* scanJournal(
  store: FileStore,
  kernel: Kernel,
  { nonce, ringFileBytes, coveredSequence }: WantedFrames,
): Task<JournalScan> {
  const buffer = allocateFrame(kernel, ringFileBytes)
  const newest = new Map<number, FoundFrame>()
  const broken: BrokenFrame[] = []
  const visit = (boundary: Boundary) => {
    const { file, position, bytes, header } = boundary
    if (header !== undefined) return keepNewest(header, boundary)
    const sizeBytes = brokenFrameBytes(bytes, nonce, coveredSequence)
    if (sizeBytes === undefined) return
    broken.push({ file: file.path, position, sizeBytes: Math.min(sizeBytes, ringFileBytes, file.size() - position) })
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
    for (const path of paths) yield* withFile(store, path, (file) => walk.visitFile(file))
  } finally {
    buffer.free()
  }
  return { ...inOrder([...newest.values()], coveredSequence), broken }
}

/** Returns the frame's entries. They keep nothing of the memory that the frame was read into. */
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
 * Checks that no sequence is missing. Frame n+1 is written only after frame n is durable (rule 1): what follows a
 * missing frame was acknowledged, and so was the missing one. A restated frame stands for the one it repeats, which may
 * have been readable only as long as the machine lived, and for the restatements between the two.
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

/** Allocates a buffer that holds the largest frame: decisions always go in whole, so a frame may fill a ring file. */
export function allocateFrame(kernel: Kernel, ringFileBytes: number): KernelBuffer {
  const sizeBytes = Math.max(FRAME_ALIGNMENT, alignFrame(ringFileBytes))
  const buffer = kernel.allocate(sizeBytes)
  if (buffer === undefined) {
    throw new LogError('MEMORY_CAP_REACHED', `a journal frame needs ${sizeBytes} bytes of kernel memory`, { sizeBytes })
  }
  return buffer
}

/** Reads found frames again. They come file by file, and there are thousands, so the file stays open between frames. */
export class FrameReader {
  readonly #store: FileStore
  #file: StoreFile | undefined

  constructor(store: FileStore) {
    this.#store = store
  }

  /** Returns the frame's entries. Their bytes are copies that nothing else uses. */
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
