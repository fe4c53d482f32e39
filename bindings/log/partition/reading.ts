import type { DecodedBatch } from '../../kernel/kernel.ts'
import type { BatchMemory } from '../../model/batch-memory.ts'
import { ATTRIBUTE_CONTROL } from '../../model/records.ts'

/** What a read found. */
export interface PartitionRead {
  readonly batches: DecodedBatch[]
  readonly nextOffset: number
  readonly sizeBytes: number
  /** The offset for which the store must run `prepareRead` first. */
  readonly missing: number | undefined
  /** The offset up to which `prepareRead` must load the aborted transactions too. */
  readonly missingAborted: number | undefined
}

/** Collects the batches of one read. */
export class Reading {
  readonly batches: DecodedBatch[] = []
  readonly limitOffset: number
  readonly memory: BatchMemory | undefined
  nextOffset: number
  sizeBytes = 0

  constructor(offset: number, limitOffset: number, memory: BatchMemory | undefined) {
    this.nextOffset = offset
    this.limitOffset = limitOffset
    this.memory = memory
  }

  /** False if the batch ends above the limit and stays out. Control batches are passed over (kafka.md 1.3). */
  take(batch: DecodedBatch): boolean {
    const { header } = batch
    const nextOffset = header.baseOffset + header.lastOffsetDelta + 1
    if (nextOffset > this.limitOffset) {
      // An unclean end left offsets unused (durability rule 5), or compaction did: nothing lies before the limit.
      if (header.baseOffset >= this.limitOffset) this.nextOffset = this.limitOffset
      return false
    }
    if ((header.attributes & ATTRIBUTE_CONTROL) === 0) this.batches.push(batch)
    this.nextOffset = nextOffset
    this.sizeBytes += batch.plainBytes
    return true
  }

  result(missing: number | undefined): PartitionRead {
    return {
      batches: this.batches,
      nextOffset: this.nextOffset,
      sizeBytes: this.sizeBytes,
      missing,
      missingAborted: undefined,
    }
  }
}
