import type { Kernel } from '../../kernel/kernel.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import type { BatchScanner } from '../segment/batch-scanner.ts'
import type { FileCache } from '../segment/file-cache.ts'
import type { JoinedWrites } from './joined-writes.ts'
import type { SetAside } from './set-aside.ts'

/** What the recoveries of all partitions share. */
export interface RecoveryContext {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly files: FileCache
  readonly scanner: BatchScanner
  readonly writes: JoinedWrites
  readonly setAside: SetAside
  readonly damage: Damage[]
  /**
   * The epoch of everything that was written since the checkpoint: every opening that finds such batches writes a
   * checkpoint first.
   */
  readonly leaderEpoch: number
  /** Above every producer id that was given out: a frame reserves it first. */
  readonly producerIdsEnd: number
}
