import type { OffsetIndex, TimeIndex } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { NotedIndex, NotedIndexes } from '../checkpoint/checkpoint-record.ts'
import { segmentFileName } from '../files/file-names.ts'
import { BatchWalk, type WalkedBatch, type WalkFault } from './batch-walk.ts'
import {
  type IndexFile,
  NO_INDEX,
  OFFSET_ENTRY_BYTES,
  readIndexFile,
  TIME_ENTRY_BYTES,
  writeIndexFile,
} from './index-file.ts'
import type { SegmentContext } from './segment-context.ts'

export interface IndexedBatch {
  readonly position: number
  readonly sizeBytes: number
  readonly nextOffset: number
  readonly maxTimestamp: number
}

/**
 * Most entries that a released segment keeps outside of the kernel's memory: a few hundred bytes, for the first 256 KiB
 * of batches.
 */
const RELEASED_ENTRIES_MAX = 64

interface ReleasedEntries {
  readonly offsets: Uint8Array
  readonly times: Uint8Array
  readonly coveredBytes: number
  readonly expectedOffset: number
  readonly bytesSinceEntry: number
  readonly maxTimestamp: number
  readonly maxTimestampOffset: number
}

/**
 * With this many unwritten entries (1 MiB of batches, by Kafka's default interval) a walk over their batches is no
 * longer cheap.
 */
const GROWN_ENTRIES = 256

/**
 * The offset and the time index of one segment. They are hints; only the batches decide. What the files hold is used
 * only if it is what the checkpoint noted, and batches after the last entry are walked: so a lost, stale, damaged or
 * foreign file costs nothing but time. Entries follow Kafka's rule since 4.0 (kafka.md 2.3): at most one for each
 * batch, none for a segment's first batch, and each leads to the start of a batch.
 */
export class SegmentIndexes {
  readonly #context: SegmentContext
  readonly #baseOffset: number
  readonly #offsetFile: IndexFile
  readonly #timeFile: IndexFile
  readonly #offsets: OffsetIndex
  readonly #times: TimeIndex
  readonly #isCleaned: boolean
  #noted: NotedIndexes
  /** Whether the noted entries are in memory. */
  #isRead = false
  /** Whether the files end with the noted entries, as far as is known: a crash may have left later ones after them. */
  #isExact = false
  /** Batches up to this position are in the index. */
  #coveredBytes = 0
  #expectedOffset: number
  #bytesSinceEntry = 0
  #maxTimestamp = -1
  #maxTimestampOffset: number
  #fault: WalkFault | undefined
  /**
   * The entries of a small index between a release and the next load: so where many partitions are used in turn, each
   * needn't walk its batches every time.
   */
  #released: ReleasedEntries | undefined

  constructor(
    context: SegmentContext,
    directory: string,
    { baseOffset, isCleaned, ...noted }: NotedIndexes & { readonly baseOffset: number; readonly isCleaned: boolean },
  ) {
    this.#context = context
    this.#baseOffset = baseOffset
    this.#isCleaned = isCleaned
    const pathOf = (suffix: 'index' | 'timeindex') => `${directory}/${segmentFileName(baseOffset, suffix)}`
    this.#offsetFile = { path: pathOf('index'), entryBytes: OFFSET_ENTRY_BYTES }
    this.#timeFile = { path: pathOf('timeindex'), entryBytes: TIME_ENTRY_BYTES }
    this.#offsets = context.kernel.offsetIndex(baseOffset)
    this.#times = context.kernel.timeIndex(baseOffset)
    this.#noted = { offsetIndex: noted.offsetIndex, timeIndex: noted.timeIndex }
    this.#expectedOffset = baseOffset
    this.#maxTimestampOffset = baseOffset
    // Without noted entries there is nothing to read.
    this.#isRead = noted.offsetIndex.entryCount + noted.timeIndex.entryCount === 0
  }

  get offsetEntries(): number {
    return this.#offsets.entryCount
  }

  get timeEntries(): number {
    return this.#times.entryCount
  }

  /** What a checkpoint can say of the files. */
  get noted(): NotedIndexes {
    return this.#noted
  }

