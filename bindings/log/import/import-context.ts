import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { LeftOut } from './left-out.ts'

/** What all readers of the source share. */
export interface ImportContext {
  /** The source, which is never written to. */
  readonly store: FileStore
  readonly kernel: Kernel
  /** Buffer through which batches are read. */
  readonly scratch: KernelBuffer
  /** Damage, and everything after it in its partition, is left out and listed; without this option it is an error. */
  readonly leaveOutDamaged: boolean
  /** Filled while the source is read. */
  readonly leftOut: LeftOut[]
  /** Called after each read of batches, with its number of bytes. */
  progressed(bytes: number): void
}
