import type { Kernel } from '../../kernel/kernel.ts'
import { directorySync, type Effect, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage, PartitionIdentity, SealedBatch, StoredProducer } from '../../storage/partition-store.ts'
import type { CheckpointPartition, NotedDamage } from '../checkpoint/checkpoint-record.ts'
import { assignLeaderEpoch, type LeaderEpochEntry } from '../files/leader-epoch-checkpoint.ts'
import { encodeProducerSnapshot } from '../files/producer-snapshot.ts'
import { leaderEpochOf } from '../segment/batch-frame.ts'
import type { Segment } from '../segment/segment.ts'
import type { SegmentList } from '../segment/segment-list.ts'
import { PendingRuns } from './pending-runs.ts'

/** Kafka rebuilds producers from the newest whole one, or the one before. */
const SNAPSHOTS_MAX = 2
/** A run for each partition of a commit has its room in a frame. So many more in all, where segments are small, and a checkpoint covers them. */
const FURTHER_RUNS_MOST = 64

/** A rewritten segment in the list, whose file still has a name beside those that it replaces. */
export interface SegmentSwap {
  readonly cleaned: Segment
  readonly sources: readonly Segment[]
  /** By a checkpoint: once that is durable, recovery goes by the new file. */
  isNoted: boolean
}

const NOTHING_NOTED = { nextOffset: 0, leaderEpochs: [], segments: [], cleanedOffset: 0 }

/** One partition's files while the log is open. */
export class StoredFiles {
  readonly id: PartitionIdentity
  readonly directory: string
  readonly segments: SegmentList
  readonly pending: PendingRuns = new PendingRuns()
  /** Written since the last checkpoint: it syncs them (durability rule 4b). */
  readonly unsynced: Set<Segment> = new Set()
  /**
   * Reads as the checkpoint noted it, which proves nothing: an earlier recovery may have put it back without a sync (rule 6e).
   * A checkpoint that notes this end holds what a crash could take; no later end and no clean close may count on it unsynced.
   */
  unproven: Segment | undefined
  #directoryChanges = 0
  #directorySynced = 0
  /** Anything of it differs from what the newest checkpoint says. */
  changed = true
  /** An append found the active segment full: the next one starts with this batch's offset. */
  rollAt: number | undefined
  /** Recovery found damage, this time or before: nothing is appended any more. */
  readOnly = false
  /** Where the first of it was. */
  damage: NotedDamage | undefined
  /** Appended to or looked at since the open: its derived files are brought up to date at the close. */
  isUsed = false
  /** Where it ended as of the newest checkpoint. */
  notedOffset: number
  /** Of its active segment as of the newest checkpoint: those before it are closed there too. -1: it has none there. */
  notedActiveBase: number
  /** Files of segments that lie below the first one and are still there; `undefined` until somebody looked. */
  leftovers: string[] | undefined
  /** The same of the newest checkpoint that is durable: compaction touches only what lies below. */
  checkpointedOffset: number
  /** How far compaction came. */
  cleanedOffset: number
  /** Under way. */
  rewrite: { drop(): boolean; abandon(): Task<void> } | undefined
  /** Segments that were rewritten and wait for a checkpoint, or for their readers, to take the place of the old ones. */
  swaps: SegmentSwap[] = []
  /** Producer snapshots of rolls, by offset, that no file holds yet; the newest two. */
  readonly snapshots: Map<number, Uint8Array> = new Map()
  /** Which epoch its batches carry from which offset on. */
  leaderEpochs: readonly LeaderEpochEntry[]
  /** Its offsets continue here, maybe above the last segment's end (durability rule 5). */
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

  /** Something of it isn't what it must be. */
  damaged(damage: NotedDamage): void {
    this.readOnly = true
    this.damage ??= damage
  }

  get damageReport(): Damage | undefined {
    const { topic, partition } = this.id
    return this.damage && { ...this.damage, topic, partition }
  }

