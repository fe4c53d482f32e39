import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'

/** A tail without an append for this long frees its memory. The pool looks as often. */
const IDLE_MS = 5000
/** Tails take at most this share of the kernel's memory; the rest is for reads, indexes and producers. */
const SHARE = 0.5

/** A tail as the pool sees it. */
export interface PooledTail {
  /** When the last append came, in milliseconds since 1970. */
  readonly usedAt: number
  /** Frees the tail's memory, through the pool's `free`. */
  release(): void
}

/**
 * Memory for the tails of all partitions. An idle partition holds no page of the kernel, and ten thousand busy ones
 * share what there is: when it runs out, a quarter of the tails is freed, those unused for longest.
 */
export class TailPool {
  readonly #kernel: Kernel
  readonly #mostBytes: number
  readonly #tails = new Set<PooledTail>()
  #usedBytes = 0
  #sweepAt: number | undefined

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#mostBytes = kernel.memory.capBytes * SHARE
  }

  /** When `sweep` must come next. */
  get sweepAt(): number | undefined {
    return this.#sweepAt
  }

  /** Memory for a tail that holds none; `undefined` if there is none even after all other tails were freed. */
  allocate(tail: PooledTail, sizeBytes: number, now: number): KernelBuffer | undefined {
    while (this.#usedBytes + sizeBytes > this.#mostBytes && this.#tails.size > 0) this.#evict()
    let buffer = this.#kernel.allocate(sizeBytes)
    while (buffer === undefined && this.#tails.size > 0) {
      this.#evict()
      buffer = this.#kernel.allocate(sizeBytes)
    }
    if (buffer === undefined) return undefined
    this.#tails.add(tail)
    this.#usedBytes += buffer.sizeBytes
    this.#sweepAt ??= now + IDLE_MS
    return buffer
  }

  free(tail: PooledTail, buffer: KernelBuffer): void {
    if (this.#tails.delete(tail)) this.#usedBytes -= buffer.sizeBytes
    buffer.free()
  }

  /** The wall clock was set forward by `byMs`. */
  clockMoved(byMs: number): void {
    if (this.#sweepAt !== undefined) this.#sweepAt += byMs
  }

  sweep(now: number): void {
    if (this.#sweepAt === undefined || now < this.#sweepAt) return
    for (const tail of this.#tails) if (now - tail.usedAt >= IDLE_MS) tail.release()
    this.#sweepAt = this.#tails.size === 0 ? undefined : now + IDLE_MS
  }

  /**
   * Runs work that needs memory beside the tails. While it finds none it is run again, with fewer tails each time:
   * otherwise producers that never pause would starve readers. Readers of freed tails go to the store, and the next
   * appends begin new tails.
   */
  makingRoom<Result>(work: () => Result): Result {
    for (let before = Number.POSITIVE_INFINITY; ; ) {
      try {
        return work()
      } catch (error) {
        before = this.#roomFor(error, before)
      }
    }
  }

  /** As `makingRoom`, for work in several steps. */
  *makingRoomFor<Result>(begin: () => Task<Result>): Task<Result> {
    for (let before = Number.POSITIVE_INFINITY; ; ) {
      try {
        return yield* begin()
      } catch (error) {
        before = this.#roomFor(error, before)
      }
    }
  }

  #roomFor(error: unknown, before: number): number {
    const size = LogError.is(error, 'MEMORY_CAP_REACHED') ? this.makeRoom(before) : undefined
    if (size === undefined) throw error
    return size
  }

  /**
   * Frees a quarter of the tails and returns how many there were. `undefined` where that is no use, because there are
   * no fewer than `before`, the last time: each append begins its own tail, and an append that found no room beside
   * that one alone would try for ever.
   */
  makeRoom(before: number): number | undefined {
    const { size } = this.#tails
    // While a batch is written into one of the tails, a getter of one of its records may lead here.
    if (size === 0 || size >= before || this.#kernel.batchBuilder.isOpen) return undefined
    this.#evict()
    return size
  }

  #evict(): void {
    const oldest = [...this.#tails].sort((a, b) => a.usedAt - b.usedAt)
    for (const tail of oldest.slice(0, Math.ceil(oldest.length / 4))) tail.release()
  }
}
