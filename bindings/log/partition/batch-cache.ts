import { BatchSlab, slabBytes } from '../../kernel/batch-slab.ts'
import type { DecodedBatch } from '../../kernel/kernel.ts'
import { type BatchMemory, SharedBlocks } from '../../model/batch-memory.ts'

/** Where a cached batch lies. */
export interface CachePlace {
  readonly slab: BatchSlab
  readonly at: number
}

/** The partition that cached batches belong to. */
export interface CacheOwner {
  /** Whether the partition still looks for the batch that lies there. */
  has(baseOffset: number, place: CachePlace): boolean
  moved(baseOffset: number, at: number): void
  evicted(baseOffset: number): void
}

interface CacheEntry {
  readonly owner: CacheOwner
  readonly baseOffset: number
  readonly at: number
}

/**
 * Small enough that the time to move what stays, when a slab is used again, doesn't matter beside the reads from disk
 * that ask for it.
 */
const SLAB_BYTES = 256 * 1024
/** Even a small cache has this many slabs, to drop one after the other. */
const SLABS_LEAST = 8
/** Memory that is kept for a batch beside its slab. An estimate, so that many small batches count. */
const ENTRY_BYTES = 96
/** Large enough that a read of a hundred bytes or fewer seldom needs fresh memory. */
const RECORD_BLOCK_BYTES = 64 * 1024

/**
 * The batches in which single records were looked up, checked once when they came in. All partitions of a log share the
 * bound. New batches go to the oldest slab; those in it that were asked for since then stay (second chance), so a hit
 * moves nothing.
 */
export class BatchCache {
  readonly limitBytes: number
  /** Memory for the bytes of records that are handed out. */
  readonly recordMemory: BatchMemory = new SharedBlocks(RECORD_BLOCK_BYTES)
  readonly #slabBytes: number
  /** Slabs in the order of their first or renewed use, each with its batches in order. */
  readonly #slabs = new Map<BatchSlab, CacheEntry[]>()
  /** The slab that is being filled. */
  #front: BatchSlab | undefined
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
    this.#slabBytes = Math.min(SLAB_BYTES, Math.floor(limitBytes / SLABS_LEAST))
  }

  /** Counts slabs whole, with record tables and free space. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** `undefined` for a batch that is larger than the whole cache. */
  admit(batch: DecodedBatch, owner: CacheOwner): CachePlace | undefined {
    const slab = this.#slabFor(slabBytes(batch))
    if (slab === undefined) return undefined
    const at = slab.add(batch)
    this.#slabs.get(slab)?.push({ owner, baseOffset: batch.baseOffset, at })
    this.#usedBytes += ENTRY_BYTES
    return { slab, at }
  }

  #slabFor(sizeBytes: number): BatchSlab | undefined {
    const newBytes = Math.max(this.#slabBytes, sizeBytes)
    if (newBytes + ENTRY_BYTES > this.limitBytes) return undefined
    while (this.#front?.hasRoom(sizeBytes) !== true || this.#usedBytes + ENTRY_BYTES > this.limitBytes) {
      const isFull = this.#usedBytes + newBytes + ENTRY_BYTES > this.limitBytes
      this.#front = isFull ? this.#renewOldest(sizeBytes) : this.#add(new BatchSlab(newBytes), [])
    }
    return this.#front
  }

  #add(slab: BatchSlab, entries: CacheEntry[]): BatchSlab {
    this.#slabs.set(slab, entries)
    this.#usedBytes += slab.sizeBytes + entries.length * ENTRY_BYTES
    return slab
  }

  /**
   * Drops the batches of the oldest slab that nobody asked for since its last turn. A slab that is empty then and still
   * too small is freed.
   */
  #renewOldest(sizeBytes: number): BatchSlab | undefined {
    for (const [slab, entries] of this.#slabs) {
      this.#slabs.delete(slab)
      this.#usedBytes -= slab.sizeBytes + entries.length * ENTRY_BYTES
      const stay = this.#renewed(slab, entries)
      return stay.length > 0 || slab.hasRoom(sizeBytes) ? this.#add(slab, stay) : undefined
    }
    return undefined
  }

  #renewed(slab: BatchSlab, entries: readonly CacheEntry[]): CacheEntry[] {
    const stay: CacheEntry[] = []
    slab.clear()
    for (const { owner, baseOffset, at } of entries) {
      if (!owner.has(baseOffset, { slab, at })) continue
      if (!slab.takeUse(at)) {
        owner.evicted(baseOffset)
        continue
      }
      const moved = slab.move(at)
      owner.moved(baseOffset, moved)
      stay.push({ owner, baseOffset, at: moved })
    }
    return stay
  }
}
