import type { Task } from '../../storage/effect.ts'
import { parseSegmentFileName, rewrittenSegment } from '../files/file-names.ts'
import type { FileCache } from '../segment/file-cache.ts'
import type { SegmentList } from '../segment/segment-list.ts'

/** Compares what stands in a partition's directory with the segments that the checkpoint notes. */
export class NotedFiles {
  readonly #segments: SegmentList

  constructor(segments: SegmentList) {
    this.#segments = segments
  }

  /**
   * Whether a file belongs to a segment that the checkpoint doesn't note: one that was begun since, or that compaction
   * replaced. What lies below the first segment is left to retention.
   */
  isForeign(name: string): boolean {
    const parsed = parseSegmentFileName(name)
    if (parsed === undefined || parsed.suffix === 'snapshot') return false
    const { all } = this.#segments
    const isOwn = all.some(({ baseOffset }) => baseOffset === parsed.offset)
    return !isOwn && parsed.offset > (all[0]?.baseOffset ?? 0)
  }

  /**
   * Whether a `.txnindex` holds transactions of an earlier segment with the same name: a crash between the removal of
   * that one and the beginning of the next leaves such a file.
   */
  isStale(name: string): boolean {
    const parsed = parseSegmentFileName(name)
    if (parsed?.suffix !== 'txnindex') return false
    const own = this.#segments.all.find(({ baseOffset }) => baseOffset === parsed.offset)
    return own?.aborted.noted.entryCount === 0
  }

  /**
   * Whether nothing was written since the checkpoint noted these segments. Any write makes the active one longer or
   * begins another; one that a crash tore may have changed the noted last sector. `names`: of the files in the
   * directory.
   */
  *areAsNoted(files: FileCache, names: readonly string[], partialSector: Uint8Array): Task<boolean> {
    const { active } = this.#segments
    if (active === undefined) return false
    const isOdd = (name: string) => rewrittenSegment(name) !== undefined || this.isForeign(name) || this.isStale(name)
    if (names.some(isOdd)) return false
    const file = yield* files.open(active.logPath, { create: false })
    if (file === undefined || file.size() !== active.sizeBytes) return false
    const present = new Uint8Array(partialSector.length)
    file.read(present, active.sizeBytes - partialSector.length)
    return present.every((byte, index) => byte === partialSector[index])
  }
}
