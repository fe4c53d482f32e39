import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { announcedBytes, type FrameHeader, frameSpan, mayBeMeant, readFrameHeader, startsFrame } from './frame.ts'
import { FRAME_ALIGNMENT } from './layout.ts'

/** What stands at a 4096-byte border of a journal file, where it may be a frame or what is left of one. */
export interface Border {
  readonly file: StoreFile
  readonly position: number
  /** From the border on, as far as one reading went: a whole frame, and less than a head at the end of a file. A view, for now. */
  readonly bytes: Uint8Array
  /** Of the whole frame that begins there. */
  readonly header: FrameHeader | undefined
}

/**
 * Goes over every border of journal files but those within whole frames. As much is read at once as `buffer` has room for: a ring
 * has thousands of borders, and a system call for each costs more than to read all that they hold.
 */
export class FrameWalk {
  readonly #kernel: Kernel
  readonly #buffer: KernelBuffer
  readonly #nonce: number
  readonly #see: (border: Border) => void

  constructor(kernel: Kernel, buffer: KernelBuffer, nonce: number, see: (border: Border) => void) {
    this.#kernel = kernel
    this.#buffer = buffer
    this.#nonce = nonce
    this.#see = see
  }

  over(file: StoreFile): void {
    const fileBytes = file.size()
    for (let position = 0; position < fileBytes; ) {
      const window = this.#buffer.bytes(0, Math.min(this.#buffer.sizeBytes, fileBytes - position))
      position += this.#overWindow(file, position, file.read(window, position))
    }
  }

  /** Answers how far it came: behind the last border, or to a frame that the next reading may get whole. */
  #overWindow(file: StoreFile, start: number, count: number): number {
    const window = this.#buffer.bytes(0, count)
    let at = 0
    do {
      if (!mayBeMeant(window, at)) {
        at += FRAME_ALIGNMENT
        continue
      }
      const bytes = this.#buffer.bytes(Math.min(at, count), count)
      const isFrame = startsFrame(bytes)
      // Its length may be damaged: what doesn't fit even where it comes first is no frame.
      if (isFrame && at > 0 && announcedBytes(bytes) > bytes.length) break
      const header = isFrame
        ? readFrameHeader(this.#buffer, at, bytes.length, this.#nonce, this.#kernel, file.path)
        : undefined
      this.#see({ file, position: start + at, bytes, header })
      at += header === undefined ? FRAME_ALIGNMENT : frameSpan(header)
    } while (at < count)
    return at
  }
}
