import { LogError } from '../../model/errors.ts'

/** A larger batch gains nothing by a write in common. */
export const WAITING_BATCH_BYTES: number = 4 * 1024
const BUFFER_BYTES = 16 * 1024
const BUFFERS_MOST = 8
const BLOCK_BYTES = 4 * 1024
/** What all of them may take on the disk: the reserve keeps as much for them. */
export const WAITING_DISK_BYTES: number = BUFFERS_MOST * (BUFFER_BYTES + BLOCK_BYTES)

/** A segment that holds batches back. */
interface Waiting {
  writeOut(): void
}

/**
 * Memory for batches that wait in their segments, to be one system call with those that come next
 * (docs/decisions/015-batches-wait-for-their-commit.md). Few segments at once: the others write at once.
 */
export class WaitingWrites {
  readonly #mayWait: () => boolean
  readonly #segments = new Set<Waiting>()
  readonly #buffers: Uint8Array<ArrayBuffer>[] = []

  /** `mayWait`: the disk's reserve is whole, so that what waits is sure to find room. */
  constructor(mayWait: () => boolean) {
    this.#mayWait = mayWait
  }

  get isOpen(): boolean {
    return this.#mayWait()
  }

  get isUsed(): boolean {
    return this.#segments.size > 0
  }

  /** No other segment finds a place. */
  get isCrowded(): boolean {
    return this.#segments.size === BUFFERS_MOST
  }

  /** `undefined`: write at once. */
  begin(segment: Waiting): Uint8Array<ArrayBuffer> | undefined {
    if (this.#segments.size === BUFFERS_MOST) return undefined
    this.#segments.add(segment)
    return this.#buffers.pop() ?? new Uint8Array(BUFFER_BYTES)
  }

  end(segment: Waiting, buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#segments.delete(segment)) this.#buffers.push(buffer)
  }

  /** Those that wait now, of these segments or of all. Throws STORAGE_FULL or KAFKA_STORAGE_ERROR; what isn't written waits on. */
  writeOut(of: Iterable<Waiting | undefined> = [...this.#segments]): void {
    for (const segment of of) segment?.writeOut()
  }

  /** The reserve was given up just now: its room is for them before anything else. */
  writeWhatFits(): void {
    for (const segment of [...this.#segments]) {
      try {
        segment.writeOut()
      } catch (error) {
        // The next write of it tries again.
        if (!LogError.is(error, 'STORAGE_FULL')) throw error
      }
    }
  }
}
