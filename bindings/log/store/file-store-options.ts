import type { WriteOrderObserver } from '../../storage/write-order.ts'
import type { JournalOptions } from '../journal/journal.ts'

/** Partitions whose files are synced or written at once: beside commits, and where none waits for the disk. */
export const AT_ONCE_BESIDE_COMMITS = 4
export const AT_ONCE_ALONE = 8
/** Larger than any max.message.bytes that memory could serve: a damaged length asks for no more. */
export const MAX_BATCH_BYTES: number = 128 * 1024 * 1024

export interface FileStoreOptions extends JournalOptions {
  /** Descriptors that segments may hold open at once. */
  readonly openFilesMax: number
  /** From 0 up to 1: only the nonce of a new directory is drawn. */
  readonly random: () => number
  /** Resolves after so long: whoever is short of descriptors waits for some. Without it, or where it gives nothing, nobody does. */
  readonly pause?: ((delayMs: number) => Promise<void> | undefined) | undefined
  readonly observer?: WriteOrderObserver | undefined
}
