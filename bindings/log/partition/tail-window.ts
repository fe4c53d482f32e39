import type { KernelBuffer } from '../../kernel/kernel.ts'
import type { TailPool } from './tail-pool.ts'

/** Small batches share a window of this size. */
const WINDOW_BYTES = 64 * 1024

/** A batch in the window. */
export interface TailBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly position: number
  /** 0 for a control batch, whose bytes aren't in the window. */
  readonly sizeBytes: number
}

/** Where a batch lies, by its number in the window. */
export interface TailPlace {
  readonly buffer: KernelBuffer
  readonly index: number
}

/**
 * The newest batches of a partition, encoded in place in kernel memory: readers of the tail need no file. A partition
 * that is idle holds none.
 */
export class TailWindow {
  readonly #pool: TailPool
  /** When the last append came, in milliseconds since 1970. */
  usedAt = 0
  #buffer: KernelBuffer | undefined
  #batches: TailBatch[] = []
  #end = 0

  constructor(pool: TailPool) {
    this.#pool = pool
  }

  get isEmpty(): boolean {
    return this.#buffer === undefined
  }

  /** A buffer and the position in it where a batch of at most `sizeBytes` can be encoded; `undefined` at the cap. */
  room(sizeBytes: number, now: number): { buffer: KernelBuffer; position: number } | undefined {
    this.usedAt = now
    if (this.#buffer === undefined || this.#end + sizeBytes > this.#buffer.sizeBytes) {
      this.release()
      this.#buffer = this.#pool.allocate(this, Math.max(WINDOW_BYTES, sizeBytes), now)
    }
    return this.#buffer && { buffer: this.#buffer, position: this.#end }
  }

  /** Keeps the batch that was encoded at the last `room`: it belongs to the log now. */
  keep(batch: TailBatch): void {
    this.#batches.push(batch)
    this.#end = batch.position + batch.sizeBytes
  }

  /**
   * A control batch was appended. Its bytes aren't kept, since nobody reads them; later batches may stand in the
   * window.
   */
  pass(baseOffset: number, nextOffset: number): void {
    if (this.#batches.length > 0) this.#batches.push({ baseOffset, nextOffset, position: this.#end, sizeBytes: 0 })
  }

  /** The first batch that ends after `offset`, if the window reaches down to it. */
  find(offset: number): TailPlace | undefined {
    const first = this.#batches[0]
    if (this.#buffer === undefined || first === undefined || offset < first.baseOffset) return undefined
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle]?.nextOffset ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return { buffer: this.#buffer, index: low }
  }

  batch(index: number): TailBatch | undefined {
    return this.#batches[index]
  }

  /**
   * Copies the batches from `baseOffset` up to `nextOffset`, `into.length` bytes; false if they aren't in the window.
   */
  copy(baseOffset: number, nextOffset: number, into: Uint8Array): boolean {
    const first = this.#batches[this.find(baseOffset)?.index ?? -1]
    const last = this.#batches[this.find(nextOffset - 1)?.index ?? -1]
    if (this.#buffer === undefined || first === undefined || last === undefined) return false
    const end = last.position + last.sizeBytes
    if (first.baseOffset !== baseOffset || last.nextOffset !== nextOffset) return false
    if (end - first.position !== into.length) return false
    into.set(this.#buffer.bytes(first.position, end))
    return true
  }

  /** Forgets batches that end at or before `offset`: their readers go to the store from now on. */
  dropBefore(offset: number): void {
    const kept = this.#batches.findIndex(({ nextOffset }) => nextOffset > offset)
    this.#batches.splice(0, kept < 0 ? this.#batches.length : kept)
  }

  /** Frees the memory; readers go to the store. */
  release(): void {
    if (this.#buffer !== undefined) this.#pool.free(this, this.#buffer)
    this.#buffer = undefined
    this.#batches = []
    this.#end = 0
  }
}
