import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { AbortedTransaction } from '../../storage/partition-store.ts'
import type { SegmentList } from '../segment/segment-list.ts'
import type { StoreParts } from './store-parts.ts'

/** Reads of what the partitions' segments have. Batches that wait to be written are written first. */
export class StoredReads {
  readonly #parts: StoreParts
  readonly #partitions: StoreParts['partitions']

  constructor(parts: StoreParts) {
    this.#parts = parts
    this.#partitions = parts.partitions
  }

  /** See `PartitionStore.read`. */
  read(id: PartitionIdentity, offset: number, into: Uint8Array): number | undefined {
    const segments = this.#partitions.get(id)?.segments
    if (segments === undefined) return 0
    return segments.hasBuffered ? undefined : segments.read(offset, into)
  }

  *prepare(id: PartitionIdentity, offset: number, abortedUpTo?: number): Task<void> {
    const { segments } = this.#parts.files(id)
    yield* this.afterWriteOut(segments, () => segments.load(offset))
    if (abortedUpTo !== undefined) yield* this.afterWriteOut(segments, () => segments.loadAborted(offset, abortedUpTo))
  }

  abortedBetween(
    id: PartitionIdentity,
    fromOffset: number,
    upToOffset: number,
  ): readonly AbortedTransaction[] | undefined {
    const files = this.#partitions.get(id)
    return files === undefined ? [] : files.segments.abortedBetween(fromOffset, upToOffset)
  }

  locate(id: PartitionIdentity, offset: number): { file: string; position: number } | undefined {
    const segment = this.#partitions.get(id)?.segments.find(offset)
    const file = segment?.file
    if (segment === undefined || file === undefined) return undefined
    return { file: segment.logPath, position: segment.reads.positionOf(file, offset) }
  }

  *seekTimestamp(id: PartitionIdentity, timestamp: number): Task<number | undefined> {
    const { segments } = this.#parts.files(id)
    return yield* this.afterWriteOut(segments, () => segments.seekTimestamp(timestamp))
  }

  /**
   * What waits is written before a file is read. It has its room in the reserve, so a full disk is no failure of the
   * read, also where a decision came to wait meanwhile: once the reserve was asked none does any more.
   */
  *afterWriteOut<T>(segments: SegmentList, work: () => Task<T>): Task<T> {
    yield* this.#writeOut(segments)
    try {
      return yield* work()
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL')) throw error
      yield* this.#writeOut(segments)
      return yield* work()
    }
  }

  *#writeOut(segments: SegmentList): Task<void> {
    if (segments.hasBuffered) yield* this.#parts.reserve.guardWriteOut(() => segments.writeOut())
  }
}
