import type { WriteOrderObserver } from '../../storage/write-order.ts'
import type { JournalOptions } from '../journal/journal.ts'
import type { WriteBufferSizes } from '../segment/write-buffers.ts'

/** Partitions whose files are synced or written at once beside commits, and where no commit waits for the disk. */
export const AT_ONCE_BESIDE_COMMITS = 4
export const AT_ONCE_ALONE = 8

export interface FileStoreOptions extends JournalOptions {
  /** How many descriptors segments may hold open at once. */
  readonly openFilesMax: number
  /** Batches that wait to be written together; by default WRITE_BUFFER_SIZES. */
  readonly writeBufferSizes?: WriteBufferSizes | undefined
  /** A number from 0 up to 1. Only the nonce of a new directory is drawn from it. */
  readonly random: () => number
  /**
   * Resolves after that time: so a task waits that is short of descriptors. Without it, or where it returns
   * `undefined`, no task waits.
   */
  readonly pause?: ((delayMs: number) => Promise<void> | undefined) | undefined
  readonly observer?: WriteOrderObserver | undefined
}
