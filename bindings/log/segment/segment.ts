import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { SealedBatch, SegmentConfig } from '../../storage/partition-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { segmentFileName } from '../files/file-names.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { AbortedIndex } from './aborted-index.ts'
import { BATCH_HEADER_BYTES, type BatchFrame, mayFollow, newFrame, readFrame, viewOf } from './batch-frame.ts'
import { chainHeader, NO_BATCHES } from './header-checksum.ts'
import { HeaderScan, headersOf } from './header-scan.ts'
import { NO_INDEX, OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES } from './index-file.ts'
import type { SegmentContext } from './segment-context.ts'
import { damagedSegment, missingSegment } from './segment-damage.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { WAITING_BATCH_BYTES } from './waiting-writes.ts'

/** So much of a segment is held against its noted header checksum when it is first used: within a millisecond. */
const PROVEN_BYTES = 256 * 1024
const RELATIVE_OFFSET_MAX = 0x7fff_ffff
/** Before the first batch of which the epoch is known. */
const ANY_EPOCH: number = Number.NEGATIVE_INFINITY

/** A place between two batches: what may follow there. */
interface Place {
  readonly position: number
  readonly offset: number
  readonly leaderEpoch: number
}

/**
 * One `.log` file with the indexes that lead into it. Its bytes are the truth. What a batch's own CRC leaves out, its
 * offset above all, is checked on every way to it: batches follow each other without a hole (batch-frame.ts).
 */
export class Segment {
  readonly baseOffset: number
  /** Compaction wrote it. */
  readonly isCleaned: boolean
  readonly aborted: AbortedIndex
  readonly #context: SegmentContext
  readonly #indexes: SegmentIndexes
  #logPath: string
  #nextOffset: number
  #sizeBytes: number
  #maxTimestamp: number
  #maxTimestampOffset: number
  #firstTimestamp: number
  #headerChecksum: number
  /** What the checkpoint said of the file, until it was held against it. */
  #unproven: Pick<CheckpointSegment, 'sizeBytes' | 'headerChecksum'> | undefined
  /** Whether the file may be longer than what was placed: so until an append found it isn't. */
  #mayHaveTail = true
  /** The last of what was placed, until its write. */
  #waiting: Uint8Array<ArrayBuffer> | undefined
  #waitingBytes = 0
  /** Nothing more is appended, and the index files don't say all yet: the memory that does is kept until they do. */
  #owesIndexes = false
  /** The log starts behind it: its files are on their way out. */
  #isDropped = false
  /** Where the last read ended: the next one mostly begins there. */
  #readEnd: Place = { position: 0, offset: -1, leaderEpoch: ANY_EPOCH }

  private constructor(context: SegmentContext, directory: string, facts: CheckpointSegment) {
    this.#context = context
    this.baseOffset = facts.baseOffset
    this.isCleaned = facts.isCleaned
    this.#logPath = `${directory}/${segmentFileName(facts.baseOffset, 'log')}`
    this.#nextOffset = facts.nextOffset
    this.#sizeBytes = facts.sizeBytes
    this.#maxTimestamp = facts.maxTimestamp
    this.#maxTimestampOffset = facts.maxTimestampOffset
    this.#firstTimestamp = facts.firstTimestamp
    this.#headerChecksum = facts.headerChecksum
    if (facts.sizeBytes > 0 && facts.sizeBytes <= PROVEN_BYTES) this.#unproven = facts
    this.#indexes = new SegmentIndexes(context, directory, facts)
    this.aborted = new AbortedIndex(`${directory}/${segmentFileName(facts.baseOffset, 'txnindex')}`, facts.abortedIndex)
  }

  static empty(context: SegmentContext, directory: string, baseOffset: number, isCleaned: boolean = false): Segment {
    return new Segment(context, directory, {
      baseOffset,
      nextOffset: baseOffset,
      sizeBytes: 0,
      maxTimestamp: -1,
      maxTimestampOffset: baseOffset,
      firstTimestamp: -1,
      headerChecksum: NO_BATCHES,
      offsetIndex: NO_INDEX,
      timeIndex: NO_INDEX,
      abortedIndex: NO_INDEX,
      isCleaned,
    })
  }

