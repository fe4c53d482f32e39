import type { Kernel } from '../../kernel/kernel.ts'
import { directorySync, type Effect, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { SealedBatch } from '../../storage/partition-store.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import type { CheckpointPartition, NotedDamage } from '../checkpoint/checkpoint-record.ts'
import { assignLeaderEpoch, type LeaderEpochEntry } from '../files/leader-epoch-checkpoint.ts'
import { encodeProducerSnapshot } from '../files/producer-snapshot.ts'
import { leaderEpochOf } from '../segment/batch-head.ts'
import type { Segment } from '../segment/segment.ts'
import type { SegmentList } from '../segment/segment-list.ts'
import { PendingRuns } from './pending-runs.ts'
import { PendingSnapshots } from './pending-snapshots.ts'

/**
 * Each partition of a commit has room for one run in a frame. Beyond that all partitions together may have this many,
 * as with small segments; then a checkpoint covers them.
 */
export const FURTHER_RUNS_MOST = 64

/**
 * A rewritten segment in the list whose file doesn't have its final name yet, because the segments that it replaces
 * still exist.
 */
export interface SegmentSwap {
  readonly cleaned: Segment
  readonly sources: readonly Segment[]
  /** Whether a checkpoint notes it: once that is durable, recovery goes by the new file. */
  isNoted: boolean
}

const NOTHING_NOTED = { nextOffset: 0, leaderEpochs: [], segments: [], cleanedOffset: 0 }

/** One partition's files while the log is open. */
export class StoredFiles {
  readonly id: PartitionIdentity
  readonly directory: string
  readonly segments: SegmentList
  readonly pending: PendingRuns = new PendingRuns()
  /** Segments written since the last checkpoint: the next one syncs them (durability rule 4b). */
  readonly unsynced: Set<Segment> = new Set()
  /**
   * A segment that reads as the checkpoint noted it. That doesn't prove it durable: an earlier recovery may have
   * written it without a sync (rule 6e). While checkpoints note this same end they hold what a crash could take; before
   * one notes a later end, and before a clean close, the segment must be synced. So must the directory, from which that
   * recovery may have removed a later segment.
   */
  unproven: Segment | undefined
  #directoryChanges = 0
  #directorySynced = 0
  /** Whether anything differs from what the newest checkpoint notes. */
  hasChanged = true
  /** An append found the active segment full: the next segment starts with this offset. */
  rollAt: number | undefined
  /** Recovery found damage, at this open or an earlier one: nothing is appended any more. */
  readOnly = false
  /** Where the first damage was. */
  damage: NotedDamage | undefined
  /** Changed since the open, or recovered by it: the close brings its derived files up to date. Reads don't count. */
  isUsed = false
  /** Its end as of the newest checkpoint. */
  notedOffset: number
  /**
   * Base offset of the segment that the newest checkpoint notes as active, those before it being closed; -1 without
   * one.
   */
  notedActiveBase: number
  /** Files of segments below the first one that are still there; `undefined` until somebody looked. */
  leftovers: string[] | undefined
  /** Its end as of the newest durable checkpoint: compaction touches only what lies below. */
  checkpointedOffset: number
  /** Compaction has passed over everything below it. */
  cleanedOffset: number
  /** The rewrite that is under way. */
  rewrite: { drop(): boolean; abandon(): Task<void> } | undefined
  /** Rewritten segments that wait for a checkpoint, or for readers of the old ones, to take their place. */
  swaps: SegmentSwap[] = []
  readonly snapshots: PendingSnapshots = new PendingSnapshots()
  /** Which epoch its batches carry, from which offset on. */
  leaderEpochs: readonly LeaderEpochEntry[]
  /** Offset of the next record, perhaps above the end of the last segment (durability rule 5). */
  nextOffset: number

  constructor(
    id: PartitionIdentity,
    directory: string,
    segments: SegmentList,
    noted: Pick<CheckpointPartition, 'nextOffset' | 'leaderEpochs' | 'segments' | 'cleanedOffset'> = NOTHING_NOTED,
  ) {
    this.id = id
    this.directory = directory
    this.segments = segments
    this.nextOffset = noted.nextOffset
    this.notedOffset = noted.nextOffset
    this.notedActiveBase = noted.segments.at(-1)?.baseOffset ?? -1
    this.checkpointedOffset = noted.nextOffset
    this.cleanedOffset = noted.cleanedOffset
    this.leaderEpochs = noted.leaderEpochs
  }

  /** Damage was found in it. */
  damaged(damage: NotedDamage): void {
    this.readOnly = true
    this.damage ??= damage
  }

  get damageReport(): Damage | undefined {
    const { topic, partition } = this.id
    return this.damage && { ...this.damage, topic, partition }
  }

  /** Whether the segment was rewritten and hasn't its place yet. */
  isSwapped(segment: Segment): boolean {
    return this.swaps.some(({ cleaned }) => cleaned === segment)
  }

  /** Begins a new segment at `baseOffset`; `producers` are those as of there. */
  *roll(kernel: Kernel, producers: Iterable<StoredProducer>, baseOffset: number = this.nextOffset): Task<void> {
    if (this.segments.active !== undefined) this.snapshots.add(baseOffset, encodeProducerSnapshot(kernel, producers))
    this.isUsed = true
    // The segment that is closed now may not have been used since the open.
    this.proveNext()
    yield* this.segments.roll(baseOffset)
    this.directoryChanged()
    this.hasChanged = true
    this.rollAt = undefined
  }

  /** The newest checkpoint notes another segment as active: recovery never goes on in this one. */
  isNotedClosed({ baseOffset }: Segment): boolean {
    return this.notedActiveBase > baseOffset
  }

  /** Makes the next append begin a new segment, however much room there is. */
  seal(): void {
    this.rollAt = this.nextOffset
  }

  /** Whether the directory has entries that a power loss would lose. */
  get isDirectoryUnsynced(): boolean {
    return this.#directorySynced < this.#directoryChanges
  }

  directoryChanged(): void {
    this.#directoryChanges++
  }

  /**
   * Syncs the directory, and runs other syncs beside it. A commit and a checkpoint may do this side by side: only what
   * each has waited for counts as synced.
   */
  *syncDirectory(store: FileStore, beside: readonly Effect<void>[] = []): Task<void> {
    const upTo = this.#directoryChanges
    yield* performAll([directorySync(store, this.directory), ...beside])
    this.#directorySynced = Math.max(this.#directorySynced, upTo)
  }

  /**
   * A data batch stands in the active segment: a frame or a checkpoint has to make it durable. `head`: its first 21
   * bytes. Returns how much of a frame's room it takes besides its bytes.
   */
  appended(head: SealedBatch, position: number, lengthBytes: number, kernel: Kernel): number {
    const { active } = this.segments
    if (active === undefined) return 0
    const isFurtherRun = this.pending.add(active, head, position, lengthBytes, kernel)
    this.#touched(head)
    return isFurtherRun ? 1 / FURTHER_RUNS_MOST : 0
  }

  /** A checkpoint that noted the partition up to there is durable. */
  checkpointed(nextOffset: number): void {
    this.checkpointedOffset = nextOffset
    this.pending.covered(nextOffset)
  }

  /** A decision stands in the active segment; its frame has made it durable already. */
  placed(batch: SealedBatch): void {
    this.#touched(batch)
  }

  /**
   * Batches from `baseOffset` on carry `epoch`: an unclean open raises it, and a partition gets it with its next batch
   * (durability rule 5).
   */
  learnEpoch(epoch: number, baseOffset: number): void {
    if (epoch !== this.leaderEpochs.at(-1)?.epoch) {
      this.leaderEpochs = assignLeaderEpoch(this.leaderEpochs, epoch, baseOffset)
    }
  }

  /** Makes the next checkpoint sync what only reads as if it were durable. */
  proveNext(): void {
    if (this.unproven === undefined) return
    this.unsynced.add(this.unproven)
    this.unproven = undefined
    this.directoryChanged()
    this.hasChanged = true
  }

  #touched(batch: SealedBatch): void {
    this.proveNext()
    this.learnEpoch(leaderEpochOf(batch.bytes), batch.baseOffset)
    this.nextOffset = batch.nextOffset
    this.hasChanged = true
    this.isUsed = true
    if (this.segments.active !== undefined) this.unsynced.add(this.segments.active)
  }
}
