import { LogError } from '../../model/errors.ts'
import { nothing, type Task } from '../../storage/effect.ts'
import { notCreated } from '../../storage/open-file.ts'
import type { SegmentConfig } from '../../storage/partition-source.ts'
import type { AbortedTransaction, SealedBatch } from '../../storage/partition-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { goesOn } from './foreign-file.ts'
import { learnAborted } from './learn-aborted.ts'
import { NextSegmentFile } from './next-segment-file.ts'
import { Segment } from './segment.ts'
import type { SegmentContext } from './segment-context.ts'
import { newerSegment } from './segment-damage.ts'

/** Share of a segment's size from which on the file of the next segment is made ahead. */
const NEARLY_FULL = 0.75

/** The segments of one partition in offset order; the last one is active. */
export class SegmentList {
  readonly #context: SegmentContext
  readonly #directory: string
  readonly #config: () => SegmentConfig
  #segments: Segment[]
  readonly #nextFile: NextSegmentFile
  /** The last segment that a checkpoint notes, until it is known whether it goes on past the noted end. */
  #unseenEnd: Segment | undefined

  constructor(
    context: SegmentContext,
    directory: string,
    config: () => SegmentConfig,
    noted: readonly CheckpointSegment[],
  ) {
    this.#context = context
    this.#directory = directory
    this.#config = config
    this.#nextFile = new NextSegmentFile(context.store, directory)
    this.#segments = noted.map((facts) => Segment.noted(context, directory, facts))
    this.#unseenEnd = this.active
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  get active(): Segment | undefined {
    return this.#segments.at(-1)
  }

  mustRoll(batch: SealedBatch): boolean {
    return this.active?.mustRoll(batch, this.#config()) ?? true
  }

  /**
   * Begins a new active segment; the caller syncs the closed one and the directory later. The closed segment's index
   * files are written with the next checkpoint, so that no append waits for them
   * (docs/decisions/012-what-a-roll-leaves.md).
   */
  *roll(baseOffset: number, isCleaned: boolean = false): Task<void> {
    this.active?.writeOut()
    const segment = Segment.empty(this.#context, this.#directory, baseOffset, { isCleaned })
    yield* this.#nextFile.rename(segment.logPath)
    const file = yield* this.#context.files.open(segment.logPath, { create: true })
    if (file === undefined) throw notCreated(segment.logPath)
    segment.opened()
    // An empty one of the same offset: its file was lost, and this one stands for it.
    if (this.active?.baseOffset === baseOffset) this.#segments.pop()
    this.active?.close()
    this.#segments.push(segment)
  }

  /**
   * Puts `cleaned` in the place of consecutive closed segments. False, with nothing changed, if they aren't in the list
   * any more. The caller keeps the replaced segments until readers and the disk are done with them.
   */
  replace(sources: readonly Segment[], cleaned: Segment): boolean {
    const first = this.#segments.indexOf(sources[0] as Segment)
    const isThere = first >= 0 && sources.every((source, index) => this.#segments[first + index] === source)
    if (!isThere || sources.includes(this.active as Segment)) return false
    this.#segments.splice(first, sources.length, cleaned)
    return true
  }

  /** Whether the active segment is so full that `makeNext` is due. */
  get wantsNext(): boolean {
    return this.#nextFile.isDue
  }

  /** Makes the file for the next roll ahead. */
  makeNext(): Task<void> {
    return this.#nextFile.make()
  }

  /**
   * Appends a batch to the active segment, whose file must be open. With `mayWait` the file may get it later, by
   * `writeOut`. Returns where the batch begins.
   */
  place(batch: SealedBatch, mayWait: boolean = false): number {
    const { active } = this
    const config = this.#config()
    const file = active?.file
    if (active === undefined || file === undefined) {
      throw new LogError('KAFKA_STORAGE_ERROR', `${this.#directory} has no open segment`, { file: this.#directory })
    }
    const position = active.place(file, batch, config, mayWait)
    if (active.sizeBytes > config.segmentBytes * NEARLY_FULL) this.#nextFile.wanted()
    return position
  }

  /**
   * Whether `place` with `mayWait` would buffer the batch now: it needs no new segment, and no file would be written.
   */
  takesNow(batch: SealedBatch): boolean {
    const { active } = this
    return active?.file !== undefined && !this.mustRoll(batch) && active.canBuffer(batch.bytes.length)
  }

  /** Whether batches wait to be written: nothing may be read before `writeOut`. */
  get hasBuffered(): boolean {
    return this.active?.hasBuffered ?? false
  }

  /** Writes what is buffered. If it throws STORAGE_FULL or KAFKA_STORAGE_ERROR, all of it stays buffered. */
  writeOut(): void {
    this.active?.writeOut()
  }

  /** Takes over a batch that stands at the active segment's end already; its head is enough where its size is given. */
  adopt(batch: SealedBatch, sizeBytes: number = batch.bytes.length): void {
    this.active?.adopt(batch, sizeBytes, this.#config())
  }

  /** The segment that holds `offset`, or the next one after a gap. */
  find(offset: number): Segment | undefined {
    return this.#segments[this.#indexOf(offset)]
  }

  #indexOf(offset: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#segments[middle]?.nextOffset ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Whether an append finds all that it needs in memory and open. */
  get isReady(): boolean {
    const { active } = this
    return active !== undefined && active !== this.#unseenEnd && active.isReady
  }

  /** Reads whole batches, across segments. `undefined` if the segment isn't loaded. */
  read(offset: number, into: Uint8Array): number | undefined {
    let done = 0
    let from = offset
    for (let index = this.#indexOf(offset); index < this.#segments.length; index++) {
      const segment = this.#segments[index]
      const file = segment?.file
      if (segment === undefined || file === undefined || !segment.isReady) return done > 0 ? done : undefined
      const position = segment.reads.positionOf(file, from)
      const count = segment.reads.whole(file, position, done > 0 ? into.subarray(done) : into, from)
      if (count <= 0) return done > 0 ? done : count
      done += count
      if (done === into.length || position + count < segment.sizeBytes) break
      from = segment.nextOffset
    }
    return done
  }

  *load(offset: number): Task<void> {
    const segment = this.find(offset) ?? this.active
    try {
      yield* segment?.load(this.#config()) ?? nothing()
    } catch (error) {
      // The next look finds the segment that has replaced it.
      if (segment === undefined || !this.#isReplaced(segment)) throw error
    }
  }

  /** Compaction has put another one in its place, and perhaps removed its file. */
  #isReplaced(segment: Segment): boolean {
    return !segment.isDropped && !this.#segments.includes(segment)
  }

  *loadActive(): Task<void> {
    const { active } = this
    yield* active?.load(this.#config()) ?? nothing()
    if (active === undefined || active !== this.#unseenEnd) return
    if (active.file !== undefined && goesOn(this.#context, active.file, active)) throw newerSegment(active)
    this.#unseenEnd = undefined
  }

  *seekTimestamp(timestamp: number): Task<number | undefined> {
    for (;;) {
      const segment = this.#segments.find((each) => each.maxTimestamp >= timestamp)
      if (segment === undefined) return undefined
      try {
        yield* segment.load(this.#config())
      } catch (error) {
        if (this.#segments.includes(segment)) throw error
      }
      if (this.#segments.includes(segment)) return segment.seekTimestamp(timestamp)
    }
  }

  /** The abort marker at `lastOffset` was placed at the active segment's end. */
  recordAborted(aborted: AbortedTransaction): void {
    this.active?.aborted.add(this.#context.kernel, aborted)
  }

  /**
   * Aborted transactions with records from `fromOffset` to before `upToOffset`, in the order of their markers, which
   * may stand above. `undefined` if they aren't in memory: run `loadAborted` first. Source: Kafka's
   * LocalLog.collectAbortedTransactions.
   */
  abortedBetween(fromOffset: number, upToOffset: number): readonly AbortedTransaction[] | undefined {
    const found: AbortedTransaction[] = []
    for (let index = this.#indexOf(fromOffset); index < this.#segments.length; index++) {
      const aborted = this.#segments[index]?.aborted
      if (aborted?.isLoaded === false) return undefined
      if (aborted?.collect(fromOffset, upToOffset, found) === true) break
    }
    return found
  }

  /**
   * Loads them from their files, or learns them from the batches. A segment that retention drops meanwhile, or
   * compaction replaces, has none that anybody asks for any more.
   */
  *loadAborted(fromOffset: number, upToOffset: number): Task<void> {
    for (const segment of this.#segments.slice(this.#indexOf(fromOffset))) {
      const { aborted } = segment
      if (!aborted.isLoaded) yield* aborted.read(this.#context.store, this.#context.kernel)
      if (!aborted.isLoaded) yield* this.#learnAborted(segment)
      if (aborted.isLoaded && aborted.collect(fromOffset, upToOffset, [])) return
    }
  }

  *#learnAborted(segment: Segment): Task<void> {
    const segments = this.#upTo(segment)
    try {
      yield* learnAborted(this.#context, segments)
    } catch (error) {
      if (!segments.some((each) => this.#isReplaced(each))) throw error
      yield* this.#learnAborted(segment)
    }
  }

  /** The segments up to this one; none if it isn't in the list any more. */
  #upTo(segment: Segment): readonly Segment[] {
    return this.#segments.slice(0, this.#segments.indexOf(segment) + 1)
  }

  /**
   * The log starts above the first segment now: no read finds it any more, and its files may be removed. Never called
   * for the active one.
   */
  dropFirst(): void {
    this.#segments.shift()?.drop()
  }

  /** To be called at a close. True if what a checkpoint notes has changed. */
  *writeIndexes(): Task<boolean> {
    const closedChanged = yield* this.#writeClosedIndexes()
    return (this.active !== undefined && (yield* this.active.writeIndexes())) || closedChanged
  }

  /** To be called before a checkpoint. True if what it notes has changed. */
  *writeGrownIndexes(): Task<boolean> {
    const closedChanged = yield* this.#writeClosedIndexes()
    return (this.active !== undefined && (yield* this.active.writeGrownIndexes())) || closedChanged
  }

  /** Writes the indexes of segments that were closed since the last time, which are the newest closed ones. */
  *#writeClosedIndexes(): Task<boolean> {
    let changed = false
    for (const segment of this.#segments.filter(({ owesIndexes }) => owesIndexes)) {
      yield* segment.loadForIndexes(this.#config())
      if (yield* segment.writeIndexes()) changed = true
    }
    return changed
  }

  get sizeBytes(): number {
    return this.#segments.reduce((total, segment) => total + segment.sizeBytes, 0)
  }

  /** Frees kernel memory and closes files. */
  release(): void {
    for (const segment of this.#segments) segment.release()
  }
}
