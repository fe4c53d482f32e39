import type { OffsetIndex, TimeIndex } from '../../kernel/kernel.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { SealedBatch, SegmentConfig } from '../../storage/partition-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { segmentFileName } from '../files/file-names.ts'
import { BATCH_HEADER_BYTES, type BatchFrame, newFrame, readFrame, viewOf } from './batch-frame.ts'
import { chainHeader, NO_BATCHES } from './header-checksum.ts'
import type { SegmentContext } from './segment-context.ts'

const INT32_MAX = 0x7fff_ffff
const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12
/** Headers are looked for through a window of this size. */
const SCAN_BYTES = 16 * 1024

/** One `.log` file with the indexes that lead into it. Its bytes are the truth, the indexes are hints. */
export class Segment {
  readonly baseOffset: number
  readonly logPath: string
  readonly #context: SegmentContext
  readonly #directory: string
  readonly #offsets: OffsetIndex
  readonly #times: TimeIndex
  #nextOffset: number
  #sizeBytes = 0
  #maxTimestamp = -1
  /** Last offset of the batch that holds the greatest timestamp: the time index names it. */
  #maxTimestampOffset: number
  #firstTimestamp = -1
  #headerChecksum = NO_BATCHES
  #bytesSinceIndexEntry = 0
  /** Whether the indexes say all they can of the batches: not so right after an open. */
  #isIndexed: boolean

  private constructor(context: SegmentContext, directory: string, baseOffset: number, isIndexed: boolean) {
    this.#context = context
    this.#directory = directory
    this.baseOffset = baseOffset
    this.logPath = `${directory}/${segmentFileName(baseOffset, 'log')}`
    this.#nextOffset = baseOffset
    this.#maxTimestampOffset = baseOffset
    this.#isIndexed = isIndexed
    this.#offsets = context.kernel.offsetIndex(baseOffset)
    this.#times = context.kernel.timeIndex(baseOffset)
  }

  static empty(context: SegmentContext, directory: string, baseOffset: number): Segment {
    return new Segment(context, directory, baseOffset, true)
  }

