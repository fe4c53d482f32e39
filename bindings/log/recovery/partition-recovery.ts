import type { Kernel } from '../../kernel/kernel.ts'
import { ATTRIBUTE_CONTROL } from '../../model/records.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import type { Damage, SealedBatch, StoredPartition } from '../../storage/partition-store.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import { NEXT_SEGMENT, parseSegmentFileName } from '../files/file-names.ts'
import type { FrameEntry } from '../journal/frame.ts'
import { SECTOR_BYTES } from '../journal/layout.ts'
import { ProducerScan } from '../partition/producer-scan.ts'
import { type RecoveryMark, recoveryMarks } from '../recovery-marks.ts'
import type { BatchScanner, ScannedBatch } from '../segment/batch-scanner.ts'
import type { FileCache } from '../segment/file-cache.ts'
import { chainHeader, NO_BATCHES } from '../segment/header-checksum.ts'
import { removeSegment } from '../stored-files/segment-rewrite.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { removeLoneIndexes } from './lone-indexes.ts'
import { lacksActive, type MissingSegment, missingSegments } from './missing-segments.ts'
import type { SetAside } from './set-aside.ts'

export interface RecoveryContext {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly files: FileCache
  readonly scanner: BatchScanner
  readonly setAside: SetAside
  readonly damage: Damage[]
  /** Under which everything since the checkpoint was written: every opening that finds such batches makes one first. */
  readonly leaderEpoch: number
}

interface LogFile {
  readonly offset: number
  readonly path: string
}

/**
 * Brings one partition back (durability rule 6): the noted end, then what frames and extents say, then every further
 * valid batch that continues it. All of that is written again and synced, because reading it back proves nothing about
 * the disk. Nothing that may have been acknowledged is cut; damage makes the partition read-only.
 */
