import { BatchSlab, slabBytes } from '../../kernel/batch-slab.ts'
import type { DecodedBatch } from '../../kernel/kernel.ts'
import { type BatchMemory, SharedBlocks } from '../../model/memory.ts'

/** Where a batch lies. */
export interface CachePlace {
  readonly slab: BatchSlab
  readonly at: number
}

/** Whose batches these are. */
export interface CacheOwner {
  /** Still wants the batch that lies there. */
  has(baseOffset: number, place: CachePlace): boolean
  moved(baseOffset: number, at: number): void
  evicted(baseOffset: number): void
}

interface Kept {
  readonly owner: CacheOwner
  readonly baseOffset: number
  readonly at: number
}

/** Small enough that its use anew, which moves what stays, isn't felt beside the reads from disk that ask for it. */
const SLAB_BYTES = 256 * 1024
/** So that a small bound has several to give up one after the other. */
const SLABS_LEAST = 8
/** What is kept about a batch beside its slab: not exact, but many small batches must count. */
const KEPT_BYTES = 96
/** Fresh memory comes so seldom that one read of a hundred doesn't feel it. */
const RECORD_BLOCK_BYTES = 64 * 1024

/**
 * Batches that reads of single records found, checked once when they came in. All partitions of a log share the bound.
 * The oldest slab is used anew for the next ones; what was asked for meanwhile stays in it (second chance), so that a hit moves nothing.
 */
export class BatchCache {
  readonly limitBytes: number
  /** For the bytes of the records that are handed out. */
  readonly recordMemory: BatchMemory = new SharedBlocks(RECORD_BLOCK_BYTES)
  readonly #slabBytes: number
  /** In the order of their coming in, or of their last use anew; each with what lies in it, in its order. */
  readonly #slabs = new Map<BatchSlab, Kept[]>()
  /** The one that is being filled. */
  #front: BatchSlab | undefined
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
    this.#slabBytes = Math.min(SLAB_BYTES, Math.floor(limitBytes / SLABS_LEAST))
  }

  /** All slabs whole, record tables and what is free in them included. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** None when it is larger than all of the cache. */
  admit(batch: DecodedBatch, owner: CacheOwner): CachePlace | undefined {
    const slab = this.#slabFor(slabBytes(batch))
    if (slab === undefined) return undefined
    const at = slab.add(batch)
    this.#slabs.get(slab)?.push({ owner, baseOffset: batch.baseOffset, at })
    this.#usedBytes += KEPT_BYTES
    return { slab, at }
  }

  #slabFor(sizeBytes: number): BatchSlab | undefined {
    const newBytes = Math.max(this.#slabBytes, sizeBytes)
    if (newBytes + KEPT_BYTES > this.limitBytes) return undefined
    while (this.#front?.hasRoom(sizeBytes) !== true || this.#usedBytes + KEPT_BYTES > this.limitBytes) {
      const isFull = this.#usedBytes + newBytes + KEPT_BYTES > this.limitBytes
      this.#front = isFull ? this.#renewOldest(sizeBytes) : this.#add(new BatchSlab(newBytes), [])
    }
    return this.#front
  }

  #add(slab: BatchSlab, kept: Kept[]): BatchSlab {
    this.#slabs.set(slab, kept)
    this.#usedBytes += slab.sizeBytes + kept.length * KEPT_BYTES
    return slab
  }

  /** Without what nobody asked for since the last time. One that is empty then and still too small is given back. */
  #renewOldest(sizeBytes: number): BatchSlab | undefined {
    for (const [slab, kept] of this.#slabs) {
      this.#slabs.delete(slab)
      this.#usedBytes -= slab.sizeBytes + kept.length * KEPT_BYTES
      const stay = this.#renewed(slab, kept)
      return stay.length > 0 || slab.hasRoom(sizeBytes) ? this.#add(slab, stay) : undefined
    }
    return undefined
  }

  #renewed(slab: BatchSlab, kept: readonly Kept[]): Kept[] {
    const stay: Kept[] = []
    slab.clear()
    for (const { owner, baseOffset, at } of kept) {
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
