import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { FileCache } from './file-cache.ts'
import type { WriteBuffers } from './write-buffers.ts'

/** What all segments of a log share. */
export interface SegmentContext {
  readonly kernel: Kernel
  readonly store: FileStore
  readonly files: FileCache
  readonly writeBuffers: WriteBuffers
  /** Buffer for one walk at a time, never across a yield: between two calls its bytes belong to nobody. */
  readonly scratch: KernelBuffer
  /** No batch is larger, whatever its length field says: this bounds the memory that a damaged one can ask for. */
  readonly maxBatchBytes: number
}

/** 256 KiB: large enough that a walk is bound by the checksum, not by calls. */
export const SCRATCH_BYTES: number = 256 * 1024
