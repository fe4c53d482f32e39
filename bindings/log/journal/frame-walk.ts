import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { announcedFrameBytes, type FrameHeader, frameSpan, mayBeFrame, readFrameHeader, startsFrame } from './frame.ts'
import { FRAME_ALIGNMENT } from './layout.ts'

/** What stands at a 4096-byte boundary of a journal file, if that may be a frame or the rest of one. */
export interface Boundary {
  readonly file: StoreFile
  readonly position: number
  /**
   * From the boundary on, as far as one read went: all of a whole frame; less than a head at a file's end. A view that
   * dies.
   */
  readonly bytes: Uint8Array
  /** Of the whole frame that begins there. */
  readonly header: FrameHeader | undefined
}

/**
 * Visits every boundary of journal files except those inside whole frames. Reads as much at once as `buffer` holds: a
 * ring has thousands of boundaries, and a system call for each costs more than reading everything.
 */
export class FrameWalk {
  readonly #kernel: Kernel
  readonly #buffer: KernelBuffer
  readonly #nonce: number
  readonly #visit: (boundary: Boundary) => void

  constructor(kernel: Kernel, buffer: KernelBuffer, nonce: number, visit: (boundary: Boundary) => void) {
    this.#kernel = kernel
    this.#buffer = buffer
    this.#nonce = nonce
    this.#visit = visit
  }

  visitFile(file: StoreFile): void {
    const fileBytes = file.size()
    for (let position = 0; position < fileBytes; ) {
      const window = this.#buffer.bytes(0, Math.min(this.#buffer.sizeBytes, fileBytes - position))
      position += this.#walkWindow(file, position, file.read(window, position))
    }
  }

  /** Answers how far it came: behind the last boundary, or to a frame that the next read may get whole. */
  #walkWindow(file: StoreFile, start: number, count: number): number {
    const window = this.#buffer.bytes(0, count)
    let at = 0
    do {
      if (!mayBeFrame(window, at)) {
        at += FRAME_ALIGNMENT
        continue
      }
      const bytes = this.#buffer.bytes(Math.min(at, count), count)
      const isFrame = startsFrame(bytes)
      // Its length may be damaged: what doesn't fit even where it comes first is no frame.
      if (isFrame && at > 0 && announcedFrameBytes(bytes) > bytes.length) break
      const header = isFrame
        ? readFrameHeader(this.#buffer, at, bytes.length, this.#nonce, this.#kernel, file.path)
        : undefined
      this.#visit({ file, position: start + at, bytes, header })
      at += header === undefined ? FRAME_ALIGNMENT : frameSpan(header)
    } while (at < count)
    return at
  }
}
