import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { notCreated } from '../../storage/open-file.ts'
import type { SegmentConfig } from '../../storage/partition-source.ts'
import type { Rewrite, SealedBatch } from '../../storage/partition-store.ts'
import { unlessFull } from '../../storage/unless-full.ts'
import { CLEANED_SUFFIX, filesOfSegment, SWAP_SUFFIX, segmentFileName } from '../files/file-names.ts'
import { Segment } from '../segment/segment.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import type { SegmentSwap, StoredFiles } from './stored-files.ts'

/**
 * Segments that are rewritten into one: it is written as `.cleaned`, synced, renamed to `.swap` and read from there.
 * The checkpoint that notes it decides: an opening that finds an older checkpoint drops the file; `finishSwaps`, or an
 * opening that finds a newer one, gives the file its place (docs/decisions/019-compaction.md).
 */
export class SegmentRewrite implements Rewrite {
  readonly #context: SegmentContext
  readonly #files: StoredFiles
  readonly #config: SegmentConfig
  readonly #sources: readonly Segment[]
  readonly #cleaned: Segment
  readonly #finalPath: string
  #file: StoreFile | undefined

  private constructor(context: SegmentContext, files: StoredFiles, config: SegmentConfig, sources: readonly Segment[]) {
    const [first] = sources
    if (first === undefined) throw new LogError('INVALID_REQUEST', 'there is no such segment to rewrite', {})
    this.#context = context
    this.#files = files
    this.#config = config
    this.#sources = sources
    this.#cleaned = Segment.empty(context, files.directory, first.baseOffset, { isCleaned: true })
    this.#finalPath = `${files.directory}/${segmentFileName(first.baseOffset, 'log')}`
    this.#cleaned.renamed(this.#finalPath + CLEANED_SUFFIX)
  }

  static *begin(
    context: SegmentContext,
    files: StoredFiles,
    config: SegmentConfig,
    sources: readonly Segment[],
  ): Task<SegmentRewrite> {
    const rewrite = new SegmentRewrite(context, files, config, sources)
    const { logPath } = rewrite.#cleaned
    const file = yield* context.files.open(logPath, { create: true })
    if (file === undefined) throw notCreated(logPath)
    context.files.pin(logPath)
    rewrite.#cleaned.opened()
    file.truncate(0)
    rewrite.#file = file
    files.rewrite = rewrite
    return rewrite
  }

  append(batch: SealedBatch): void {
    if (this.#file === undefined) throw this.#gone()
    this.#cleaned.place(this.#file, batch, this.#config)
  }

  #gone(): LogError {
    const { topic, partition } = this.#files.id
    const message = `${topic}-${partition} was removed while it was compacted`
    return new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic, partition })
  }

  *exchange(): Task<boolean> {
    const file = this.#file
    if (file === undefined) return false
    const { store, files } = this.#context
    const from = this.#cleaned.logPath
    yield* perform('flush', from, () => file.flush())
    if (this.#file === undefined) return false
    const to = this.#finalPath + SWAP_SUFFIX
    // Until it has this name it can still be abandoned.
    yield* perform('rename', from, () => store.rename(from, to))
    this.#end(file)
    files.close(from)
    this.#cleaned.renamed(to)
    this.#files.directoryChanged()
    if (!this.#files.segments.replace(this.#sources, this.#cleaned)) {
      yield* perform('remove', to, () => store.remove(to))
      this.#cleaned.release()
      return false
    }
    this.#files.swaps.push({ cleaned: this.#cleaned, sources: this.#sources, isNoted: false })
    this.#files.hasChanged = true
    this.#files.isUsed = true
    return true
  }

  *abandon(): Task<void> {
    const path = this.#cleaned.logPath
    if (!this.drop()) return
    yield* perform('remove', path, () => this.#context.store.remove(path))
    this.#files.directoryChanged()
  }

  /** Closes its file: nothing is written to it any more. False if it was closed already. */
  drop(): boolean {
    if (this.#file === undefined) return false
    this.#end(this.#file)
    this.#cleaned.release()
    return true
  }

  /** The new segment's indexes stay in memory until they are written: nothing else has them. */
  #end(file: StoreFile): void {
    this.#file = undefined
    this.#files.rewrite = undefined
    this.#cleaned.close()
    this.#context.files.unpin(file)
  }
}

/**
 * Puts rewritten segments that a durable checkpoint notes in the place of those before them. If these are still being
 * read, or there is no room, it is left to the next time. If a crash comes in between, the next opening finishes it
 * (recovery/settle-swaps.ts). `isClosing`: there is no next time, and who reads is refused.
 */
export function* finishSwaps(context: SegmentContext, files: StoredFiles, isClosing: boolean = false): Task<void> {
  const isBusy = ({ logPath }: Segment) => !isClosing && context.files.isPinned(logPath)
  const due = files.swaps.filter(({ cleaned, sources, isNoted }) => isNoted && ![cleaned, ...sources].some(isBusy))
  if (due.length === 0) return
  for (const swap of due) {
    if (yield* unlessFull(finishSwap(context, files.directory, swap)))
      files.swaps = files.swaps.filter((each) => each !== swap)
  }
  files.directoryChanged()
  yield* files.syncDirectory(context.store)
}

/** Each step can be repeated. */
function* finishSwap(
  { store, files: cache }: SegmentContext,
  directory: string,
  { cleaned, sources }: SegmentSwap,
): Task<void> {
  for (const source of sources) {
    source.release()
    if (source.baseOffset !== cleaned.baseOffset) yield* removeSegment(store, directory, source.baseOffset)
  }
  cache.close(cleaned.logPath)
  yield* takePlace(store, directory, cleaned.baseOffset)
  // A read may have opened it again meanwhile: the next rewritten segment of this name would be taken for that file.
  cache.close(cleaned.logPath)
  cleaned.renamed(`${directory}/${segmentFileName(cleaned.baseOffset, 'log')}`)
}

type Names = Pick<SegmentContext['store'], 'rename' | 'remove'>

/** Removes a whole segment at once; retention does it step by step (store/remove-segments.ts). */
export function* removeSegment(store: Pick<Names, 'remove'>, directory: string, baseOffset: number): Task<void> {
  for (const path of filesOfSegment(directory, baseOffset)) {
    yield* perform('remove', path, () => store.remove(path))
  }
}

/**
 * Gives a rewritten segment its final name. The records of transactions that were aborted in it are gone, so the old
 * `.txnindex` is removed; the other derived files are written anew where they differ.
 */
export function* takePlace(store: Names, directory: string, baseOffset: number): Task<void> {
  const to = `${directory}/${segmentFileName(baseOffset, 'log')}`
  const aborted = `${directory}/${segmentFileName(baseOffset, 'txnindex')}`
  yield* perform('remove', aborted, () => store.remove(aborted))
  yield* perform('rename', to + SWAP_SUFFIX, () => store.rename(to + SWAP_SUFFIX, to))
}
