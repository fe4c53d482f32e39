import type { Kernel } from '../../kernel/kernel.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { JournalOptions } from '../journal/journal.ts'
import type { Segment } from '../segment/segment.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { Checkpointer, PresentRecord } from './checkpointer.ts'
import type { PartitionMap } from './partition-map.ts'

/** What a backup needs to know of the log that it copies. */
export interface BackupSource {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly checkpointer: Checkpointer
  readonly options: JournalOptions & { readonly random: () => number }
  readonly partitions: PartitionMap<StoredFiles>
  producerIdsEnd(): number
  /** Writes all batches that wait to their segments. */
  writeOut(): Task<void>
  /** Throws once the log is closed, or failed. */
  assertOpen(): void
}

/** One partition as of the backup's moment. */
export interface BackupPartition {
  readonly files: StoredFiles
  readonly record: PresentRecord
  readonly segments: readonly { readonly segment: Segment; readonly sizeBytes: number; readonly mayLink: boolean }[]
}
