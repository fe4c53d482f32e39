import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { SegmentConfig } from '../../storage/partition-source.ts'
import type { SealedBatch } from '../../storage/partition-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { segmentFileName } from '../files/file-names.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { AbortedIndex } from './aborted-index.ts'
import type { CachedFile } from './file-cache.ts'
import { NO_BATCHES } from './header-checksum.ts'
import { NO_INDEX, OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES } from './index-file.ts'
import { SegmentBatches } from './segment-batches.ts'
import type { SegmentContext } from './segment-context.ts'
import { missingSegment } from './segment-damage.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { SegmentReads } from './segment-reads.ts'
import { SegmentWrites } from './segment-writes.ts'

const RELATIVE_OFFSET_MAX = 0x7fff_ffff

/**
 * One `.log` file with its indexes. Its bytes are the truth. What a batch's own CRC leaves out, above all its offset,
 * is checked on every way to it: batches follow each other without a gap (batch-head.ts).
 */
export class Segment {
  readonly baseOffset: number
  /** Compaction wrote it. */
  readonly isCleaned: boolean
  readonly aborted: AbortedIndex
  /** The ways through the file to whole batches. */
  readonly reads: SegmentReads
  readonly #context: SegmentContext
  readonly #batches: SegmentBatches
  readonly #indexes: SegmentIndexes
  #logPath: string
  #cached: CachedFile | undefined
  readonly #writes: SegmentWrites
  /** The segment is closed, and its index files aren't complete yet: the indexes stay in memory until they are. */
  #owesIndexes = false
  /** The log starts above the segment: its files are about to be removed. */
  #isDropped = false