export class PartitionRecovery {
  readonly #context: RecoveryContext
  readonly #files: StoredFiles
  readonly #noted: CheckpointPartition | undefined
  readonly #producers: ProducerScan
  /** First offsets of the segments that were there: listed once, because each listing reads the names of them all. */
  #segmentsFound: ReadonlySet<number> = new Set()
  /** Topics of decisions take their batches from frames alone, as every partition its markers (rule 3). */
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
    this.#producers = new ProducerScan(context.kernel, noted?.producers ?? [])
  }

  *run(entries: readonly FrameEntry[]): Task<StoredPartition> {
    this.#files.isUsed = true
    const names = yield* this.#names()
    this.#segmentsFound = new Set(this.#logsAmong(names).map(({ offset }) => offset))
    const missing = this.#files.readOnly ? [] : missingSegments(this.#files, names)
    if (lacksActive(this.#files, missing)) {
      if (entries.some((each) => this.#isNew(each)))
        yield* this.#files.roll(this.#context.kernel, this.#producers.windows())
      else this.#areMissing(missing)
    } else if (!this.#files.readOnly) yield* this.#restorePartialSector()
    const ahead = segmentsAhead(entries)
    for (const [index, entry] of entries.entries()) yield* this.#replay(entry, ahead[index])
    if (!this.#files.readOnly) yield* this.#keepFurtherBatches()
    if (!this.#files.readOnly) yield* this.#cutTail()
    // Not before: frames are reused, so that what they hold comes in all the same.
    if (!this.#files.readOnly) this.#areMissing(missing)
    const files = this.#files
    // An unclean open continues at the ceiling: no reader saw an offset at or above it (rule 5).
    if (this.#ceiling > files.nextOffset) {
      mark('continue-at-ceiling')
      files.nextOffset = this.#ceiling
    }
    const producers = this.#producers.stored()
    this.#producers.free()
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

  /** A torn write after the checkpoint may have taken synced bytes of its first sector along (rules 4a and 6a). */
  *#restorePartialSector(): Task<void> {
    const active = this.#files.segments.active
    const sector = this.#noted?.partialSector
    if (active === undefined || sector === undefined) return
    const file = yield* this.#context.files.open(active.logPath, { create: false })
    if (file === undefined || file.size() < Math.floor(active.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES) {
      this.#damaged(active.logPath, file?.size() ?? 0, active.nextOffset, 'CORRUPT_LOG')
      return
    }
    // A recovery that was killed may have restored or cut it without a sync: what reads back is not durable (rule 6e).
    this.#files.unsynced.add(active)
    if (sector.length === 0) return
    const start = active.sizeBytes - sector.length
    const present = new Uint8Array(sector.length)
    const count = file.read(present, start)
    if (count === sector.length && present.every((byte, index) => byte === sector[index])) return
    mark('partial-sector-restored')
    writeFully(file, sector, start)
    this.#files.changed = true
  }

  *#replay(entry: FrameEntry, segmentAhead: number | undefined): Task<void> {
    if (this.#files.readOnly) return
    switch (entry.kind) {
      case 'ceiling':
        this.#ceiling = Math.max(this.#ceiling, entry.ceiling)
        this.#files.changed = true
        return
      case 'batches':
      case 'decision':
        return yield* this.#replayBytes(entry, segmentAhead)
      case 'extent':
        return yield* this.#replayExtent(entry)
      case 'producerIds':
        return
    }
  }

  *#replayBytes(entry: FrameEntry & { kind: 'batches' | 'decision' }, segmentAhead: number | undefined): Task<void> {
    if (entry.nextOffset <= this.#files.nextOffset) return
    mark(entry.kind === 'decision' ? 'decision-replayed' : 'batches-replayed')
    if (entry.kind === 'batches') yield* this.#goTo(entry.segmentBaseOffset)
    for (let at = 0; at < entry.bytes.length; ) {
      const batch = this.#context.scanner.inBytes(entry.bytes, at)
      if (typeof batch === 'string') return this.#damaged('journal', at, this.#files.nextOffset, batch)
      at += batch.header.sizeBytes
      if (batch.nextOffset <= this.#files.nextOffset) continue
      if (batch.header.baseOffset !== this.#files.nextOffset) return this.#jump(batch)
      yield* this.#place(batch, entry.kind === 'decision' && this.#beginsSegment(batch, segmentAhead))
      if (this.#files.readOnly) return
    }
  }

  /**
   * The bytes are in the segment, synced before the frame was written; only sectors that they share may have suffered:
   * the last one by what was appended behind them, the first one by a recovery that wrote what lies before them again.
   */
  *#replayExtent(entry: FrameEntry & { kind: 'extent' }): Task<void> {
    const end = entry.position + entry.lengthBytes
    if (entry.nextOffset <= this.#files.nextOffset) return
    mark('extent-replayed')
    yield* this.#goTo(entry.segmentBaseOffset)
    const active = this.#files.segments.active
    if (active === undefined || active.baseOffset !== entry.segmentBaseOffset) {
      return this.#damaged(this.#files.directory, 0, entry.baseOffset, 'CORRUPT_LOG')
    }
    const file = yield* this.#context.files.open(active.logPath, { create: false })
    if (file === undefined) return this.#damaged(active.logPath, entry.position, entry.baseOffset, 'CORRUPT_LOG')
    // An extent that begins below the noted end shares its first sector with bytes that only the segment has: a torn write
    // would take them along. No recovery writes before it there, so it can't have suffered.
    if (entry.baseOffset >= this.#files.nextOffset) writeFully(file, entry.firstSector, entry.position)
    writeFully(file, entry.partialSector, end - entry.partialSector.length)
    let checksum = NO_BATCHES
    for (let position = entry.position; position < end; ) {
      const batch = this.#context.scanner.inFile(file, position, end)
      if (typeof batch === 'string') return this.#damaged(active.logPath, position, this.#files.nextOffset, batch)
      position += batch.header.sizeBytes
      checksum = chainHeader(this.#context.kernel, checksum, batch.bytes)
      if (batch.nextOffset <= this.#files.nextOffset) continue
      if (batch.header.baseOffset !== this.#files.nextOffset) return this.#jump(batch)
      this.#adopt(batch)
    }
    if (checksum !== entry.crc) this.#damaged(active.logPath, entry.position, entry.baseOffset, 'bad-crc')
  }

  /** The run begins in a later segment than the active one: the roll is done again. */
  *#goTo(segmentBaseOffset: number): Task<void> {
    const active = this.#files.segments.active
    if (active === undefined || active.baseOffset < segmentBaseOffset) {
      if (segmentBaseOffset === this.#files.nextOffset) yield* this.#roll()
      else this.#damaged(this.#files.directory, 0, segmentBaseOffset, 'CORRUPT_LOG')
    }
  }

  /** Where the next segment begins, this one ends: what stands behind was never anybody's. */
  *#roll(): Task<void> {
    yield* this.#cutBehind()
    mark('roll-again')
    yield* this.#files.roll(this.#context.kernel, this.#producers.windows())
  }

  /**
   * Whether a decision, whose frame names no place, began a segment: the data behind it says so, or the segment that is there.
   * The topic's config isn't known yet, so that only a decision with nothing behind it may go by the default one.
   */
  #beginsSegment(batch: ScannedBatch, segmentAhead: number | undefined): boolean {
    const { baseOffset } = batch.header
    if (baseOffset <= this.#activeBase()) return false
    if (segmentAhead === baseOffset || this.#segmentsFound.has(baseOffset)) return true
    return segmentAhead === undefined && this.#files.segments.mustRoll(sealedOf(batch))
  }

  *#place(batch: ScannedBatch, beginsSegment: boolean): Task<void> {
    const files = this.#files
    const { header, nextOffset } = batch
    const sealed = sealedOf(batch)
    const aborted = this.#producers.endsTransaction(header, batch.bytes)
    if (files.segments.active === undefined || beginsSegment) {
      const bytes = batch.bytes.slice()
      yield* this.#roll()
      files.segments.place({ ...sealed, bytes })
    } else {
      yield* this.#context.files.reopen(files.segments.active.logPath)
      files.segments.place(sealed)
    }
    if (aborted !== undefined) files.segments.recordAborted(aborted)
    this.#grew(header, nextOffset)
  }

  #grew(header: ScannedBatch['header'], nextOffset: number): void {
    const files = this.#files
    files.learnEpoch(header.partitionLeaderEpoch, header.baseOffset)
    files.nextOffset = nextOffset
    files.changed = true
    if (files.segments.active !== undefined) files.unsynced.add(files.segments.active)
    this.#producers.learn(header)
  }

  /**
   * Of an extent nothing but its first and last sector is written again: the rest was synced before its frame could be
   * written, the frame holds no copy of it, and a write that a crash tears takes synced sectors along.
   */
  #adopt({ header, bytes, nextOffset }: ScannedBatch): void {
    const files = this.#files
    const aborted = this.#producers.endsTransaction(header, bytes)
    files.segments.adopt(sealedOf({ header, bytes, nextOffset }))
    if (aborted !== undefined) files.segments.recordAborted(aborted)
    this.#grew(header, nextOffset)
  }

  /** Rule 6d: batches that no frame names, but that begin where the one before ended, at the next offset. */
  *#keepFurtherBatches(): Task<void> {
    for (;;) {
      const active = this.#files.segments.active
      if (active === undefined) {
        if (!this.#hasSegment(this.#files.nextOffset)) return
        yield* this.#roll()
        continue
      }
      const file = yield* this.#context.files.reopen(active.logPath)
      const batch = this.#context.scanner.inFile(file, active.sizeBytes, file.size())
      if (batch === 'end' && active.nextOffset > active.baseOffset && this.#hasSegment(this.#files.nextOffset)) {
        yield* this.#roll()
        continue
      }
      if (typeof batch === 'string' || batch.header.baseOffset !== this.#files.nextOffset) return
      if (this.#isCoordinator || (batch.header.attributes & ATTRIBUTE_CONTROL) !== 0) {
        mark('decision-without-frame')
        return this.#damaged(active.logPath, active.sizeBytes, batch.header.baseOffset, 'CORRUPT_LOG')
      }
      // No CRC covers the epoch, and no frame names this batch: with another one it is damaged and no continuation.
      if (batch.header.partitionLeaderEpoch !== this.#context.leaderEpoch) return
      mark('further-batch-kept')
      yield* this.#place(batch, false)
    }
  }

  /** Rolls that are done again make none ahead of the active one, so that the first listing still holds. */
  #hasSegment(baseOffset: number): boolean {
    return baseOffset > this.#activeBase() && this.#segmentsFound.has(baseOffset)
  }

  #activeBase(): number {
    return this.#files.segments.active?.baseOffset ?? -1
  }

  *#names(): Task<readonly string[]> {
    const { directory } = this.#files
    const names = yield* perform('list', directory, () => this.#context.store.list(directory))
    if (names.includes(NEXT_SEGMENT)) mark('next-segment-left')
    return names
  }

  #logsAmong(names: readonly string[]): LogFile[] {
    return names
      .map((name) => ({ parsed: parseSegmentFileName(name), path: `${this.#files.directory}/${name}` }))
      .filter(({ parsed }) => parsed?.suffix === 'log')
      .map(({ parsed, path }) => ({ offset: parsed?.offset ?? 0, path }))
  }

  /** What follows the first invalid batch is set aside, then cut. */
  *#cutTail(): Task<void> {
    yield* this.#cutBehind()
    const names = yield* this.#names()
    for (const { offset, path } of this.#logsAmong(names)) {
      if (offset <= this.#activeBase()) continue
      mark('later-segment-set-aside')
      yield* this.#setAside(offset, path)
    }
    yield* removeLoneIndexes(this.#context.store, this.#files, names)
  }

  /** Of the active segment. */
  *#cutBehind(): Task<void> {
    const { active } = this.#files.segments
    if (active === undefined) return
    const file = yield* this.#context.files.reopen(active.logPath)
    if (file.size() <= active.sizeBytes) return
    mark('tail-cut')
    yield* this.#context.setAside.keep(file, active.sizeBytes, file.size())
    file.truncate(active.sizeBytes)
    this.#files.unsynced.add(active)
    this.#files.changed = true
  }

  *#setAside(baseOffset: number, path: string): Task<void> {
    const file: StoreFile | undefined = yield* this.#context.files.open(path, { create: false })
    if (file !== undefined) yield* this.#context.setAside.keep(file, 0, file.size())
    this.#context.files.close(path)
    yield* removeSegment(this.#context.store, this.#files.directory, baseOffset)
    this.#files.directoryChanged()
    this.#files.changed = true
  }

  #jump(batch: ScannedBatch): void {
    this.#damaged(this.#files.directory, 0, batch.header.baseOffset, 'CORRUPT_LOG')
  }

  #isNew(entry: FrameEntry): boolean {
    return (entry.kind === 'batches' || entry.kind === 'decision') && entry.nextOffset > this.#files.nextOffset
  }

  #areMissing(missing: readonly MissingSegment[]): void {
    for (const { file, position, offset, code } of missing) this.#damaged(file, position, offset, code)
  }

  #damaged(file: string, position: number, offset: number, code: string): void {
    const { topic, partition } = this.#files.id
    this.#context.damage.push({ file, position, topic, partition, offset, code })
    this.#files.damaged({ file, position, offset, code })
  }
}

function sealedOf({ header, bytes, nextOffset }: ScannedBatch): SealedBatch {
  return { bytes, baseOffset: header.baseOffset, nextOffset, maxTimestamp: header.maxTimestamp }
}

/** For each entry the segment of the next data behind it. */
function segmentsAhead(entries: readonly FrameEntry[]): readonly (number | undefined)[] {
  let ahead: number | undefined
  return entries
    .toReversed()
    .map((entry) => {
      const behind = ahead
      if (entry.kind === 'batches' || entry.kind === 'extent') ahead = entry.segmentBaseOffset
      return behind
    })
    .toReversed()
}

function mark(name: RecoveryMark): void {
  recoveryMarks.hit(name)
}