  /** As a checkpoint noted it; its file is opened and its indexes are read when they are needed. */
  static noted(context: SegmentContext, directory: string, facts: CheckpointSegment): Segment {
    const segment = new Segment(context, directory, facts.baseOffset, facts.sizeBytes === 0)
    segment.#nextOffset = facts.nextOffset
    segment.#sizeBytes = facts.sizeBytes
    segment.#maxTimestamp = facts.maxTimestamp
    segment.#maxTimestampOffset = Math.max(facts.baseOffset, facts.nextOffset - 1)
    segment.#firstTimestamp = facts.firstTimestamp
    segment.#headerChecksum = facts.headerChecksum
    return segment
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  facts(): CheckpointSegment {
    return {
      baseOffset: this.baseOffset,
      nextOffset: this.#nextOffset,
      sizeBytes: this.#sizeBytes,
      maxTimestamp: this.#maxTimestamp,
      firstTimestamp: this.#firstTimestamp,
      headerChecksum: this.#headerChecksum,
    }
  }

  /** The open file; `undefined` when it has to be opened first. */
  get file(): StoreFile | undefined {
    return this.#context.files.get(this.logPath)
  }

  /** Kafka's rule (LogSegment.shouldRoll; kafka.md 2.4), on record time. An empty segment never rolls. */
  mustRoll(batch: SealedBatch, config: SegmentConfig): boolean {
    if (this.#sizeBytes === 0) return batch.nextOffset - 1 - this.baseOffset > INT32_MAX
    return (
      this.#sizeBytes > config.segmentBytes - batch.bytes.length ||
      (this.#firstTimestamp >= 0 && batch.maxTimestamp - this.#firstTimestamp > config.segmentMs) ||
      (this.#offsets.entryCount + 1) * OFFSET_ENTRY_BYTES > config.segmentIndexBytes ||
      (this.#times.entryCount + 2) * TIME_ENTRY_BYTES > config.segmentIndexBytes ||
      batch.nextOffset - 1 - this.baseOffset > INT32_MAX
    )
  }

  /** Appends a sealed batch. When it throws, the segment is as it was. Answers where the batch begins. */
  place(file: StoreFile, batch: SealedBatch, config: SegmentConfig): number {
    const position = this.#sizeBytes
    try {
      writeFully(file, batch.bytes, position)
    } catch (error) {
      file.truncate(position)
      throw error
    }
    this.#learn(position, batch, config)
    this.#headerChecksum = chainHeader(this.#context.kernel, this.#headerChecksum, batch.bytes)
    return position
  }

  /** Index rule of Kafka 4.x (kafka.md 2.3): per batch, never the first one; entries lead to the batch's start. */
  #learn(position: number, batch: SealedBatch, config: SegmentConfig): void {
    this.#learnTime(batch.maxTimestamp, batch.nextOffset - 1)
    if (this.#isIndexed && this.#bytesSinceIndexEntry > config.indexIntervalBytes) {
      this.#offsets.append(batch.nextOffset - 1, position)
      this.#times.append(this.#maxTimestamp, this.#maxTimestampOffset)
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += batch.bytes.length
    this.#sizeBytes = position + batch.bytes.length
    this.#nextOffset = batch.nextOffset
  }

  #learnTime(timestamp: number, lastOffset: number): void {
    if (this.#firstTimestamp < 0) this.#firstTimestamp = timestamp
    if (timestamp <= this.#maxTimestamp) return
    this.#maxTimestamp = timestamp
    this.#maxTimestampOffset = lastOffset
  }

  /** Opens the file and gets the indexes: from their files when those hold together, else from the batches. */
  *load(config: SegmentConfig): Task<void> {
    const file = yield* this.#context.files.reopen(this.logPath)
    if (this.#isIndexed) return
    const isRead = (yield* this.#loadIndex('index')) && (yield* this.#loadIndex('timeindex'))
    if (!isRead) this.#rebuild(file, config)
    this.#isIndexed = true
  }

  *#loadIndex(suffix: 'index' | 'timeindex'): Task<boolean> {
    const path = `${this.#directory}/${segmentFileName(this.baseOffset, suffix)}`
    const file = yield* this.#context.files.open(path, { create: false })
    if (file === undefined) return false
    const bytes = new Uint8Array(file.size())
    const count = file.read(bytes, 0)
    this.#context.files.close(path)
    const index = suffix === 'index' ? this.#offsets : this.#times
    if (count !== bytes.length || bytes.length === 0 || !index.load(bytes)) return false
    return suffix === 'timeindex' || this.#isPlausible(bytes)
  }

  /** The last entry must lead into the segment and to an offset of it; lookups verify what they find there. */
  #isPlausible(bytes: Uint8Array): boolean {
    const position = viewOf(bytes).getUint32(bytes.length - 4)
    return position < this.#sizeBytes && this.#offsets.lastOffset < this.#nextOffset
  }

  #rebuild(file: StoreFile, config: SegmentConfig): void {
    this.#offsets.truncateTo(this.baseOffset)
    this.#times.truncateTo(this.baseOffset)
    this.#isIndexed = true
    const sizeBytes = this.#sizeBytes
    this.#maxTimestamp = -1
    this.#firstTimestamp = -1
    this.#bytesSinceIndexEntry = 0
    const headers = new HeaderScan(file, sizeBytes)
    for (let position = 0; position < sizeBytes; ) {
      const frame = headers.at(position)
      if (frame === undefined) break
      this.#learnTime(frame.maxTimestamp, frame.nextOffset - 1)
      if (this.#bytesSinceIndexEntry > config.indexIntervalBytes) {
        this.#offsets.append(frame.nextOffset - 1, position)
        this.#times.append(this.#maxTimestamp, this.#maxTimestampOffset)
        this.#bytesSinceIndexEntry = 0
      }
      this.#bytesSinceIndexEntry += frame.sizeBytes
      position += frame.sizeBytes
    }
  }

  /** Where the batch that holds `offset`, or the next one after a gap, begins; the size if there is none. */
  positionOf(file: StoreFile, offset: number): number {
    const hint = this.#isIndexed ? this.#offsets.lookup(offset) : 0
    return this.#scan(file, hint, offset) ?? this.#scan(file, 0, offset) ?? this.#sizeBytes
  }

  /** `undefined`: what begins at `from` isn't a batch, or one beyond the target (a damaged index led there). */
  #scan(file: StoreFile, from: number, offset: number): number | undefined {
    const headers = new HeaderScan(file, this.#sizeBytes)
    for (let position = from; position < this.#sizeBytes; ) {
      const frame = headers.at(position)
      if (frame === undefined) return from === 0 ? position : undefined
      if (frame.nextOffset > offset)
        return position === from && from > 0 && frame.baseOffset > offset ? undefined : position
      position += frame.sizeBytes
    }
    return from === 0 ? this.#sizeBytes : undefined
  }

  /** Whole batches from `position` on, as many as `into` holds; minus the first one's size when that doesn't fit. */
  readWhole(file: StoreFile, position: number, into: Uint8Array): number {
    const wanted = Math.min(into.length, this.#sizeBytes - position)
    const count = file.read(into.subarray(0, wanted), position)
    const view = viewOf(into)
    const frame = newFrame()
    let whole = 0
    while (whole + BATCH_HEADER_BYTES <= count && readFrame(view, whole, frame) && whole + frame.sizeBytes <= count) {
      whole += frame.sizeBytes
    }
    if (whole > 0 || count < BATCH_HEADER_BYTES) return whole > 0 ? whole : count
    // A batch that isn't one is handed over as it is: the reader's check names the fault.
    return readFrame(view, 0, frame) && position + frame.sizeBytes <= this.#sizeBytes ? -frame.sizeBytes : count
  }

  /** Offset of a batch at or before the first record at or after `timestamp` (kafka.md 2.3). */
  seekTimestamp(timestamp: number): number {
    return this.#isIndexed ? Math.max(this.baseOffset, this.#times.lookup(timestamp)) : this.baseOffset
  }

  /** Writes the derived files; at a roll and at a close. They are never relied on, so nobody syncs them. */
  *writeIndexes(): Task<void> {
    if (!this.#isIndexed || this.#sizeBytes === 0) return
    this.#times.append(this.#maxTimestamp, this.#maxTimestampOffset)
    yield* this.#writeIndex('index', () => this.#offsets.bytes())
    yield* this.#writeIndex('timeindex', () => this.#times.bytes())
  }

  *#writeIndex(suffix: 'index' | 'timeindex', bytes: () => Uint8Array): Task<void> {
    const path = `${this.#directory}/${segmentFileName(this.baseOffset, suffix)}`
    const file = yield* this.#context.files.open(path, { create: true })
    if (file === undefined) return
    const content = bytes()
    writeFully(file, content, 0)
    file.truncate(content.length)
    this.#context.files.close(path)
  }

  /** Gives kernel memory back; a later `load` reads the indexes again. */
  release(): void {
    this.#offsets.free()
    this.#times.free()
    this.#isIndexed = this.#sizeBytes === 0
  }
}

/** Reads batch headers through a window, so that a walk costs a call per window and not per batch. */
class HeaderScan {
  readonly #file: StoreFile
  readonly #sizeBytes: number
  readonly #bytes = new Uint8Array(SCAN_BYTES)
  readonly #view = viewOf(this.#bytes)
  readonly #frame = newFrame()
  #start = 0
  #count = 0

  constructor(file: StoreFile, sizeBytes: number) {
    this.#file = file
    this.#sizeBytes = sizeBytes
  }

  /** The header at `position` if a whole batch of sane numbers begins there. */
  at(position: number): BatchFrame | undefined {
    if (position < this.#start || position + BATCH_HEADER_BYTES > this.#start + this.#count) {
      this.#start = position
      this.#count = this.#file.read(this.#bytes, position)
    }
    if (this.#count < BATCH_HEADER_BYTES) return undefined
    if (!readFrame(this.#view, position - this.#start, this.#frame)) return undefined
    return position + this.#frame.sizeBytes <= this.#sizeBytes ? this.#frame : undefined
  }
}
