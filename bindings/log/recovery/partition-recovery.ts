import { ATTRIBUTE_CONTROL } from '../../model/records.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { Task } from '../../storage/effect.ts'
import type { StoredPartition } from '../../storage/stored-state.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import { logOffsets } from '../files/file-names.ts'
import { SECTOR_BYTES } from '../journal/layout.ts'
import type { LocatedEntry } from '../journal/scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import type { Segment } from '../segment/segment.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { FrameReplay, segmentsAhead } from './frame-replay.ts'
import { type LostPart, lacksActive, missingSegments } from './missing-segments.ts'
import { RecoveredEnd } from './recovered-end.ts'
import type { RecoveryContext } from './recovery-context.ts'

/**
 * Brings one partition back (durability rule 6): to the noted end, then to what frames and extents say, then to every
 * further valid batch that continues it. All of that is written again and synced, because reading it back doesn't prove
 * it durable. Nothing that may have been acknowledged is cut; damage makes the partition read-only.
 */
export class PartitionRecovery {
  readonly #context: RecoveryContext
  readonly #files: StoredFiles
  readonly #noted: CheckpointPartition | undefined
  readonly #end: RecoveredEnd
  /** Base offsets of the segments that were there: listed once, because each listing reads all names. */
  #segmentsFound: ReadonlySet<number> = new Set()
  /** The log's own topics take their batches from frames alone, as every partition does its markers (rule 3). */
  readonly #isCoordinator: boolean
  #ceiling: number

  constructor(
    context: RecoveryContext,
    files: StoredFiles,
    noted: CheckpointPartition | undefined,
    isCoordinator: boolean,
  ) {
    this.#context = context
    this.#files = files
    this.#noted = noted
    this.#isCoordinator = isCoordinator
    this.#ceiling = noted?.ceiling ?? 0
    this.#end = new RecoveredEnd(context, files, noted)
  }

  /** `damaged`: what is known to be lost of a closed segment. */
  *run(entries: readonly LocatedEntry[], damaged?: LostPart): Task<StoredPartition> {
    try {
      return yield* this.#run(entries, damaged)
    } finally {
      this.#end.producers.free()
    }
  }

