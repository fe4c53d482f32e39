import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import type { Compactable, Rewrite } from '../../storage/partition-store.ts'
import { unlessFull } from '../../storage/unless-full.ts'
import type { Segment } from '../segment/segment.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import { finishSwaps, SegmentRewrite } from '../stored-files/segment-rewrite.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'

/**
 * The part of compaction that concerns files: which segments may be rewritten, and which rewritten ones wait to take
 * their place.
 */
export class Compactions {
  readonly #context: SegmentContext
  readonly #source: PartitionSource
  /** Partitions with rewritten segments that wait for their place. */
  readonly #waiting = new Set<StoredFiles>()

  constructor(context: SegmentContext, source: PartitionSource) {
    this.#context = context
    this.#source = source
  }

  /**
   * No segment of a partition that can't be written to, or whose rewritten segments still wait for their place: to
   * rewrite them again would take their names while a checkpoint may note them.
   */
  compactable(files: StoredFiles | undefined): Compactable {
    if (files === undefined || files.readOnly) return { cleanedOffset: 0, segments: [] }
    return { cleanedOffset: files.cleanedOffset, segments: files.swaps.length > 0 ? [] : closedSegments(files) }
  }

  *rewrite(files: StoredFiles, baseOffset: number, nextOffset: number): Task<Rewrite> {
    const isSource = (each: Segment) => each.baseOffset >= baseOffset && each.nextOffset <= nextOffset
    const sources = closedSegments(files).filter(isSource)
    this.#waiting.add(files)
    return yield* SegmentRewrite.begin(this.#context, files, this.#source.segmentConfig(files.id), sources)
  }

  *cleaned(files: StoredFiles, offset: number): Task<void> {
    files.cleanedOffset = offset
    files.hasChanged = true
    yield* letOthersRun()
  }

  /** Old and new segments both take room until a checkpoint decides between them. */
  get wantsCheckpoint(): boolean {
    for (const { swaps } of this.#waiting) if (swaps.some(({ isNoted }) => !isNoted)) return true
    return false
  }

  /** Whether rewritten segments wait for their place. */
  get areWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Called after a durable checkpoint: rewritten segments that it notes take their place. */
  *finish(isClosing: boolean = false): Task<void> {
    for (const files of this.#waiting) {
      yield* finishSwaps(this.#context, files, isClosing)
      if (files.swaps.length === 0 && files.rewrite === undefined) this.#waiting.delete(files)
    }
  }

  /**
   * Called after the last checkpoint: abandons a pass that is under way. What there is no room to remove of it stays, as
   * after a kill: no open takes it for a segment.
   */
  *close(): Task<void> {
    for (const { rewrite } of this.#waiting) if (rewrite !== undefined) yield* unlessFull(rewrite.abandon())
    yield* this.finish(true)
  }

  /** The partition's topic is deleted. */
  forget(files: StoredFiles): void {
    this.#waiting.delete(files)
    files.rewrite?.drop()
    for (const { sources } of files.swaps) for (const source of sources) source.release()
  }
}

/** All segments but the active one and those that frames after the newest durable checkpoint may name. */
function closedSegments({ segments, checkpointedOffset }: StoredFiles): readonly Segment[] {
  return segments.all.slice(0, -1).filter(({ nextOffset }) => nextOffset <= checkpointedOffset)
}
