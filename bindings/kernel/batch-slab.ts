import type { BatchMemory } from '../model/batch-memory.ts'
import { ROW_BYTES, ROW_WORDS } from '../model/decoded-records.ts'
import type { DecodedBatch } from './kernel.ts'
import { OwnRecord } from './own-record.ts'

// Before each batch stands a row of words about it: how many records it has, its bytes, whether it was asked for.
const RECORDS = 0
const BYTES = 1
const IS_USED = 2

/** Bytes that a batch takes of a slab: whole rows, so that each row lies in one cache line. */
export function slabBytes({ memoryBytes }: DecodedBatch): number {
  return ROW_BYTES + Math.ceil(memoryBytes / ROW_BYTES) * ROW_BYTES
}

/**
 * Batches one after the other in one piece of memory, each with its record table before its bytes. A record is found by
 * adding numbers. With separate objects for batch, table and bytes the processor would wait for twice as many dependent
 * loads.
 */
export class BatchSlab {
  readonly sizeBytes: number
  readonly #words: Int32Array<ArrayBuffer>
  #endWords = 0

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes
    this.#words = new Int32Array(Math.floor(sizeBytes / 4))
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#endWords * 4 + sizeBytes <= this.sizeBytes
  }

  /** Adds a batch and returns its place. The caller has checked that there is room. */
  add(batch: DecodedBatch): number {
    const at = this.#endWords
    const words = this.#words
    words[at + RECORDS] = batch.recordCount
    words[at + BYTES] = batch.plainBytes
    words[at + IS_USED] = 0
    batch.pack(words, at + ROW_WORDS)
    this.#endWords += slabBytes(batch) / 4
    return at
  }

  /** The record at `offset` of the batch at `at`; its bytes come to lie in `memory`. */
  record(at: number, baseOffset: number, offset: number, memory: BatchMemory): OwnRecord | undefined {
    const words = this.#words
    const row = this.#rowOf(at, offset - baseOffset)
    if (row < 0) return undefined
    const position = words[row] as number
    const tableEnd = at + ROW_WORDS + (words[at + RECORDS] as number) * ROW_WORDS
    // Its headers end somewhere before the next record's key.
    const end = (row + ROW_WORDS < tableEnd ? words[row + ROW_WORDS] : words[at + BYTES]) as number
    const bytes = memory.take(end - position)
    bytes.set(new Uint8Array(words.buffer, tableEnd * 4 + position, end - position))
    return new OwnRecord(offset, words, row, bytes)
  }

  /** Marks the batch as asked for. */
  use(at: number): void {
    this.#words[at + IS_USED] = 1
  }

  /** Whether `use` was called since the last time. */
  takeUse(at: number): boolean {
    const wasUsed = this.#words[at + IS_USED] === 1
    this.#words[at + IS_USED] = 0
    return wasUsed
  }

  /** Frees everything for overwriting, except the batches that are moved next, in their order. */
  clear(): void {
    this.#endWords = 0
  }

  /** Moves the batch at `at` and returns its new place. */
  move(at: number): number {
    const to = this.#endWords
    const words =
      (this.#words[at + RECORDS] as number) * ROW_WORDS +
      Math.ceil((this.#words[at + BYTES] as number) / ROW_BYTES) * ROW_WORDS
    this.#words.copyWithin(to, at, at + ROW_WORDS + words)
    this.#endWords += ROW_WORDS + words
    return to
  }

  /** Tries the offset's own index first: only compaction removes records from batches. */
  #rowOf(at: number, delta: number): number {
    let low = 0
    let high = (this.#words[at + RECORDS] as number) - 1
    let index = Math.min(delta, high)
    while (low <= high) {
      const row = at + ROW_WORDS + index * ROW_WORDS
      const found = this.#words[row + 4] as number
      if (found === delta) return row
      if (found < delta) low = index + 1
      else high = index - 1
      index = (low + high) >>> 1
    }
    return -1
  }
}