  *#run(entries: readonly LocatedEntry[], damaged: LostPart | undefined): Task<StoredPartition> {
    this.#files.isUsed = true
    const names = yield* this.#end.tail.names()
    this.#segmentsFound = new Set(logOffsets(names))
    const { lost } = this.#end
    if (!this.#files.readOnly) {
      lost.push(...missingSegments(this.#files, names).filter(({ file }) => file !== damaged?.file))
      const short = lacksActive(this.#files, lost) ? undefined : yield* this.#restorePartialSector(entries)
      if (short !== undefined) lost.push(short)
    }
    if (lacksActive(this.#files, lost)) {
      if (entries.some((each) => this.#isNew(each)))
        yield* this.#files.roll(this.#context.kernel, this.#end.producers.stored())
      else this.#end.tellLost()
    }
    if (damaged !== undefined) lost.push(damaged)
    yield* this.#replayAll(entries)
    if (!this.#files.readOnly) yield* this.#keepFurtherBatches()
    yield* this.#context.writes.finish()
    this.#end.tellLost()
    // Where part of it is lost, what stands past the end may be acks 1 that followed the lost part.
    if (!this.#files.readOnly) yield* this.#end.tail.cut()
    const files = this.#files
    // An unclean open continues at the ceiling: no reader saw an offset at or above it (rule 5).
    if (this.#ceiling > files.nextOffset) {
      recoveryMarks.hit('continue-at-ceiling')
      files.nextOffset = this.#ceiling
    }
    const producers = this.#end.producers.stored()
    return {
      id: files.id,
      logStartOffset: this.#noted?.logStartOffset ?? 0,
      nextOffset: files.nextOffset,
      ceiling: this.#ceiling,
      producers,
      maxTimestamp: files.segments.active?.maxTimestamp ?? -1,
      readOnly: files.readOnly,
      damage: files.damageReport,
    }
  }

  /**
   * A torn write after the checkpoint may have destroyed synced bytes of its first sector (rules 4a and 6a). Returns
   * where the file ends, if that is before the noted end.
   */
  *#restorePartialSector(entries: readonly LocatedEntry[]): Task<LostPart | undefined> {
    const active = this.#files.segments.active
    const sector = this.#noted?.partialSector
    if (active === undefined || sector === undefined) return undefined
    const file = yield* this.#context.files.open(active.logPath, { create: false })
    if (file === undefined || file.size() < Math.floor(active.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES) {
      return { file: active.logPath, position: file?.size() ?? 0, offset: active.nextOffset, code: 'CORRUPT_LOG' }
    }
    // Also where it reads as noted: a recovery that was killed may have written or cut it without a sync, and a flush
    // that failed may have torn it under a page that shows it whole (rule 6e).
    this.#files.unsynced.add(active)
    if (sector.length === 0 || entries.some((entry) => runsOverEnd(entry, active))) return undefined
    recoveryMarks.hit('partial-sector-restored')
    writeFully(file, sector, active.sizeBytes - sector.length)
    return undefined
  }

  *#replayAll(entries: readonly LocatedEntry[]): Task<void> {
    const replay = new FrameReplay(this.#context, this.#end, this.#segmentsFound)
    const ahead = segmentsAhead(entries)
    for (const [index, entry] of entries.entries()) yield* this.#replay(replay, entry, ahead[index])
  }

  *#replay(replay: FrameReplay, entry: LocatedEntry, segmentAhead: number | undefined): Task<void> {
    if (entry.kind === 'ceiling') this.#ceiling = Math.max(this.#ceiling, entry.ceiling)
    if (this.#files.readOnly) return
    switch (entry.kind) {
      case 'batches':
      case 'decision':
        return yield* replay.bytes(entry, segmentAhead)
      case 'extent':
        return yield* replay.extent(entry)
      case 'ceiling':
      case 'producerIds':
        return
    }
  }

  /** Rule 6d: batches that no frame names, but that begin where the batch before ended, at the next offset. */
  *#keepFurtherBatches(): Task<void> {
    for (;;) {
      const active = this.#files.segments.active
      if (active === undefined) {
        if (!this.#hasSegment(this.#files.nextOffset)) return
        yield* this.#end.roll()
        continue
      }
      const file = yield* this.#context.files.reopen(active.logPath)
      const batch = this.#context.scanner.inFile(file, active.sizeBytes, file.size())
      if (batch === 'end' && active.nextOffset > active.baseOffset && this.#hasSegment(this.#files.nextOffset)) {
        yield* this.#end.roll()
        continue
      }
      if (typeof batch === 'string' || batch.header.baseOffset !== this.#files.nextOffset) return
      if (this.#isCoordinator || (batch.header.attributes & ATTRIBUTE_CONTROL) !== 0) {
        recoveryMarks.hit('decision-without-frame')
        return this.#end.damaged(active.logPath, active.sizeBytes, batch.header.baseOffset, 'CORRUPT_LOG')
      }
      // Of a later life of the log, whose journal/ and checkpoint/ somebody exchanged for earlier ones. Its id will be
      // given out once more, and what the other producer sends would be taken for this batch.
      if (batch.header.producerId >= this.#context.producerIdsEnd) {
        return this.#end.damaged(active.logPath, active.sizeBytes, batch.header.baseOffset, 'newer than the checkpoint')
      }
      // No CRC covers the epoch, and no frame names this batch: with another epoch it is damaged and no continuation.
      if (batch.header.partitionLeaderEpoch !== this.#context.leaderEpoch) return
      recoveryMarks.hit('further-batch-kept')
      yield* this.#end.place(batch)
    }
  }

  /** Rolls that are done again make no segment ahead of the active one, so the first listing still holds. */
  #hasSegment(baseOffset: number): boolean {
    return baseOffset > this.#end.activeBase && this.#segmentsFound.has(baseOffset)
  }

  #isNew(entry: LocatedEntry): boolean {
    return (entry.kind === 'batches' || entry.kind === 'decision') && entry.nextOffset > this.#files.nextOffset
  }
}

/**
 * An extent that was begun before the noted end and goes on behind it. All of it was synced, the noted sector with it,
 * and only the segment has its bytes in that sector: a torn write would destroy them.
 */
function runsOverEnd(entry: LocatedEntry, { baseOffset, sizeBytes }: Segment): boolean {
  if (entry.kind !== 'extent' || entry.segmentBaseOffset !== baseOffset) return false
  return entry.position < sizeBytes && entry.position + entry.lengthBytes > sizeBytes
}
