import { LogError } from '../../model/errors.ts'

export interface WriteBufferSizes {
  /** Most bytes of a batch that is buffered. A larger one gains little by sharing a write, and is written at once. */
  readonly batchBytes: number
  /** Bytes of one buffer: the most that is written together. */
  readonly pieceBytes: number
}

export const WRITE_BUFFER_SIZES: WriteBufferSizes = { batchBytes: 16 * 1024, pieceBytes: 32 * 1024 }
const BUFFERS_MOST = 8
const BLOCK_BYTES = 4 * 1024

/** A segment, which has a buffer while batches of it aren't in its file. */
interface BufferedSegment {
  writeOut(): void
}

/**
 * Write buffers of a log's segments: a small batch waits in one to be written together with the next ones, in one
 * system call (docs/decisions/015-batches-wait-for-their-commit.md). There are few of them, and a segment without one
 * writes at once.
 */
export class WriteBuffers {
  readonly batchBytes: number
  /** Room that all buffers may need on the disk: the reserve holds as much for them. */
  readonly diskBytes: number
  readonly #pieceBytes: number
  readonly #isAllowed: () => boolean
  /**
   * Those with a buffer. A list: they are few, and a set that is emptied again and again leaves garbage that only a
   * full collection finds.
   */
  readonly #segments: BufferedSegment[] = []
  readonly #free: Uint8Array<ArrayBuffer>[] = []

  /** `isAllowed`: the disk's reserve is whole, so what is buffered is sure to find room. */
  constructor(isAllowed: () => boolean, { batchBytes, pieceBytes }: WriteBufferSizes = WRITE_BUFFER_SIZES) {
    this.#isAllowed = isAllowed
    this.batchBytes = batchBytes
    this.#pieceBytes = pieceBytes
    this.diskBytes = BUFFERS_MOST * (pieceBytes + BLOCK_BYTES)
  }

  /** Whether batches may be buffered now. */
  get isOpen(): boolean {
    return this.#isAllowed()
  }

  get isUsed(): boolean {
    return this.#segments.length > 0
  }

  /** Whether no further segment would get a buffer. */
  get areAllTaken(): boolean {
    return this.#segments.length === BUFFERS_MOST
  }

  /** A buffer for the segment's batches, until `giveBack`; `undefined` if it must write at once. */
  take(segment: BufferedSegment): Uint8Array<ArrayBuffer> | undefined {
    if (this.areAllTaken) return undefined
    this.#segments.push(segment)
    return this.#free.pop() ?? new Uint8Array(this.#pieceBytes)
  }

  giveBack(segment: BufferedSegment, buffer: Uint8Array<ArrayBuffer>): void {
    const at = this.#segments.indexOf(segment)
    if (at < 0) return
    this.#segments.splice(at, 1)
    this.#free.push(buffer)
  }

  /**
   * Writes what these segments, or all, have buffered. Throws STORAGE_FULL or KAFKA_STORAGE_ERROR; what isn't written
   * stays buffered.
   */
  writeOut(of: Iterable<BufferedSegment | undefined> = [...this.#segments]): void {
    for (const segment of of) segment?.writeOut()
  }

  /** Called when the reserve was given up: its room is for the buffered batches before anything else. */
  writeWhatFits(): void {
    for (const segment of [...this.#segments]) {
      try {
        segment.writeOut()
      } catch (error) {
        // The segment's next write tries again.
        if (!LogError.is(error, 'STORAGE_FULL')) throw error
      }
    }
  }
}
