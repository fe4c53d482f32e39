import type { Kernel } from '../../kernel/kernel.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { createFile } from '../../storage/open-file.ts'
import type { WriteOrderObserver } from '../../storage/write-order.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { FRAME_HEADER_BYTES, frameSpan, sealFrame } from './frame.ts'
import type { JournalHeader } from './header.ts'
import { RESTATED_FILE } from './layout.ts'
import { allocateFrame, type FoundFrame, FrameReader } from './scan.ts'

interface RestateContext {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly observer: WriteOrderObserver | undefined
}

/** A frame that was written again. It is durable once its file is flushed and the file's directory entry is synced. */
export interface RestatedFrame {
  readonly sequence: number
  readonly file: StoreFile
}

/**
 * Writes the content of the last of these frames again, as the next frame of a new generation: that frame must be
 * durable before anything acts on it (durability rule 6b). No earlier restated frame is overwritten as long as no
 * checkpoint covers it: nobody can tell which of them reached the disk, and a recovery may have acted on any of them.
 */
export function* restateFrame(
  { store, kernel, observer }: RestateContext,
  { nonce, ringFileBytes }: JournalHeader,
  frames: readonly FoundFrame[],
  generation: number,
): Task<RestatedFrame | undefined> {
  const last = frames.at(-1)
  if (last === undefined) return undefined
  const payload = yield* payloadOf(store, last)
  const sequence = last.header.sequence + 1
  const before = frames.filter((frame) => frame.file === RESTATED_FILE)
  const position = freePosition(before, frameSpan(last.header))
  const buffer = allocateFrame(kernel, ringFileBytes)
  let file: StoreFile | undefined
  try {
    file = yield* createFile(store, RESTATED_FILE)
    buffer.bytes(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payload.length).set(payload)
    // If the last frame is itself a restatement, `restates` still names the original: that one may be lost, and the
    // restatements between the two repeat it too.
    const { entryCount, payloadBytes } = last.header
    const restates = last.header.restates >= 0 ? last.header.restates : last.header.sequence
    const header = { nonce, generation, sequence, payloadBytes, entryCount, restates }
    sealFrame(buffer, header, new ByteWriter(FRAME_HEADER_BYTES), kernel)
    writeFully(file, buffer.bytes(0, FRAME_HEADER_BYTES + payload.length), position)
    observer?.framePlaced(sequence, RESTATED_FILE, position, FRAME_HEADER_BYTES + payload.length)
    return { sequence, file }
  } catch (error) {
    file?.close()
    throw error
  } finally {
    buffer.free()
  }
}

/** Returns the first position with enough room between these frames. */
function freePosition(frames: readonly FoundFrame[], sizeBytes: number): number {
  let position = 0
  for (const frame of [...frames].sort((a, b) => a.position - b.position)) {
    if (position + sizeBytes <= frame.position) break
    position = frame.position + frameSpan(frame.header)
  }
  return position
}

/**
 * Overwrites the headers of these frames with zeros; their payload stays. Called once a newer restated frame is
 * durable: otherwise recoveries that are repeated without end would each leave a frame.
 */
export function forgetRestated(file: StoreFile, frames: readonly FoundFrame[]): void {
  for (const frame of frames)
    if (frame.file === file.path) writeFully(file, new Uint8Array(FRAME_HEADER_BYTES), frame.position)
}

function* payloadOf(store: FileStore, found: FoundFrame): Task<Uint8Array> {
  const reader = new FrameReader(store)
  try {
    return yield* reader.payload(found)
  } finally {
    reader.close()
  }
}
