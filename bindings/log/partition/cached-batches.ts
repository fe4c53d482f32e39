import { BatchSlab, slabBytes } from '../../kernel/batch-slab.ts'
import type { DecodedBatch } from '../../kernel/kernel.ts'
import type { OwnRecord } from '../../kernel/own-record.ts'
import type { BatchCache, CacheOwner, CachePlace } from './batch-cache.ts'

/** The cached batches of one partition, by offset. */
export class CachedBatches implements CacheOwner {
  readonly #cache: BatchCache
  /**
   * Base offset, slab, and place in the slab of each batch, in offset order. Flat lists, since each look-up goes
   * through them.
   */
  #baseOffsets: number[] = []
  #slabs: BatchSlab[] = []
  #places: number[] = []

  constructor(cache: BatchCache) {
    this.#cache = cache
  }

  /** The record at `offset`, if its batch is cached and still has it. */
  find(offset: number): OwnRecord | undefined {
    const index = this.#indexAbove(offset) - 1
    const at = this.#places[index] as number
    const slab = this.#slabs[index]
    const record = slab?.record(at, this.#baseOffsets[index] as number, offset, this.#cache.recordMemory)
    if (record !== undefined) slab?.use(at)
    return record
  }

  /**
   * The record at `offset` of a batch that was just read. The batch is cached unless it is larger than the whole cache.
   */
  findIn(batch: DecodedBatch, offset: number): OwnRecord | undefined {
    const { baseOffset } = batch
    const { slab, at } = this.#placeOf(baseOffset) ?? this.#keep(batch) ?? alone(batch)
    return slab.record(at, baseOffset, offset, this.#cache.recordMemory)
  }

  #keep(batch: DecodedBatch): CachePlace | undefined {
    const place = this.#cache.admit(batch, this)
    if (place === undefined) return undefined
    const index = this.#indexAbove(batch.baseOffset)
    this.#baseOffsets.splice(index, 0, batch.baseOffset)
    this.#slabs.splice(index, 0, place.slab)
    this.#places.splice(index, 0, place.at)
    return place
  }

  #placeOf(baseOffset: number): CachePlace | undefined {
    const index = this.#indexAbove(baseOffset) - 1
    if (this.#baseOffsets[index] !== baseOffset) return undefined
    return { slab: this.#slabs[index] as BatchSlab, at: this.#places[index] as number }
  }

  /**
   * Index of the first batch that begins above `offset`. Where batches are of about one size the first guess finds it.
   */
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

  has(baseOffset: number, { slab, at }: CachePlace): boolean {
    const place = this.#placeOf(baseOffset)
    return place?.slab === slab && place.at === at
  }

  moved(baseOffset: number, at: number): void {
    this.#places[this.#indexAbove(baseOffset) - 1] = at
  }

  evicted(baseOffset: number): void {
    const index = this.#indexAbove(baseOffset) - 1
    this.#baseOffsets.splice(index, 1)
    this.#slabs.splice(index, 1)
    this.#places.splice(index, 1)
  }

  /** Forgets the partition's batches, which aren't valid any more. Their memory stays with the cache. */
  clear(): void {
    this.#baseOffsets = []
    this.#slabs = []
    this.#places = []
  }
}

/** A place outside of the cache, for this one look-up. */
function alone(batch: DecodedBatch): CachePlace {
  const slab = new BatchSlab(slabBytes(batch))
  return { slab, at: slab.add(batch) }
}
