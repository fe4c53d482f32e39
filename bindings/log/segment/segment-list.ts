import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { AbortedTransaction, SealedBatch, SegmentConfig } from '../../storage/partition-store.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { NEXT_SEGMENT, parseSegmentFileName, rewrittenSegment } from '../files/file-names.ts'
import { learnAborted } from './learn-aborted.ts'
import { Segment } from './segment.ts'
import type { SegmentContext } from './segment-context.ts'

/** Of a segment's size: from there on the file of the next one is made ahead. */
const NEARLY_FULL = 0.75

/** The segments of one partition in offset order; the last one is active. */
export class SegmentList {
  readonly #context: SegmentContext
  readonly #directory: string
  readonly #config: () => SegmentConfig
  #segments: Segment[]
  /** Where the next segment's file is: made, it waits under a name of its own; refused, there was no room for it. */
  #next: 'none' | 'due' | 'making' | 'made' | 'refused' = 'none'

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

  /**
   * Starts a new active segment; who calls syncs the closed one and the directory later. The closed one's index files come
   * with the next checkpoint, so that no append waits for them (docs/decisions/012-behind-the-roll.md).
   */
  *roll(baseOffset: number, isCleaned: boolean = false): Task<void> {
    this.active?.writeOut()
    const segment = Segment.empty(this.#context, this.#directory, baseOffset, isCleaned)
    yield* this.#nameNext(segment.logPath)
    const file = yield* this.#context.files.open(segment.logPath, { create: true })
    if (file === undefined)
      throw new LogError('KAFKA_STORAGE_ERROR', `can't create ${segment.logPath}`, { file: segment.logPath })
    segment.opened()
    this.active?.close()
    this.#segments.push(segment)
  }

  /**
   * `cleaned` takes the place of closed segments that follow each other. False, with nothing changed, where they aren't those
   * of the list any more. Whoever asks keeps what was replaced until readers and the disk are done with it.
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
    return this.#next === 'due'
  }

  /**
   * Makes the file that the next roll takes: a file that is renamed costs an append a tenth of one that is made. A crash may leave
   * one under the name. Where a rename leaves both names it is a segment itself, so the name goes, and nothing happens to the
   * file. A full disk is no failure here.
   */
  *makeNext(): Task<void> {
    const { store } = this.#context
    if (this.#next !== 'due') return
    this.#next = store.capabilities.rename ? 'making' : 'refused'
    if (this.#next === 'refused') return
    const path = `${this.#directory}/${NEXT_SEGMENT}`
    try {
      yield* perform('remove', path, () => store.remove(path))
      const file = yield* perform('open', path, () => store.open(path, { create: true }))
      file?.close()
      this.#next = file === undefined ? 'refused' : 'made'
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL')) throw error
      this.#next = 'refused'
    }
  }

  /** Only a running log does: a recovery that rolls may find the segment there, with batches. */
  *#nameNext(logPath: string): Task<void> {
    const isMade = this.#next === 'made'
    // One that is being made is for the segment after this one.
    if (this.#next !== 'making') this.#next = 'none'
    if (!isMade) return
    const path = `${this.#directory}/${NEXT_SEGMENT}`
    yield* perform('rename', path, () => this.#context.store.rename(path, logPath))
  }

  /** The active segment's file must be open. `mayWait`: until `writeOut`. Answers where the batch begins. */
  place(batch: SealedBatch, mayWait: boolean = false): number {
    const { active } = this
    const config = this.#config()
    const file = active?.file
    if (active === undefined || file === undefined) {
      throw new LogError('KAFKA_STORAGE_ERROR', `${this.#directory} has no open segment`, { file: this.#directory })
    }
    const position = active.place(file, batch, config, mayWait)
    if (this.#next === 'none' && active.sizeBytes > config.segmentBytes * NEARLY_FULL) this.#next = 'due'
    return position
  }

  /** Whether `place` finds all it needs, and no file is written for it: it may wait. */
  takesNow(batch: SealedBatch): boolean {
    const { active } = this
    return active?.file !== undefined && !this.mustRoll(batch) && active.canKeepBack(batch.bytes.length)
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
      const count = segment.readWhole(file, position, done > 0 ? into.subarray(done) : into, from)
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
    for (;;) {
      const segment = this.#segments.find((each) => each.maxTimestamp >= timestamp)
      if (segment === undefined) return undefined
      try {
        yield* segment.load(this.#config())
      } catch (error) {
        if (!segment.isDropped) throw error
      }
      if (!segment.isDropped) return segment.seekTimestamp(timestamp)
    }
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

  /**
   * Batches that were begun since, or that compaction replaced, and indexes of such; what lies below the first segment is retention's
   * business.
   */
  isForeign(name: string): boolean {
    const parsed = parseSegmentFileName(name)
    if (parsed === undefined || parsed.suffix === 'snapshot') return false
    const isOwn = this.#segments.some(({ baseOffset }) => baseOffset === parsed.offset)
    return !isOwn && parsed.offset > (this.#segments[0]?.baseOffset ?? 0)
  }

  /** Transactions that were aborted in a segment which had the name before: a crash between its removal and the next one's beginning left them. */
  isStale(name: string): boolean {
    const parsed = parseSegmentFileName(name)
    if (parsed?.suffix !== 'txnindex') return false
    const own = this.#segments.find(({ baseOffset }) => baseOffset === parsed.offset)
    return own?.aborted.noted.entryCount === 0
  }

  /**
   * Whether nothing was written since the checkpoint noted these segments: that makes the active one longer, or begins the
   * next one, or a crash that tore it took some of the noted last sector along. `names`: of the directory.
   */
  *isAsNoted(names: readonly string[], partialSector: Uint8Array): Task<boolean> {
    const { active } = this
    if (active === undefined) return false
    const isOdd = (name: string) => rewrittenSegment(name) !== undefined || this.isForeign(name) || this.isStale(name)
    if (names.some(isOdd)) return false
    const file = yield* this.#context.files.open(active.logPath, { create: false })
    if (file === undefined || file.size() !== active.sizeBytes) return false
    const present = new Uint8Array(partialSector.length)
    file.read(present, active.sizeBytes - partialSector.length)
    return present.every((byte, index) => byte === partialSector[index])
  }

  /** The log starts behind the first segment now: nobody finds it any more, and its files may go. Never the active one. */
  dropFirst(): void {
    this.#segments.shift()?.drop()
  }

  /** At a close. True: the facts have changed. */
  *writeIndexes(): Task<boolean> {
    const closedChanged = yield* this.#writeClosedIndexes()
    return (this.active !== undefined && (yield* this.active.writeIndexes())) || closedChanged
  }

  /** Before a checkpoint. True: the facts have changed. */
  *writeGrownIndexes(): Task<boolean> {
    const closedChanged = yield* this.#writeClosedIndexes()
    return (this.active !== undefined && (yield* this.active.writeGrownIndexes())) || closedChanged
  }

  /** Of segments closed since the last time: the newest of the closed ones. */
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

  /** Gives kernel memory and files back. */
  release(): void {
    for (const segment of this.#segments) segment.release()
  }
}

function* nothing(): Task<void> {}
