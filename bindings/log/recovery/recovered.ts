import type { Damage } from '../../storage/recovery-report.ts'
import type { StoredPartition } from '../../storage/stored-state.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import type { JournalHeader } from '../journal/header.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { SetAside } from './set-aside.ts'

/** The state that an opening goes on from. */
export interface Recovered {
  readonly clean: boolean
  /** The first file of the ring may have held frames that count: without that file the log isn't opened. */
  readonly needsRing: boolean
  readonly header: JournalHeader
  readonly checkpointSequence: number
  /** Not the place of the only durable copy. */
  readonly nextCheckpointPlace: number
  /** Frames up to it are covered once the checkpoint that follows recovery is durable. */
  readonly coveredSequence: number
  readonly producerIdsEnd: number
  readonly partitions: readonly { readonly stored: StoredPartition; readonly files: StoredFiles }[]
  /** Checkpoint records that stay as they are: of partitions that weren't touched, or that are damaged. */
  readonly noted: ReadonlyMap<string, CheckpointPartition>
  readonly replayedFrames: number
  readonly skippedBatches: number
  readonly setAside: SetAside
  readonly damage: readonly Damage[]
  /** A frame that was acknowledged is missing: nothing is written, every partition is read-only. */
  readonly readOnly: boolean
}
