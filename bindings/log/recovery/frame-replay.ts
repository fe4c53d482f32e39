import { writeFully } from '../../storage/checked-write.ts'
import type { Task } from '../../storage/effect.ts'
import type { LocatedEntry } from '../journal/scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import type { ScannedBatch } from '../segment/batch-scanner.ts'
import { chainHeader, NO_BATCHES } from '../segment/header-checksum.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { type RecoveredEnd, sealedOf } from './recovered-end.ts'
import type { RecoveryContext } from './recovery-context.ts'

/**
 * Brings back the batches of a partition that frames hold, or name in its segments, in the order in which they were
 * written.
 */
export class FrameReplay {
  readonly #context: RecoveryContext
  readonly #end: RecoveredEnd
  readonly #files: StoredFiles
  readonly #segmentsFound: ReadonlySet<number>

  constructor(context: RecoveryContext, end: RecoveredEnd, segmentsFound: ReadonlySet<number>) {
    this.#context = context
    this.#end = end
    this.#files = end.files
    this.#segmentsFound = segmentsFound
  }

  /** Batches that a frame holds itself. `segmentAhead`: see `segmentsAhead`. */
  *bytes(entry: LocatedEntry & { kind: 'batches' | 'decision' }, segmentAhead: number | undefined): Task<void> {
    if (entry.nextOffset <= this.#files.nextOffset) return
    recoveryMarks.hit(entry.kind === 'decision' ? 'decision-replayed' : 'batches-replayed')
    if (entry.kind === 'batches') yield* this.#goTo(entry.segmentBaseOffset)
    const { scanner, files } = this.#context
    scanner.load(yield* files.reopen(entry.file), entry.bytesAt, entry.lengthBytes)
    for (let at = 0; at < entry.lengthBytes; ) {
      const batch = scanner.loaded(at)
      if (typeof batch === 'string') {
        return this.#end.damaged(entry.file, entry.bytesAt + at, this.#files.nextOffset, batch)
      }
      at += batch.header.sizeBytes
      if (batch.nextOffset <= this.#files.nextOffset) continue
      if (batch.header.baseOffset !== this.#files.nextOffset) return this.#end.jump(batch)
      const beginsSegment = entry.kind === 'decision' && this.#beginsSegment(batch, segmentAhead)
      yield* this.#end.place(batch, beginsSegment)
      if (this.#files.readOnly) return
    }
  }

  /**
   * The bytes are in the segment, synced before the frame was written. Only sectors that they share with other batches
   * may be damaged: the last one by what was appended after them, the first one by a recovery that rewrote what lies
   * before them.
   */
  *extent(entry: LocatedEntry & { kind: 'extent' }): Task<void> {
    const end = entry.position + entry.lengthBytes
    if (entry.nextOffset <= this.#files.nextOffset) return
    recoveryMarks.hit('extent-replayed')
    yield* this.#goTo(entry.segmentBaseOffset)
    const active = this.#files.segments.active
    const lost = { file: this.#files.directory, position: 0, offset: this.#files.nextOffset, code: 'CORRUPT_LOG' }
    if (active?.baseOffset !== entry.segmentBaseOffset) return this.#end.leaveGap(lost, entry.nextOffset)
    const file = yield* this.#context.files.open(active.logPath, { create: false })
    if (file === undefined) return this.#end.leaveGap({ ...lost, file: active.logPath }, entry.nextOffset)
    // An extent that begins below the noted end shares its first sector with bytes that only the segment has: a torn
    // write would destroy them. No recovery rewrites what lies before it there, so that sector can't be damaged.
    if (entry.baseOffset >= this.#files.nextOffset) writeFully(file, entry.firstSector, entry.position)
    writeFully(file, entry.partialSector, end - entry.partialSector.length)
    let checksum = NO_BATCHES
    let isWhole = true
    for (let position = entry.position; position < end; ) {
      const batch = this.#context.scanner.inFile(file, position, end)
      if (typeof batch === 'string' || !this.#follows(batch)) {
        const code = typeof batch === 'string' ? batch : 'CORRUPT_LOG'
        this.#end.lost.push({ file: active.logPath, position, offset: this.#files.nextOffset, code })
        position = this.#end.passOver(file, position, end, entry.nextOffset)
        isWhole = false
        continue
      }
      position += batch.header.sizeBytes
      checksum = chainHeader(this.#context.kernel, checksum, batch.bytes)
      if (batch.nextOffset > this.#files.nextOffset) this.#end.adopt(batch)
    }
    if (checksum === entry.crc || !isWhole) return
    this.#end.lost.push({ file: active.logPath, position: entry.position, offset: entry.baseOffset, code: 'bad-crc' })
  }

  /** Whether a batch of an extent is there already, or goes on where the partition ends. */
  #follows({ header, nextOffset }: ScannedBatch): boolean {
    return nextOffset <= this.#files.nextOffset || header.baseOffset === this.#files.nextOffset
  }

  /** The run begins in a later segment than the active one: the roll is done again. */
  *#goTo(segmentBaseOffset: number): Task<void> {
    const active = this.#files.segments.active
    if (active === undefined || active.baseOffset < segmentBaseOffset) {
      if (segmentBaseOffset === this.#files.nextOffset) yield* this.#end.roll()
      else this.#end.damaged(this.#files.directory, 0, segmentBaseOffset, 'CORRUPT_LOG')
    }
  }

  /**
   * Whether a decision, whose frame names no place, began a segment: the data after it tells, or the segment that is
   * there. The topic's config may have changed since, so it decides only for a decision with nothing after it.
   */
  #beginsSegment(batch: ScannedBatch, segmentAhead: number | undefined): boolean {
    const { baseOffset } = batch.header
    if (baseOffset <= this.#end.activeBase) return false
    if (segmentAhead === baseOffset || this.#segmentsFound.has(baseOffset)) return true
    return segmentAhead === undefined && this.#files.segments.mustRoll(sealedOf(batch))
  }
}

/** For each entry, the segment of the next data after it. */
export function segmentsAhead(entries: readonly LocatedEntry[]): readonly (number | undefined)[] {
  let ahead: number | undefined
  return entries
    .toReversed()
    .map((entry) => {
      const aheadOfEntry = ahead
      if (entry.kind === 'batches' || entry.kind === 'extent') ahead = entry.segmentBaseOffset
      return aheadOfEntry
    })
    .toReversed()
}
