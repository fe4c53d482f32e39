/** Where the bytes of batches may come to lie. */
export interface BatchMemory {
  /** Larger batches get memory of their own. */
  readonly largestBytes: number
  /** That many bytes, aligned to eight. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer>
}

/** For batches that are needed only for a while: all of the memory is used again at once. */
export interface LentMemory extends BatchMemory {
  /** What was taken may be written over. */
  reclaim(): void
}

const BLOCK_BYTES = 16 * 1024

/**
 * Small things share blocks, as Node's buffers do: an ArrayBuffer for each costs more than its content. A block lives
 * as long as anything in it.
 */
export class SharedBlocks implements BatchMemory {
  readonly largestBytes: number
  readonly #blockBytes: number
  #block: ArrayBuffer = new ArrayBuffer(0)
  #usedBytes = 0

  constructor(blockBytes: number = BLOCK_BYTES) {
    this.#blockBytes = blockBytes
    this.largestBytes = blockBytes / 8
  }

  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    if (sizeBytes > this.largestBytes) return new Uint8Array(sizeBytes)
    if (this.#usedBytes + sizeBytes > this.#block.byteLength) {
      this.#block = new ArrayBuffer(this.#blockBytes)
      this.#usedBytes = 0
    }
    const from = this.#usedBytes
    this.#usedBytes = (from + sizeBytes + 7) & ~7
    return new Uint8Array(this.#block, from, sizeBytes)
  }

  /** The start of what was taken last; the rest of it is free again. */
  shorten({ buffer, byteOffset }: Uint8Array<ArrayBuffer>, sizeBytes: number): Uint8Array<ArrayBuffer> {
    if (buffer === this.#block) this.#usedBytes = (byteOffset + sizeBytes + 7) & ~7
    return new Uint8Array(buffer, byteOffset, sizeBytes)
  }
}