  /** Whether the index says all it can of a segment of that size. Past damage there is nothing to say. */
  covers(sizeBytes: number): boolean {
    return this.#isRead && (this.#coveredBytes >= sizeBytes || this.#fault !== undefined)
  }

  /** Whether the files lack enough entries that it is time to write them. */
  get hasGrown(): boolean {
    return this.#isRead && this.#offsets.entryCount - this.#noted.offsetIndex.entryCount >= GROWN_ENTRIES
  }

  /**
   * Adds an entry for the next batch, if one is due. A batch that isn't the next one is left to a later walk, and
   * without memory the entry is left out.
   */
  add(batch: IndexedBatch, intervalBytes: number): void {
    if (!this.#isRead || batch.position !== this.#coveredBytes) return
    const lastOffset = batch.nextOffset - 1
    if (batch.maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = batch.maxTimestamp
      this.#maxTimestampOffset = lastOffset
    }
    if (this.#bytesSinceEntry > intervalBytes) {
      // A later load goes on after the last offset entry, so by then the time index must know all batches before it.
      if (this.#appendTime(this.#maxTimestamp, this.#maxTimestampOffset)) {
        this.#offsets.append(lastOffset, batch.position)
      }
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += batch.sizeBytes
    this.#coveredBytes += batch.sizeBytes
    this.#expectedOffset = batch.nextOffset
  }

  /** False without memory. */
  #appendTime(timestamp: number, offset: number): boolean {
    return timestamp <= this.#times.lastTimestamp || this.#times.append(timestamp, offset)
  }

  /** Where to begin looking for `offset`: the start of the segment, or of the batch that an entry leads to. */
  lookup(offset: number): number {
    return this.#isRead ? this.#offsets.lookup(offset) : 0
  }

  /** Whether an entry says that the batch at `position` ends with `lastOffset`. */
  leadsTo(position: number, lastOffset: number): boolean {
    return this.#offsets.lookup(lastOffset) === position && this.#offsets.lookup(lastOffset - 1) !== position
  }

  /**
   * An offset at or before the first record at or after `timestamp`: up to an entry's offset no record has a later time
   * than the entry.
   */
  lookupTimestamp(timestamp: number): number {
    return this.#isRead ? this.#times.lookup(timestamp - 1) : this.#baseOffset
  }

  /** Loads until `covers` is true, as far as there is memory. Several loads at once share the work. */
  *load(file: StoreFile, sizeBytes: () => number, intervalBytes: number): Task<void> {
    this.#restore()
    if (!this.#isRead) yield* this.#read()
    while (!this.covers(sizeBytes())) {
      yield* perform('read', file.path, () => this.#walkOn(file, sizeBytes(), intervalBytes))
    }
  }

  *#read(): Task<void> {
    const { offsetIndex, timeIndex } = this.#noted
    const offsets = yield* readIndexFile(this.#context, this.#offsetFile, offsetIndex)
    const times = yield* readIndexFile(this.#context, this.#timeFile, timeIndex)
    if (this.#isRead) return
    if (offsets === undefined || times === undefined) return this.distrust()
    if (!this.#offsets.load(offsets) || !this.#times.load(times)) {
      this.#offsets.free()
      const { path } = this.#offsetFile
      throw new LogError('MEMORY_CAP_REACHED', `no memory for ${path}`, { file: path })
    }
    this.#isRead = true
    this.#isExact = false
    if (offsets.length === 0) return
    // The last entry's batch is walked again, because the interval to the next entry counts from it.
    this.#coveredBytes = this.#offsets.lookup(this.#offsets.lastOffset)
  }

  #walkOn(file: StoreFile, sizeBytes: number, intervalBytes: number): void {
    const from = this.#coveredBytes
    const range = { from, to: sizeBytes, expectedOffset: this.#expectedOffset, isCleaned: this.#isCleaned }
    const walk = new BatchWalk(this.#context, file, range)
    // The noted entries lead to batches of other offsets: another log's file took the segment's place.
    let isMisled = false
    walk.step((batch: WalkedBatch) => {
      const { position, nextOffset, header } = batch
      const { sizeBytes: batchBytes, maxTimestamp } = header
      isMisled ||= nextOffset <= this.#offsets.lastOffset
      if (!isMisled) this.add({ position, sizeBytes: batchBytes, nextOffset, maxTimestamp }, intervalBytes)
    })
    this.#fault = walk.fault
    if (isMisled) this.distrust()
  }

  /** The noted entries turned out to be wrong: all entries are learned from the batches again. */
  distrust(): void {
    this.release()
    this.#released = undefined
    this.#noted = { offsetIndex: NO_INDEX, timeIndex: NO_INDEX }
    this.#isRead = true
    this.#isExact = false
  }

  /**
   * Brings the files up to date. `final`, at a roll and at a close: adds Kafka's last time entry for the segment's
   * greatest timestamp and cuts off any bytes after it. Then the files exist even if they are empty, because Kafka
   * takes a missing one for damage. A full disk is no failure here. Returns whether what a checkpoint can note has
   * changed.
   */
  *write(state: 'grown' | 'final'): Task<boolean> {
    if (!this.#isRead) return false
    const isFinal = state === 'final'
    if (isFinal) this.#appendTime(this.#maxTimestamp, this.#maxTimestampOffset)
    const context = this.#context
    const before = this.#noted
    const isDue = (count: number, noted: NotedIndex) => count !== noted.entryCount || (isFinal && !this.#isExact)
    try {
      let { offsetIndex, timeIndex } = before
      if (isDue(this.#offsets.entryCount, offsetIndex)) {
        offsetIndex = yield* writeIndexFile(context, this.#offsetFile, this.#offsets, offsetIndex)
      }
      if (isDue(this.#times.entryCount, timeIndex)) {
        timeIndex = yield* writeIndexFile(context, this.#timeFile, this.#times, timeIndex)
      }
      // Released or distrusted meanwhile: what was written is no longer what counts.
      if (!this.#isRead || this.#noted !== before) return false
      this.#noted = { offsetIndex, timeIndex }
      this.#isExact ||= isFinal
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL')) throw error
      return false
    }
    const after = this.#noted
    return (
      after.offsetIndex.entryCount !== before.offsetIndex.entryCount ||
      after.timeIndex.entryCount !== before.timeIndex.entryCount
    )
  }

  #keep(): void {
    const isSmall = this.#offsets.entryCount + this.#times.entryCount <= RELEASED_ENTRIES_MAX
    if (!this.#isRead || !isSmall || this.#fault !== undefined || this.#coveredBytes === 0) return
    this.#released = {
      offsets: this.#offsets.bytes().slice(),
      times: this.#times.bytes().slice(),
      coveredBytes: this.#coveredBytes,
      expectedOffset: this.#expectedOffset,
      bytesSinceEntry: this.#bytesSinceEntry,
      maxTimestamp: this.#maxTimestamp,
      maxTimestampOffset: this.#maxTimestampOffset,
    }
  }

  #restore(): void {
    const released = this.#released
    this.#released = undefined
    // There were no noted entries: meanwhile the batches may have been walked, or added to.
    if (released === undefined || this.#coveredBytes > 0) return
    if (!this.#offsets.load(released.offsets) || !this.#times.load(released.times)) return this.#offsets.free()
    this.#isRead = true
    this.#coveredBytes = released.coveredBytes
    this.#expectedOffset = released.expectedOffset
    this.#bytesSinceEntry = released.bytesSinceEntry
    this.#maxTimestamp = released.maxTimestamp
    this.#maxTimestampOffset = released.maxTimestampOffset
  }

  /**
   * Frees the kernel's memory. `load` fills it again from the entries that were kept, or from the files and the
   * batches.
   */
  release(): void {
    this.#keep()
    this.#offsets.free()
    this.#times.free()
    const { offsetIndex, timeIndex } = this.#noted
    this.#isRead = offsetIndex.entryCount + timeIndex.entryCount === 0
    this.#coveredBytes = 0
    this.#expectedOffset = this.#baseOffset
    this.#bytesSinceEntry = 0
    this.#maxTimestamp = -1
    this.#maxTimestampOffset = this.#baseOffset
    this.#fault = undefined
  }
}