  private constructor(context: SegmentContext, directory: string, facts: CheckpointSegment) {
    this.#context = context
    this.baseOffset = facts.baseOffset
    this.isCleaned = facts.isCleaned
    this.#logPath = `${directory}/${segmentFileName(facts.baseOffset, 'log')}`
    this.#batches = new SegmentBatches(context, facts)
    this.#indexes = new SegmentIndexes(context, directory, facts)
    this.#writes = new SegmentWrites(context, this)
    this.reads = new SegmentReads(context, this, this.#indexes)
    this.aborted = new AbortedIndex(`${directory}/${segmentFileName(facts.baseOffset, 'txnindex')}`, facts.abortedIndex)
  }

  static empty(
    context: SegmentContext,
    directory: string,
    baseOffset: number,
    { isCleaned = false }: { readonly isCleaned?: boolean } = {},
  ): Segment {
    return new Segment(context, directory, {
      baseOffset,
      nextOffset: baseOffset,
      sizeBytes: 0,
      maxTimestamp: -1,
      maxTimestampOffset: baseOffset,
      firstTimestamp: -1,
      firstCrc: undefined,
      headerChecksum: NO_BATCHES,
      offsetIndex: NO_INDEX,
      timeIndex: NO_INDEX,
      abortedIndex: NO_INDEX,
      isCleaned,
    })
  }

  /** A segment as a checkpoint noted it. Its file is opened and its indexes are read when they are needed. */
  static noted(context: SegmentContext, directory: string, facts: CheckpointSegment): Segment {
    return new Segment(context, directory, facts)
  }

  get logPath(): string {
    return this.#logPath
  }

  /** The file gets another name, and isn't open. Index files keep theirs. */
  renamed(logPath: string): void {
    this.#logPath = logPath
    this.#cached = undefined
  }

  get nextOffset(): number {
    return this.#batches.nextOffset
  }

  get sizeBytes(): number {
    return this.#batches.sizeBytes
  }

  /** -1 if it isn't known. */
  get firstTimestamp(): number {
    return this.#batches.firstTimestamp
  }

  get maxTimestamp(): number {
    return this.#batches.maxTimestamp
  }

  facts(): CheckpointSegment {
    return {
      ...this.#indexes.noted,
      ...this.#batches.facts(),
      abortedIndex: this.aborted.noted,
      isCleaned: this.isCleaned,
    }
  }

  /** The open file; `undefined` if it must be opened first. */
  get file(): StoreFile | undefined {
    const { files } = this.#context
    if (this.#cached?.file === undefined) this.#cached = files.find(this.#logPath)
    return files.use(this.#cached)
  }

  /** Whether appends and reads have what they need; if not, `load` brings it. */
  get isReady(): boolean {
    return this.#indexes.covers(this.sizeBytes) && this.file !== undefined
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
    if (this.sizeBytes === 0) return false
    return (
      this.sizeBytes > config.segmentBytes - batch.bytes.length ||
      (this.firstTimestamp >= 0 && batch.maxTimestamp - this.firstTimestamp > config.segmentMs) ||
      (this.#indexes.offsetEntries + 1) * OFFSET_ENTRY_BYTES > config.segmentIndexBytes ||
      // One time entry stays free for the last one, which is written at the roll and must fit.
      (this.#indexes.timeEntries + 2) * TIME_ENTRY_BYTES > config.segmentIndexBytes
    )
  }

  /**
   * Appends a sealed batch. With `mayWait` the file may get it later, by `writeOut`. If it throws, the segment is as it
   * was. Returns where the batch begins.
   */
  place(file: StoreFile, batch: SealedBatch, config: SegmentConfig, mayWait: boolean = false): number {
    const position = this.#batches.sizeBytes
    const sizeBytes = batch.bytes.length
    if (!mayWait || !this.#writes.buffer(file, batch.bytes)) this.#writes.write(file, batch.bytes)
    this.#learn(batch, sizeBytes, config)
    return position
  }

  /** Whether `place` with `mayWait` would buffer such a batch without writing anything. */
  canBuffer(sizeBytes: number): boolean {
    return this.#writes.canBuffer(sizeBytes)
  }

  /** Whether the file lacks batches that were placed: nothing may be read from it before `writeOut`. */
  get hasBuffered(): boolean {
    return this.#writes.hasBuffered
  }

  /** Writes what is buffered in one piece. If it throws, it stays buffered. */
  writeOut(): void {
    this.#writes.writeOut()
  }

  /** Takes over a batch that stands at the end already and is synced: writing it again would only put it at risk. */
  adopt(batch: SealedBatch, sizeBytes: number, config: SegmentConfig): void {
    this.#learn(batch, sizeBytes, config)
  }

  #learn({ bytes, nextOffset, maxTimestamp }: SealedBatch, sizeBytes: number, config: SegmentConfig): void {
    const position = this.#batches.sizeBytes
    // Comes first: the batch's bytes are a view of kernel memory, which an index that grows may move.
    this.#batches.add(bytes, sizeBytes, nextOffset, maxTimestamp)
    this.#indexes.add({ position, sizeBytes, nextOffset, maxTimestamp }, config.indexIntervalBytes)
  }

  /** The file is open now. The indexes' memory is kept no longer than the file is open. */
  opened(): void {
    this.#context.files.whenClosed(this.logPath, () => this.#releaseMemory())
  }

  /** Opens the file and loads the indexes, from their files as far as they are as noted, else from the batches. */
  *load(config: SegmentConfig): Task<void> {
    const path = this.logPath
    try {
      yield* this.#loadFrom(path, config)
    } catch (error) {
      if (path === this.logPath) throw error
    }
    // Otherwise compaction gave the file its place meanwhile.
    if (path !== this.logPath) yield* this.load(config)
  }

  *#loadFrom(path: string, config: SegmentConfig): Task<void> {
    const { files } = this.#context
    const file = yield* files.open(path, { create: false })
    this.assertKept()
    if (file === undefined) throw missingSegment(path, this.baseOffset)
    if (path !== this.logPath) return
    this.opened()
    files.pin(path)
    try {
      this.#batches.prove(file, path)
      yield* this.#indexes.load(file, () => this.#writtenBytes(), config.indexIntervalBytes)
    } finally {
      files.unpin(file)
    }
  }

  /** A decision may come to wait while the indexes are loaded. */
  #writtenBytes(): number {
    this.writeOut()
    return this.sizeBytes
  }

  /**
   * OFFSET_OUT_OF_RANGE, with the file closed again, if the segment was dropped while its file was being opened. The
   * name may be another topic's by now.
   */
  assertKept(): void {
    if (!this.#isDropped) return
    this.#context.files.closeUnowned(this.logPath)
    const details = { file: this.logPath, offset: this.baseOffset }
    throw new LogError('OFFSET_OUT_OF_RANGE', `${this.logPath} lies below the log start`, details)
  }

  /** Offset of a batch at or before the first record at or after `timestamp` (kafka.md 2.3). */
  seekTimestamp(timestamp: number): number {
    return this.#indexes.lookupTimestamp(timestamp)
  }

  /**
   * Writes the index files in full, with Kafka's last time entry: once the segment is closed, and when the log is. True
   * if what a checkpoint notes has changed.
   */
  *writeIndexes(): Task<boolean> {
    yield* this.aborted.write(this.#context.store)
    const changed = yield* this.#indexes.write('final')
    this.#owesIndexes = false
    if (!this.#context.files.has(this.logPath)) this.#releaseMemory()
    return changed
  }

  /** A recovery that rolls hasn't loaded the indexes. If damage keeps entries out of them, that is no failure here. */
  *loadForIndexes(config: SegmentConfig): Task<void> {
    if (this.#indexes.covers(this.sizeBytes)) return
    recoveryMarks.hit('closed-indexes-made-again')
    try {
      yield* this.load(config)
    } catch (error) {
      if (!LogError.is(error, 'CORRUPT_MESSAGE', 'CORRUPT_LOG', 'MEMORY_CAP_REACHED')) throw error
    }
  }

  /**
   * Writes the entries so far, so that a load after a crash finds most of them in the files. True if what a checkpoint
   * notes has changed.
   */
  *writeGrownIndexes(): Task<boolean> {
    yield* this.aborted.write(this.#context.store)
    return this.#indexes.hasGrown && (yield* this.#indexes.write('grown'))
  }

  get isDropped(): boolean {
    return this.#isDropped
  }

  /** Drops the segment for good: a read that is about to begin meets an error, and looks again where the log starts. */
  drop(): void {
    this.#isDropped = true
    this.release()
  }

  /** A read that is under way holds its file open. */
  get isPinned(): boolean {
    return this.#context.files.isPinned(this.logPath)
  }

  /** Closes the file and frees kernel memory; a later `load` gets them again. */
  release(): void {
    this.#owesIndexes = false
    this.#context.files.close(this.logPath)
    this.#releaseMemory()
  }

  #releaseMemory(): void {
    this.#writes.forget()
    if (this.#owesIndexes) return
    this.#indexes.release()
    this.aborted.release()
  }
}