  /** Rewritten, and not in its place yet. */
  isSwapped(segment: Segment): boolean {
    return this.swaps.some(({ cleaned }) => cleaned === segment)
  }

  /** Goes on in a new segment, from `baseOffset` on; `producers` as of there. */
  *roll(kernel: Kernel, producers: Iterable<StoredProducer>, baseOffset: number = this.nextOffset): Task<void> {
    if (this.segments.active !== undefined) this.#keepSnapshot(baseOffset, encodeProducerSnapshot(kernel, producers))
    this.isUsed = true
    // The one that is closed now may not have been touched since the open.
    this.proveNext()
    yield* this.segments.roll(baseOffset)
    this.directoryChanged()
    this.changed = true
    this.rollAt = undefined
  }

  /** The newest checkpoint says that another segment is active: recovery never goes on in this one. */
  isNotedClosed({ baseOffset }: Segment): boolean {
    return this.notedActiveBase > baseOffset
  }

  /** The next append begins a new segment, whatever room there is. */
  seal(): void {
    this.rollAt = this.nextOffset
  }

  #keepSnapshot(offset: number, bytes: Uint8Array): void {
    this.snapshots.set(offset, bytes)
    const [oldest] = this.snapshots.keys()
    if (this.snapshots.size > SNAPSHOTS_MAX && oldest !== undefined) this.snapshots.delete(oldest)
  }

  /** The directory has entries that a power loss takes away. */
  get directoryUnsynced(): boolean {
    return this.#directorySynced < this.#directoryChanges
  }

  directoryChanged(): void {
    this.#directoryChanges++
  }

  /**
   * Runs other syncs beside its own. A commit and a checkpoint may do it side by side: only what one has waited for counts
   * as synced.
   */
  *syncDirectory(store: FileStore, beside: readonly Effect<void>[] = []): Task<void> {
    const upTo = this.#directoryChanges
    yield* performAll([directorySync(store, this.directory), ...beside])
    this.#directorySynced = Math.max(this.#directorySynced, upTo)
  }

  /**
   * A data batch stands in the active segment: a frame or a checkpoint owes it durability. `head`: its first 21 bytes. Answers which
   * part of what a frame has room for it takes besides its bytes.
   */
  appended(head: SealedBatch, position: number, lengthBytes: number, kernel: Kernel): number {
    const { active } = this.segments
    if (active === undefined) return 0
    const isFurtherRun = this.pending.add(active, head, position, lengthBytes, kernel)
    this.#touched(head)
    return isFurtherRun ? 1 / FURTHER_RUNS_MOST : 0
  }

  /** What a checkpoint noted up to there is durable. */
  checkpointed(nextOffset: number): void {
    this.checkpointedOffset = nextOffset
    this.pending.covered(nextOffset)
  }

  /** A decision stands in the active segment: its frame made it durable already. */
  placed(batch: SealedBatch): void {
    this.#touched(batch)
  }

  /** An unclean open raises the epoch; a partition has it from its next batch on (durability rule 5). */
  learnEpoch(epoch: number, baseOffset: number): void {
    if (epoch !== this.leaderEpochs.at(-1)?.epoch) {
      this.leaderEpochs = assignLeaderEpoch(this.leaderEpochs, epoch, baseOffset)
    }
  }

  /** From here on the next checkpoint owes durability to what only reads as if it were durable. */
  proveNext(): void {
    if (this.unproven === undefined) return
    this.unsynced.add(this.unproven)
    this.unproven = undefined
    this.changed = true
  }

  #touched(batch: SealedBatch): void {
    this.proveNext()
    this.learnEpoch(leaderEpochOf(batch.bytes), batch.baseOffset)
    this.nextOffset = batch.nextOffset
    this.changed = true
    this.isUsed = true
    if (this.segments.active !== undefined) this.unsynced.add(this.segments.active)
  }
}
