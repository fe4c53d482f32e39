import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { AbortedTransaction, SealedBatch, SegmentConfig } from '../../storage/partition-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { segmentFileName } from '../files/file-names.ts'
import { learnAborted } from './learn-aborted.ts'
import { Segment } from './segment.ts'
import type { SegmentContext } from './segment-context.ts'

/** The segments of one partition in offset order; the last one is active. */
export class SegmentList {
  readonly #context: SegmentContext
  readonly #directory: string
  readonly #config: () => SegmentConfig
  #segments: Segment[]

  constructor(
    context: SegmentContext,
    directory: string,
    config: () => SegmentConfig,
    noted: readonly CheckpointSegment[],
  ) {
    this.#context = context
    this.#directory = directory
    this.#config = config
    this.#segments = noted.map((facts) => Segment.noted(context, directory, facts))
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

  /** Starts a new active segment. The closed one's indexes are written; who calls syncs it and the directory later. */
  *roll(baseOffset: number): Task<void> {
    const closed = this.active
    closed?.writeOut()
    if (closed !== undefined) yield* closed.writeIndexes()
    const segment = Segment.empty(this.#context, this.#directory, baseOffset)
    const file = yield* this.#context.files.open(segment.logPath, { create: true })
    if (file === undefined)
      throw new LogError('KAFKA_STORAGE_ERROR', `can't create ${segment.logPath}`, { file: segment.logPath })
    this.#segments.push(segment)
  }

  /** The active segment's file must be open. `mayWait`: until `writeOut`. Answers where the batch begins. */
  place(batch: SealedBatch, mayWait: boolean = false): number {
    const { active } = this
    const file = active?.file
    if (active === undefined || file === undefined) {
      throw new LogError('KAFKA_STORAGE_ERROR', `${this.#directory} has no open segment`, { file: this.#directory })
    }
    return active.place(file, batch, this.#config(), mayWait)
  }

  /** Nothing is to be read before `writeOut`. */
  get hasWaiting(): boolean {
    return this.active?.hasWaiting ?? false
  }

  /** Throws STORAGE_FULL or KAFKA_STORAGE_ERROR with all of it still waiting. */
  writeOut(): void {
    this.active?.writeOut()
  }

  /** A batch that stands in the active segment already, at its end. */
  adopt(batch: SealedBatch): void {
    this.active?.adopt(batch, this.#config())
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

  /** Whether an append finds all it needs. */
  get isReady(): boolean {
    return this.active?.isReady ?? false
  }

  /** Whole batches, over the ends of segments. `undefined`: the segment isn't loaded. */
  read(offset: number, into: Uint8Array): number | undefined {
    let done = 0
    let from = offset
    for (let index = this.#indexOf(offset); index < this.#segments.length; index++) {
      const segment = this.#segments[index]
      const file = segment?.file
      if (segment === undefined || file === undefined || !segment.isReady) return done > 0 ? done : undefined
      const position = segment.positionOf(file, from)
      const count = segment.readWhole(file, position, done > 0 ? into.subarray(done) : into)
      if (count <= 0) return done > 0 ? done : count
      done += count
      if (done === into.length || position + count < segment.sizeBytes) break
      from = segment.nextOffset
    }
    return done
  }

  *load(offset: number): Task<void> {
    yield* (this.find(offset) ?? this.active)?.load(this.#config()) ?? nothing()
  }

  *loadActive(): Task<void> {
    yield* this.active?.load(this.#config()) ?? nothing()
  }

  *seekTimestamp(timestamp: number): Task<number | undefined> {
    const segment = this.#segments.find((each) => each.maxTimestamp >= timestamp)
    if (segment === undefined) return undefined
    yield* segment.load(this.#config())
    return segment.seekTimestamp(timestamp)
  }

  /** The abort marker at `lastOffset` was placed at the active segment's end. */
  recordAborted(aborted: AbortedTransaction): void {
    this.active?.aborted.add(this.#context.kernel, aborted)
  }

  /**
   * Aborted transactions with records from `fromOffset` to before `upToOffset`, in the order of their markers, which may
   * stand behind. `undefined`: not in reach, run `loadAborted` first. Source: Kafka's LocalLog.collectAbortedTransactions.
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

  /** From their files, or else from the batches. */
  *loadAborted(fromOffset: number, upToOffset: number): Task<void> {
    for (let index = this.#indexOf(fromOffset); index < this.#segments.length; index++) {
      const segment = this.#segments[index]
      if (segment === undefined) return
      if (!segment.aborted.isLoaded) yield* segment.aborted.read(this.#context.store, this.#context.kernel)
      if (!segment.aborted.isLoaded) yield* learnAborted(this.#context, this.#segments.slice(0, index + 1))
      if (segment.aborted.collect(fromOffset, upToOffset, [])) return
    }
  }

  /** Segments that lie wholly below `offset`, never the active one: removed, the directory is synced by the caller. */
  *deleteBefore(offset: number): Task<void> {
    while (this.#segments.length > 1 && (this.#segments[0]?.nextOffset ?? 0) <= offset) {
      const segment = this.#segments.shift()
      if (segment === undefined) return
      segment.release()
      // The batches go last: a crash in between must not leave derived files without the ones they derive from.
      for (const suffix of ['index', 'timeindex', 'txnindex', 'snapshot', 'log'] as const) {
        const path = `${this.#directory}/${segmentFileName(segment.baseOffset, suffix)}`
        yield* perform('remove', path, () => this.#context.store.remove(path))
      }
    }
  }

  /** At a close. True: the facts have changed. */
  *writeIndexes(): Task<boolean> {
    return this.active !== undefined && (yield* this.active.writeIndexes())
  }

  /** Before a checkpoint. True: the facts have changed. */
  *writeGrownIndexes(): Task<boolean> {
    return this.active !== undefined && (yield* this.active.writeGrownIndexes())
  }

  get sizeBytes(): number {
    return this.#segments.reduce((total, segment) => total + segment.sizeBytes, 0)
  }

  /** Gives kernel memory and files back. */
  release(): void {
    for (const segment of this.#segments) segment.release()
  }
}

function* nothing(): Task<void> {}
