import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { announcedFrameBytes, type FrameHeader, frameSpan, mayBeFrame, readFrameHeader, startsFrame } from './frame.ts'
import { FRAME_ALIGNMENT } from './layout.ts'

/** What stands at a 4096-byte boundary of a journal file, if it may be a frame or the rest of one. */
export interface Boundary {
  readonly file: StoreFile
  readonly position: number
  /**
   * The file's bytes from the boundary on, as far as one read went: all of a whole frame, and less than a header at a
   * file's end. A view of the walk's buffer, valid only during the visit.
   */
  readonly bytes: Uint8Array
  /** The header of the whole frame that begins at the boundary; `undefined` if none does. */
  readonly header: FrameHeader | undefined
}

/**
 * Visits every boundary of journal files except those inside whole frames. One read fills the whole buffer: a ring has
 * thousands of boundaries, and a system call for each costs more than reading everything.
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

  /**
   * Returns how many bytes it has walked: past the last boundary, or up to a frame that the next read may get whole.
   */
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
      // The stated length may be damaged: what doesn't fit even at the beginning of the buffer is no frame.
      if (isFrame && at > 0 && announcedFrameBytes(bytes) > bytes.length) break
      const header = isFrame ? this.#readHeader(at, bytes.length, file.path) : undefined
      this.#visit({ file, position: start + at, bytes, header })
      at += header === undefined ? FRAME_ALIGNMENT : frameSpan(header)
    } while (at < count)
    return at
  }

  #readHeader(at: number, availableBytes: number, file: string): FrameHeader | undefined {
    return readFrameHeader(this.#kernel, { buffer: this.#buffer, at, availableBytes, file }, this.#nonce)
  }
}
