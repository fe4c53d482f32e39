import type { Kernel } from '../../kernel/kernel.ts'
import { readFully } from '../../storage/checked-read.ts'
import { sideBySide, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import type { CommitSet, Decision } from '../../storage/partition-store.ts'
import type { WriteOrderObserver } from '../../storage/write-order.ts'
import type { BatchRun } from '../journal/frame-entry.ts'
import type { Journal } from '../journal/journal.ts'
import type { FileCache } from '../segment/file-cache.ts'
import type { Segment } from '../segment/segment.ts'
import type { WriteBuffers } from '../segment/write-buffers.ts'
import type { PendingRun } from '../stored-files/pending-runs.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { DiskReserve } from './disk-reserve.ts'
import { readExtentEdges } from './partial-sectors.ts'
import { syncFiles } from './sync-files.ts'

/** The number of segments that are flushed side by side: a thread pool has four threads by default. */
const EXTENTS_AT_ONCE = 4

export interface GroupCommitParts {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly journal: Journal
  readonly cache: FileCache
  readonly partitions: (id: PartitionIdentity) => StoredFiles
  readonly source: PartitionSource
  readonly reserve: DiskReserve
  readonly writeBuffers: WriteBuffers
  readonly observer: WriteOrderObserver | undefined
}

interface Gathered {
  readonly files: StoredFiles
  readonly run: PendingRun
}

/**
 * Makes one commit at a time durable: first the data that is too large for the frame is synced, then the frame, then
 * decisions are written to their segments (durability rules 1 to 3). Small batches and decisions wait in memory to be
 * written to segments together with those that come next, since the frame has them.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts
  /** The runs whose segments the commit under way still reads. */
  #gathered: readonly Gathered[] = []

  constructor(parts: GroupCommitParts) {
    this.#parts = parts
  }

  isReading(segment: Segment): boolean {
    return this.#gathered.some(({ run }) => run.segment === segment)
  }

  /** Commits the set. Returns the frame's sequence, `undefined` if everything was durable already. */
  *run(set: CommitSet): Task<number | undefined> {
    try {
      return yield* this.#run(set)
    } finally {
      this.#gathered = []
    }
  }

  *#run(set: CommitSet): Task<number | undefined> {
    const { journal } = this.#parts
    const { frame } = journal
    const gathered = this.#gather(set)
    this.#gathered = gathered
    journal.beginFrame()
    if (set.producerIdsEnd !== undefined) frame.producerIds(set.producerIdsEnd)
    for (const { id, ceiling } of set.ceilings) frame.ceiling(id, ceiling)
    for (const decision of set.decisions) frame.batches('decision', placeless(decision)).set(decision.bytes)
    const extents = yield* this.#writeInline(gathered)
    if (extents.length > 0) yield* this.#syncExtents(extents)
    for (const { files, run } of extents) {
      frame.extent(placed(files, run), run.headerChecksum, yield* readExtentEdges(this.#parts.cache, run))
    }
    if (frame.isEmpty) return undefined
    if (this.#parts.observer !== undefined) this.#tellClaims(this.#parts.observer, set, gathered, extents)
    // Ceilings are raised long before appends reach them, and these go on meanwhile.
    const isAwaited = gathered.length > 0 || set.decisions.length > 0 || set.producerIdsEnd !== undefined
    const sequence = yield* journal.writeFrame({ isAwaited })
    // The frame can't be tried again: its sequence is used, and what it covers was taken. So its decisions must follow.
    const { reserve, writeBuffers } = this.#parts
    for (const decision of set.decisions) {
      const files = this.#parts.partitions(decision.id)
      if (files.segments.takesNow(decision)) this.#place(decision, files, sequence)
      else yield* this.#placeLater(decision, files, sequence)
    }
    if (writeBuffers.areAllTaken) yield* reserve.guardWriteOut(() => writeBuffers.writeOut())
    // This isn't set earlier: a checkpoint beside this commit noted the ceilings that were in force until now.
    for (const { id } of set.ceilings) this.#parts.partitions(id).hasChanged = true
    return sequence
  }

  #tellClaims(
    observer: WriteOrderObserver,
    set: CommitSet,
    gathered: readonly Gathered[],
    extents: readonly Gathered[],
  ): void {
    const sequence = this.#parts.journal.nextSequence
    for (const each of gathered) {
      const { topicId, partition, nextOffset, position, lengthBytes } = placed(each.files, each.run)
      const extent = extents.includes(each) ? { file: each.run.segment.logPath, position, lengthBytes } : undefined
      observer.frameCovers(sequence, { kind: 'partition', topicId, partition, nextOffset, extent })
    }
    for (const { id, nextOffset } of set.decisions) {
      const { topicId, partition } = id
      observer.frameCovers(sequence, { kind: 'partition', topicId, partition, nextOffset })
    }
    for (const { id, ceiling } of set.ceilings) {
      observer.frameCovers(sequence, { kind: 'ceiling', topicId: id.topicId, partition: id.partition, ceiling })
    }
    if (set.producerIdsEnd !== undefined)
      observer.frameCovers(sequence, { kind: 'producerIds', end: set.producerIdsEnd })
  }

  /**
   * Writes a partition's waiting batches in one piece, before anybody reads or syncs the file. Their room on the disk
   * is reserved, so a full disk can't refuse them.
   */
  *#writeOut({ segments }: StoredFiles): Task<void> {
    if (segments.hasBuffered) yield* this.#parts.reserve.guardWriteOut(() => segments.writeOut())
  }

  /**
   * Takes all pending runs of the set's partitions at one moment: what is appended from now on belongs to the next
   * commit.
   */
  #gather(set: CommitSet): Gathered[] {
    const gathered: Gathered[] = []
    for (const id of set.durable) {
      const files = this.#parts.partitions(id)
      for (const run of files.pending.take()) gathered.push({ files, run })
    }
    return gathered
  }

  /** Copies runs into the frame while they fit. Returns the others. */
  *#writeInline(gathered: readonly Gathered[]): Task<Gathered[]> {
    const { frame } = this.#parts.journal
    const extents: Gathered[] = []
    let left = gathered.length
    for (const each of gathered) {
      left--
      const { files, run } = each
      if (!frame.fits(run.lengthBytes, left + extents.length)) {
        extents.push(each)
        continue
      }
      const room = frame.batches('batches', placed(files, run))
      if (this.#parts.source.copyTail(files.id, run.baseOffset, run.nextOffset, room)) continue
      yield* this.#writeOut(files)
      const file = run.segment.file ?? (yield* this.#parts.cache.reopen(run.segment.logPath))
      readFully(file, room, run.position)
    }
    return extents
  }

  *#syncExtents(extents: readonly Gathered[]): Task<void> {
    const { store, cache } = this.#parts
    for (const { files } of extents) yield* this.#writeOut(files)
    const unsynced = new Set(extents.map(({ files }) => files).filter((files) => files.isDirectoryUnsynced))
    const directories = [...unsynced].map((files) => files.syncDirectory(store))
    const paths = [...new Set(extents.map(({ run }) => run.segment.logPath))]
    yield* sideBySide([syncFiles(cache, paths, EXTENTS_AT_ONCE), ...directories], 1 + directories.length)
  }

  /** Writes a decision to its segment. It may stand there only after its frame is durable (rule 3). */
  #place(decision: Decision, files: StoredFiles, sequence: number): void {
    const { active } = files.segments
    this.#parts.observer?.decisionPlaced(sequence, active?.logPath ?? files.directory, active?.sizeBytes ?? 0)
    files.segments.place(decision, true)
    files.placed(decision)
    const aborted = decision.placed?.()
    if (aborted !== undefined) files.segments.recordAborted(aborted)
  }

  /**
   * Places a decision that needs a new segment, a file that was closed, or a write. Batches that wait there have their
   * own share of the reserve.
   */
  *#placeLater(decision: Decision, files: StoredFiles, sequence: number): Task<void> {
    yield* this.#writeOut(files)
    yield* this.#parts.reserve.guard(() => this.#openAndPlace(decision, files, sequence))
  }

  *#openAndPlace(decision: Decision, files: StoredFiles, sequence: number): Task<void> {
    if (files.segments.mustRoll(decision)) {
      yield* files.roll(this.#parts.kernel, this.#parts.source.producers(decision.id), decision.baseOffset)
    }
    const { active } = files.segments
    if (active !== undefined && active.file === undefined) yield* this.#parts.cache.reopen(active.logPath)
    this.#place(decision, files, sequence)
  }
}

/**
 * The run of a decision in a frame, without a place: it gets one when it is written to its segment, after the frame.
 */
function placeless({ id, baseOffset, nextOffset, maxTimestamp, bytes }: Decision): BatchRun {
  const { topicId, partition } = id
  return {
    topicId,
    partition,
    baseOffset,
    nextOffset,
    maxTimestamp,
    segmentBaseOffset: -1,
    position: 0,
    lengthBytes: bytes.length,
  }
}

function placed({ id }: StoredFiles, run: PendingRun): BatchRun {
  const { topicId, partition } = id
  const { baseOffset, nextOffset, maxTimestamp, position, lengthBytes, segment } = run
  return {
    topicId,
    partition,
    baseOffset,
    nextOffset,
    maxTimestamp,
    segmentBaseOffset: segment.baseOffset,
    position,
    lengthBytes,
  }
}
