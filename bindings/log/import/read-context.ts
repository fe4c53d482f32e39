import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { LeftOut } from './left-out.ts'

/** What every reader of the source shares. */
export interface ReadContext {
  /** Never written to. */
  readonly store: FileStore
  readonly kernel: Kernel
  /** Walks read through it. */
  readonly scratch: KernelBuffer
  /** What is damaged is left out with all that follows it in its partition, and told, where it would be an error else. */
  readonly leaveOutDamaged: boolean
  /** Grows while the source is read. */
  readonly leftOut: LeftOut[]
  /** So many bytes of batches more are read. */
  progressed(bytes: number): void
}
