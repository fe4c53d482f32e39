import { allocate } from './allocate.ts'
import type { LentMemory } from './batch-memory.ts'

const SMALLEST_BYTES = 64 * 1024

/** One block, used from front to back and then anew: after a few fetches it is as large as one of them needs. */
export class ReusedMemory implements LentMemory {
  readonly largestBytes: number = Number.POSITIVE_INFINITY
  #block: ArrayBuffer = new ArrayBuffer(0)
  #usedBytes = 0

  get sizeBytes(): number {
    return this.#block.byteLength
  }

  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    let from = this.#usedBytes
    if (from + sizeBytes > this.#block.byteLength) {
      // What was taken from the old block stays valid, for as long as it is referred to.
      this.#block = allocate(Math.max(SMALLEST_BYTES, this.#block.byteLength * 2, sizeBytes)).buffer
      from = 0
    }
    this.#usedBytes = (from + sizeBytes + 7) & ~7
    return new Uint8Array(this.#block, from, sizeBytes)
  }

  reclaim(): void {
    this.#usedBytes = 0
  }
}