  /** As a checkpoint noted it; its file is opened and its indexes are read when they are needed. */
  static noted(context: SegmentContext, directory: string, facts: CheckpointSegment): Segment {
    return new Segment(context, directory, facts)
  }

  get logPath(): string {
    return this.#logPath
  }

  /** Its file has, or is about to get, another name; it isn't open. Indexes keep theirs. */
  renamed(logPath: string): void {
    this.#logPath = logPath
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** -1 if not known. */
  get firstTimestamp(): number {
    return this.#firstTimestamp
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  facts(): CheckpointSegment {
    return {
      ...this.#indexes.noted,
      baseOffset: this.baseOffset,
      nextOffset: this.#nextOffset,
      sizeBytes: this.#sizeBytes,
      maxTimestamp: this.#maxTimestamp,
      maxTimestampOffset: this.#maxTimestampOffset,
      firstTimestamp: this.#firstTimestamp,
      headerChecksum: this.#headerChecksum,
      abortedIndex: this.aborted.noted,
      isCleaned: this.isCleaned,
    }
  }

  /** The open file; `undefined` when it has to be opened first. */
  get file(): StoreFile | undefined {
    return this.#context.files.get(this.logPath)
  }

  /** Whether appends and reads have what they need; if not, `load` gets it. */
  get isReady(): boolean {
    return this.#indexes.covers(this.#sizeBytes) && this.file !== undefined
  }

  get owesIndexes(): boolean {
    return this.#owesIndexes
  }

  /** The next segment takes the appends from now on; `writeIndexes` is due. */
  close(): void {
    this.#owesIndexes = true
  }

  /** Kafka's rule (LogSegment.shouldRoll; kafka.md 2.4), on record time. An empty segment never rolls for its size. */
  mustRoll(batch: SealedBatch, config: SegmentConfig): boolean {
    if (batch.nextOffset - 1 - this.baseOffset > RELATIVE_OFFSET_MAX) return true
    if (this.#sizeBytes === 0) return false
    return (
      this.#sizeBytes > config.segmentBytes - batch.bytes.length ||
      (this.#firstTimestamp >= 0 && batch.maxTimestamp - this.#firstTimestamp > config.segmentMs) ||
      (this.#indexes.offsetEntries + 1) * OFFSET_ENTRY_BYTES > config.segmentIndexBytes ||
      // One entry stays free, so that the last one, written at the roll, always fits.
      (this.#indexes.timeEntries + 2) * TIME_ENTRY_BYTES > config.segmentIndexBytes
    )
  }

  /**
   * Appends a sealed batch; with `mayWait` the file may get it later, by `writeOut`. When it throws, the segment is as it
   * was. Answers where the batch begins.
   */
  place(file: StoreFile, batch: SealedBatch, config: SegmentConfig, mayWait: boolean = false): number {
    const position = this.#sizeBytes
    if (!mayWait || !this.#keepBack(file, batch.bytes)) this.#writeBehindWaiting(file, batch.bytes)
    this.#learn(position, batch, config)
    return position
  }

  /** In one piece with what waits, where there is room. When it throws, that waits on. */
  #writeBehindWaiting(file: StoreFile, bytes: Uint8Array): void {
    const start = this.#sizeBytes - this.#waitingBytes
    const end = this.#waitingBytes + bytes.length
    if (this.#waiting !== undefined && end <= this.#waiting.length) {
      this.#waiting.set(bytes, this.#waitingBytes)
      this.#write(file, this.#waiting.subarray(0, end), start)
      this.#endWaiting()
      this.#context.files.unpin(this.logPath)
      return
    }
    this.writeOut()
    this.#write(file, bytes, this.#sizeBytes)
  }

  #write(file: StoreFile, bytes: Uint8Array, position: number): void {
    if (this.#mayHaveTail) this.#mayHaveTail = file.size() > position
    try {
      writeFully(file, bytes, position)
    } catch (error) {
      // A tail that recovery hasn't looked at yet must stay; the part written over it was there before.
      if (!this.#mayHaveTail) this.#cutBack(file, position)
      throw error
    }
  }

  /** Whether a batch would wait, with nothing written for it. */
  canKeepBack(sizeBytes: number): boolean {
    const { waiting } = this.#context
    if (sizeBytes > WAITING_BATCH_BYTES || !waiting.isOpen) return false
    return this.#waiting === undefined ? !waiting.isCrowded : this.#waitingBytes + sizeBytes <= this.#waiting.length
  }

  /** Whether the batch waits now for others: it is small, there is room, and its file stays open until it is written. */
  #keepBack(file: StoreFile, bytes: Uint8Array): boolean {
    const { waiting, files } = this.#context
    if (bytes.length > WAITING_BATCH_BYTES || !waiting.isOpen) return false
    if (this.#waiting !== undefined && this.#waitingBytes + bytes.length > this.#waiting.length) this.writeOut()
    if (this.#waiting === undefined) {
      this.#waiting = waiting.begin(this)
      if (this.#waiting === undefined) return false
      files.pin(file.path)
    }
    this.#waiting.set(bytes, this.#waitingBytes)
    this.#waitingBytes += bytes.length
    return true
  }

  /** The file doesn't have all that was placed yet: nothing is to be read from it before `writeOut`. */
  get hasWaiting(): boolean {
    return this.#waiting !== undefined
  }

  /** The file gets what waits, in one piece. When it throws, it waits on. */
  writeOut(): void {
    if (this.#waiting === undefined) return
    const { file } = this
    if (file === undefined) {
      const message = `${this.logPath} was closed before all of it was written`
      throw new LogError('KAFKA_STORAGE_ERROR', message, { file: this.logPath, operation: 'write' })
    }
    this.#write(file, this.#waiting.subarray(0, this.#waitingBytes), this.#sizeBytes - this.#waitingBytes)
    this.#endWaiting()
    this.#context.files.unpin(this.logPath)
  }

  #endWaiting(): void {
    if (this.#waiting !== undefined) this.#context.waiting.end(this, this.#waiting)
    this.#waiting = undefined
    this.#waitingBytes = 0
  }

  /** A batch that stands at the end already, synced: writing it again would only put it at risk. */
  adopt(batch: SealedBatch, config: SegmentConfig): void {
    this.#learn(this.#sizeBytes, batch, config)
  }

  /** A file that can't be cut keeps bytes behind its end, which the next append or recovery replaces. */
  #cutBack(file: StoreFile, sizeBytes: number): void {
    try {
      file.truncate(sizeBytes)
    } catch {
      this.#mayHaveTail = true
    }
  }

  #learn(position: number, batch: SealedBatch, config: SegmentConfig): void {
    const { bytes, nextOffset, maxTimestamp } = batch
    // First of all: the bytes are a view of kernel memory, which an index that grows may move.
    const sizeBytes = bytes.length
    this.#headerChecksum = chainHeader(this.#context.kernel, this.#headerChecksum, bytes)
    if (this.#firstTimestamp < 0) this.#firstTimestamp = maxTimestamp
    if (maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = maxTimestamp
      this.#maxTimestampOffset = nextOffset - 1
    }
    this.#indexes.add({ position, sizeBytes, nextOffset, maxTimestamp }, config.indexIntervalBytes)
    this.#sizeBytes = position + sizeBytes
    this.#nextOffset = nextOffset
  }

  /** The file is open: memory is held no longer than it is. */
  opened(): void {
    this.#context.files.whenClosed(this.logPath, () => this.#releaseMemory())
  }

  /** Opens the file and gets the indexes: from their files as far as they are what was noted, else from the batches. */
  *load(config: SegmentConfig): Task<void> {
    const { files } = this.#context
    const file = yield* files.open(this.logPath, { create: false })
    this.assertKept()
    if (file === undefined) throw missingSegment(this.logPath, this.baseOffset)
    this.opened()
    files.pin(this.logPath)
    try {
      this.writeOut()
      this.#prove(file)
      yield* this.#indexes.load(file, () => this.#sizeBytes, config.indexIntervalBytes)
    } finally {
      files.unpin(this.logPath)
    }
  }

  /** OFFSET_OUT_OF_RANGE, and the file closed, once it was dropped while its file was being opened. */
  assertKept(): void {
    if (!this.#isDropped) return
    this.#context.files.close(this.logPath)
    const details = { file: this.logPath, offset: this.baseOffset }
    throw new LogError('OFFSET_OUT_OF_RANGE', `${this.logPath} lies below the log start`, details)
  }

  /**
   * The bytes that batch CRCs leave out, and by them whose batches these are, are those of the checkpoint (rule 4c). Where
   * batches don't follow each other, the read that meets it names the place.
   */
  #prove(file: StoreFile): void {
    if (this.#unproven === undefined) return
    const { sizeBytes, headerChecksum } = this.#unproven
    const checksum = headersOf(this.#context, file, sizeBytes)
    if (checksum === undefined) return
    if (checksum !== headerChecksum) {
      const message = `${this.logPath} holds other batches than the log's, or one of its batch headers is damaged`
      const fault = { position: 0, offset: this.baseOffset, fault: 'headers-differ' }
      throw damagedSegment(this.logPath, fault, message)
    }
    this.#unproven = undefined
  }

  /**
   * Where the batch that holds `offset`, or the next one after a gap, begins; the size if there is none. What is no batch
   * is a place too: the reader's check names the fault. Throws CORRUPT_MESSAGE where a batch can't follow the one before.
   */
  positionOf(file: StoreFile, offset: number): number {
    const headers = new HeaderScan(this.#context.scratch, file, this.#sizeBytes)
    if (offset === this.#readEnd.offset) return this.#scan(headers, this.#readEnd, offset)
    const hint = this.#indexes.lookup(offset)
    const entry = hint > 0 ? headers.at(hint) : undefined
    if (entry !== undefined && this.#indexes.leadsTo(hint, entry.nextOffset - 1)) {
      return this.#scan(headers, { position: hint, offset: entry.baseOffset, leaderEpoch: ANY_EPOCH }, offset)
    }
    // The entry leads to another place than it says.
    if (hint > 0) this.#indexes.distrust()
    return this.#scan(headers, { position: 0, offset: this.baseOffset, leaderEpoch: ANY_EPOCH }, offset)
  }

  #scan(headers: HeaderScan, from: Place, offset: number): number {
    let { position, offset: expectedOffset, leaderEpoch } = from
    while (position < this.#sizeBytes) {
      const frame = headers.at(position)
      if (frame === undefined) return position
      this.#assertFollows(position, frame, expectedOffset, leaderEpoch)
      const { nextOffset, sizeBytes } = frame
      leaderEpoch = frame.leaderEpoch
      if (nextOffset > offset) {
        if (position === 0 && frame.baseOffset !== this.baseOffset) {
          this.#assertBegins(nextOffset, leaderEpoch, headers.at(sizeBytes))
        }
        return position
      }
      expectedOffset = nextOffset
      position += sizeBytes
    }
    return position
  }

  #assertFollows(position: number, frame: Readonly<BatchFrame>, expectedOffset: number, epochBefore: number): void {
    const isLast = position + frame.sizeBytes === this.#sizeBytes
    const ends = isLast ? frame.nextOffset === this.#nextOffset : frame.nextOffset <= this.#nextOffset
    if (!ends || !mayFollow(frame, expectedOffset, epochBefore, this.isCleaned))
      throw this.#jump(position, expectedOffset)
  }

  /** No batch before the first one says where it begins; if that isn't the segment's own offset, the next one must agree. */
  #assertBegins(nextOffset: number, leaderEpoch: number, second: Readonly<BatchFrame> | undefined): void {
    if (second !== undefined && !mayFollow(second, nextOffset, leaderEpoch, this.isCleaned))
      throw this.#jump(0, this.baseOffset)
  }

  #jump(position: number, expectedOffset: number): LogError<'CORRUPT_MESSAGE'> {
    const message = `${this.logPath} is damaged at ${position}: the batch there can't follow offset ${expectedOffset}`
    return damagedSegment(this.logPath, { position, offset: expectedOffset, fault: 'out-of-order' }, message)
  }

  /**
   * Whole batches from `position` on, which is `asked`'s, as many as `into` holds; minus the first one's size when that doesn't
   * fit.
   */
  readWhole(file: StoreFile, position: number, into: Uint8Array, asked: number): number {
    const wanted = Math.min(into.length, this.#sizeBytes - position)
    const firstBytes = wanted === into.length ? this.#sizeOfBatch(file, position, into) : 0
    if (firstBytes > into.length) return -firstBytes
    const count = wanted < into.length ? file.read(into.subarray(0, wanted), position) : file.read(into, position)
    const view = viewOf(into)
    const frame = newFrame()
    let whole = 0
    let leaderEpoch = ANY_EPOCH
    let offset = -1
    while (whole + BATCH_HEADER_BYTES <= count && readFrame(view, whole, frame) && whole + frame.sizeBytes <= count) {
      if (whole > 0 && !mayFollow(frame, offset, leaderEpoch, this.isCleaned)) break
      whole += frame.sizeBytes
      leaderEpoch = frame.leaderEpoch
      offset = frame.nextOffset
    }
    if (whole > 0) {
      this.#readEnd = { position: position + whole, offset, leaderEpoch }
      return whole
    }
    if (position >= this.#sizeBytes) return 0
    if (into.length < BATCH_HEADER_BYTES) return -BATCH_HEADER_BYTES
    if (count < wanted) throw this.#tooShort(position + count, asked)
    // A batch that isn't one is handed over as it is: the reader's check names the fault.
    return readFrame(view, 0, frame) && position + frame.sizeBytes <= this.#sizeBytes ? -frame.sizeBytes : count
  }

  /** Of the batch at `position`, 0 if none is whole there: one that doesn't fit isn't read in vain. */
  #sizeOfBatch(file: StoreFile, position: number, into: Uint8Array): number {
    const head = into.subarray(0, BATCH_HEADER_BYTES)
    const frame = newFrame()
    if (file.read(head, position) < BATCH_HEADER_BYTES || !readFrame(viewOf(head), 0, frame)) return 0
    return position + frame.sizeBytes <= this.#sizeBytes ? frame.sizeBytes : 0
  }

  #tooShort(end: number, offset: number): LogError<'CORRUPT_MESSAGE'> {
    const message = `${this.logPath} ends at ${end}, ${this.#sizeBytes} bytes were placed in it`
    return damagedSegment(this.logPath, { position: end, offset, fault: 'incomplete' }, message)
  }

  /** Offset of a batch at or before the first record at or after `timestamp` (kafka.md 2.3). */
  seekTimestamp(timestamp: number): number {
    return this.#indexes.lookupTimestamp(timestamp)
  }

  /** Once it is closed, and at the log's close: Kafka's last time entry, and all files. True: the facts have changed. */
  *writeIndexes(): Task<boolean> {
    yield* this.aborted.write(this.#context.store)
    const changed = yield* this.#indexes.write(true)
    this.#owesIndexes = false
    if (!this.#context.files.has(this.logPath)) this.#releaseMemory()
    return changed
  }

  /** A recovery that rolls knows none of the indexes. What damage keeps out of them isn't worth a failure here. */
  *loadForIndexes(config: SegmentConfig): Task<void> {
    if (this.#indexes.covers(this.#sizeBytes)) return
    recoveryMarks.hit('closed-indexes-made-again')
    try {
      yield* this.load(config)
    } catch (error) {
      if (!LogError.is(error, 'CORRUPT_MESSAGE', 'CORRUPT_LOG', 'MEMORY_CAP_REACHED')) throw error
    }
  }

  /** In between, so that a load after a crash finds most of it in the files. True: the facts have changed. */
  *writeGrownIndexes(): Task<boolean> {
    yield* this.aborted.write(this.#context.store)
    return this.#indexes.hasGrown && (yield* this.#indexes.write(false))
  }

  get isDropped(): boolean {
    return this.#isDropped
  }

  /** For good: whoever is on the way to it meets an error, and looks anew where the log starts. */
  drop(): void {
    this.#isDropped = true
    this.release()
  }

  /** A read under way has its file. */
  get isPinned(): boolean {
    return this.#context.files.isPinned(this.logPath)
  }

  /** Gives file and kernel memory back; a later `load` gets them again. */
  release(): void {
    this.#owesIndexes = false
    this.#context.files.close(this.logPath)
    this.#releaseMemory()
  }

  #releaseMemory(): void {
    this.#endWaiting()
    if (this.#owesIndexes) return
    this.#indexes.release()
    this.aborted.release()
  }
}
