import type { BatchFault, BatchHeader, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { mayFollow } from './batch-head.ts'
import type { SegmentContext } from './segment-context.ts'

/**
 * `out-of-order`: an offset that can't follow the one before. `zero-filled`: only zeros up to the end, as preallocation
 * leaves.
 */
export type WalkFault = BatchFault | 'out-of-order' | 'zero-filled'

/** A batch during its visit; it isn't valid afterwards. */
export interface WalkedBatch {
  /** In the file. */
  readonly position: number
  readonly nextOffset: number
  readonly header: Readonly<BatchHeader>
  /** Where the batch's bytes are now. */
  readonly buffer: KernelBuffer
  readonly bufferPosition: number
}

export interface WalkRange {
  readonly from: number
  /** Exclusive; a batch that runs beyond it is incomplete. */
  readonly to: number
  /** The base offset of the first batch; after an unclean end it may be higher. */
  readonly expectedOffset: number
  /** No CRC covers a batch's offset: one above this end isn't what was written. Without it, none is known. */
  readonly endOffset?: number
  /** Compaction wrote the file. */
  readonly isCleaned: boolean
}

/** What a walk needs of what all segments share. */
export type WalkContext = Pick<SegmentContext, 'kernel' | 'scratch' | 'maxBatchBytes'>

/**
 * Walks the intact batches of a `.log` file in order, with CRCs checked in bulk, up to the first fault. Each step reads
 * anew into the shared scratch buffer, so other walks may run between two steps but not during a visit.
 */
export class BatchWalk {
  readonly #context: WalkContext
  readonly #file: StoreFile
  readonly #to: number
  readonly #endOffset: number
  readonly #isCleaned: boolean
  #position: number
  #expectedOffset: number
  #epochBefore = Number.NEGATIVE_INFINITY
  #fault: WalkFault | undefined

  constructor(context: WalkContext, file: StoreFile, range: WalkRange) {
    this.#context = context
    this.#file = file
    this.#to = range.to
    this.#endOffset = range.endOffset ?? Number.POSITIVE_INFINITY
    this.#isCleaned = range.isCleaned
    this.#position = range.from
    this.#expectedOffset = range.expectedOffset
  }

  /** The position after the last intact batch. */
  get position(): number {
    return this.#position
  }

  /** The offset after the last intact batch. */
  get expectedOffset(): number {
    return this.#expectedOffset
  }

  /** Why the walk ended before `to`. */
  get fault(): WalkFault | undefined {
    return this.#fault
  }

  /**
   * Visits the next few batches; false at the end and at a fault. A visit that makes the kernel read another header
   * invalidates `header`.
   */
  step(visit: (batch: WalkedBatch) => void): boolean {
    const left = this.#to - this.#position
    if (left <= 0 || this.#fault !== undefined) return false
    const { scratch } = this.#context
    const { batchReader } = this.#context.kernel
    const available = this.#file.read(scratch.bytes(0, Math.min(left, scratch.sizeBytes)), this.#position)
    const intact = batchReader.intactBytes(scratch, 0, available, this.#expectedOffset)
    if (intact > 0) return this.#visitAll(scratch, intact, visit)
    const header = batchReader.header(scratch, 0, available)
    if (header !== undefined && header.magic === 2 && header.sizeBytes > available && header.sizeBytes <= left) {
      return this.#visitLarge(header.sizeBytes, visit)
    }
    return this.#stop(batchReader.fault(scratch, 0, available) ?? 'out-of-order')
  }

  run(visit: (batch: WalkedBatch) => void): void {
    while (this.step(visit));
  }

  #visitAll(buffer: KernelBuffer, intact: number, visit: (batch: WalkedBatch) => void): boolean {
    const start = this.#position
    for (let at = 0; at < intact; ) {
      const header = this.#context.kernel.batchReader.header(buffer, at, intact - at)
      if (header === undefined) return this.#stop('incomplete')
      const { baseOffset, sizeBytes, partitionLeaderEpoch: leaderEpoch } = header
      const nextOffset = baseOffset + header.lastOffsetDelta + 1
      const follows = mayFollow({ baseOffset, leaderEpoch }, this.#expectedOffset, this.#epochBefore, this.#isCleaned)
      if (!follows || nextOffset > this.#endOffset) return this.#stop('out-of-order')
      visit({ position: start + at, nextOffset, header, buffer, bufferPosition: at })
      at += sizeBytes
      this.#position = start + at
      this.#expectedOffset = nextOffset
      this.#epochBefore = leaderEpoch
    }
    return this.#position < this.#to
  }

  /** Visits a batch that is larger than the scratch buffer, in a buffer of its own. */
  #visitLarge(sizeBytes: number, visit: (batch: WalkedBatch) => void): boolean {
    const { kernel, maxBatchBytes } = this.#context
    if (sizeBytes > maxBatchBytes) return this.#stop('bad-length')
    const buffer = kernel.allocate(sizeBytes)
    if (buffer === undefined) {
      const message = `no memory for the batch of ${sizeBytes} bytes at ${this.#position} of ${this.#file.path}`
      throw new LogError('MEMORY_CAP_REACHED', message, { file: this.#file.path, position: this.#position })
    }
    try {
      const available = this.#file.read(buffer.bytes(0, sizeBytes), this.#position)
      const intact = kernel.batchReader.intactBytes(buffer, 0, available, this.#expectedOffset)
      if (intact > 0) return this.#visitAll(buffer, intact, visit)
      return this.#stop(kernel.batchReader.fault(buffer, 0, available) ?? 'out-of-order')
    } finally {
      buffer.free()
    }
  }

  #stop(fault: WalkFault): false {
    this.#fault = this.#isZeroFilled() ? 'zero-filled' : fault
    return false
  }

  #isZeroFilled(): boolean {
    const { scratch } = this.#context
    for (let position = this.#position; position < this.#to; ) {
      const bytes = scratch.bytes(0, Math.min(this.#to - position, scratch.sizeBytes))
      const count = this.#file.read(bytes, position)
      if (count === 0) return position > this.#position
      for (let at = 0; at < count; at++) if (bytes[at] !== 0) return false
      position += count
    }
    return true
  }
}
