import type { DecodedBatch } from '../../kernel/kernel.ts'

interface Entry {
  readonly batch: DecodedBatch
  readonly owner: CachedBatches
  readonly sizeBytes: number
  /** Asked for since the last look at it. */
  isUsed: boolean
}

/** Objects around a batch's bytes and table: not exact, but many small batches must count. */
const ENTRY_BYTES = 768

/**
 * Batches that reads of single records found, checked once when they came in. All partitions of a log share the bound.
 * The oldest one leaves for the next unless it was asked for meanwhile (second chance), so that a hit moves nothing.
 */
export class BatchCache {
  readonly limitBytes: number
  /** In the order of their coming in, or of their last second chance. */
  readonly #entries = new Set<Entry>()
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** Bytes of what is in it, record tables included. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** False when it is larger than all of the cache. */
  admit(batch: DecodedBatch, owner: CachedBatches): Entry | undefined {
    const sizeBytes = batch.memoryBytes + ENTRY_BYTES
    if (sizeBytes > this.limitBytes) return undefined
    this.#evictDownTo(this.limitBytes - sizeBytes)
    const entry = { batch, owner, sizeBytes, isUsed: false }
    this.#entries.add(entry)
    this.#usedBytes += sizeBytes
    return entry
  }

  #evictDownTo(bytes: number): void {
    for (const entry of this.#entries) {
      if (this.#usedBytes <= bytes) return
      this.#entries.delete(entry)
      if (entry.isUsed) {
        entry.isUsed = false
        this.#entries.add(entry)
      } else {
        this.#usedBytes -= entry.sizeBytes
        entry.owner.evicted(entry.batch)
      }
    }
  }

  remove(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (this.#entries.delete(entry)) this.#usedBytes -= entry.sizeBytes
    }
  }
}

/** One partition's part of the cache, by offset. */
export class CachedBatches {
  readonly #cache: BatchCache
  /** Both in offset order. */
  #baseOffsets: number[] = []
  #entries: Entry[] = []

  constructor(cache: BatchCache) {
    this.#cache = cache
  }

  /** The batch that holds `offset`. It is shared: nobody may write to its bytes. */
  find(offset: number): DecodedBatch | undefined {
    const entry = this.#entries[this.#indexAbove(offset) - 1]
    if (entry === undefined || entry.batch.nextOffset <= offset) return undefined
    entry.isUsed = true
    return entry.batch
  }

  /** Index of the first batch that begins above `offset`. Batches of like sizes are found by the first guess. */
  #indexAbove(offset: number): number {
    const bases = this.#baseOffsets
    let low = 0
    let high = bases.length
    if (high === 0 || offset < (bases[0] as number)) return 0
    const last = bases[high - 1] as number
    if (offset >= last) return high
    const share = (offset - (bases[0] as number)) / (last - (bases[0] as number))
    const guess = Math.floor(share * (high - 1))
    if ((bases[guess] as number) > offset) high = guess
    else if ((bases[guess + 1] as number) > offset) return guess + 1
    else low = guess + 2
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((bases[middle] as number) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  keep(batch: DecodedBatch): void {
    const { baseOffset } = batch
    if (this.find(baseOffset) !== undefined) return
    const entry = this.#cache.admit(batch, this)
    if (entry === undefined) return
    const index = this.#indexAbove(baseOffset)
    this.#baseOffsets.splice(index, 0, baseOffset)
    this.#entries.splice(index, 0, entry)
  }

  /** The cache gave it up. */
  evicted({ baseOffset }: DecodedBatch): void {
    const index = this.#indexAbove(baseOffset) - 1
    this.#baseOffsets.splice(index, 1)
    this.#entries.splice(index, 1)
  }

  /** The partition is gone. */
  clear(): void {
    this.#cache.remove(this.#entries)
    this.#baseOffsets = []
    this.#entries = []
  }
}
