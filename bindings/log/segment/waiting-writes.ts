import { LogError } from '../../model/errors.ts'

/** What waits in a segment. */
export interface WaitingSizes {
  /** A larger batch gains little by sharing a write, and is written at once. */
  readonly batchBytes: number
  /** At most so much is written together. */
  readonly pieceBytes: number
}

export const WAITING_SIZES: WaitingSizes = { batchBytes: 16 * 1024, pieceBytes: 32 * 1024 }
const BUFFERS_MOST = 8
const BLOCK_BYTES = 4 * 1024

/** A segment that holds batches back. */
interface Waiting {
  writeOut(): void
}

/**
 * Memory for batches that wait in their segments to be written together with the next ones, in one system call
 * (docs/decisions/015-batches-wait-for-their-commit.md). Only few segments have some at a time: the others write at
 * once.
 */
export class WaitingWrites {
  readonly batchBytes: number
  /** Room that all of them may need on the disk: the reserve holds as much for them. */
  readonly diskBytes: number
  readonly #pieceBytes: number
  readonly #mayWait: () => boolean
  /** Few; and a set that is emptied again and again leaves garbage that only a full collection finds. */
  readonly #segments: Waiting[] = []
  readonly #buffers: Uint8Array<ArrayBuffer>[] = []

  /** `mayWait`: the disk's reserve is whole, so what waits is sure to find room. */
  constructor(mayWait: () => boolean, { batchBytes, pieceBytes }: WaitingSizes = WAITING_SIZES) {
    this.#mayWait = mayWait
    this.batchBytes = batchBytes
    this.#pieceBytes = pieceBytes
    this.diskBytes = BUFFERS_MOST * (pieceBytes + BLOCK_BYTES)
  }

  get isOpen(): boolean {
    return this.#mayWait()
  }

  get isUsed(): boolean {
    return this.#segments.length > 0
  }

  /** No further segment finds a buffer. */
  get isCrowded(): boolean {
    return this.#segments.length === BUFFERS_MOST
  }

  /** A buffer for the segment's batches; `undefined` if it must write at once. */
  begin(segment: Waiting): Uint8Array<ArrayBuffer> | undefined {
    if (this.isCrowded) return undefined
    this.#segments.push(segment)
    return this.#buffers.pop() ?? new Uint8Array(this.#pieceBytes)
  }

  end(segment: Waiting, buffer: Uint8Array<ArrayBuffer>): void {
    const at = this.#segments.indexOf(segment)
    if (at < 0) return
    this.#segments.splice(at, 1)
    this.#buffers.push(buffer)
  }

  /**
   * Writes what waits in these segments, or in all. Throws STORAGE_FULL or KAFKA_STORAGE_ERROR; what isn't written
   * still waits.
   */
  writeOut(of: Iterable<Waiting | undefined> = [...this.#segments]): void {
    for (const segment of of) segment?.writeOut()
  }

  /** The reserve was just given up: its room is for the waiting batches before anything else. */
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
