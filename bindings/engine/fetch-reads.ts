import type { FetchedPartition, FetchRequest, TopicPosition } from '../broker/reader-session.ts'
import { type BatchMemory, SharedBlocks } from '../model/batch-memory.ts'
import { LogError } from '../model/errors.ts'
import type { IsolationLevel, Position } from '../model/positions.ts'
import type { AskedPosition, FetchPositions } from './fetch-positions.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { outOfRange } from './out-of-range.ts'
import { assertSameTopic } from './same-topic.ts'
import type { Topics } from './topics.ts'

/**
 * A batch that the store has to read into memory first, and the offset up to which its aborted transactions are needed.
 */
export interface MissingBatch {
  readonly hosted: HostedPartition
  readonly offset: number
  readonly abortedUpTo: number | undefined
}

/** What the partitions of a fetch have, as far as it is in memory. */
export interface FetchRead {
  readonly partitions: FetchedPartition[]
  /** There is something to answer: records, a position that moves without any, or an error. */
  readonly hasMoved: boolean
  /**
   * Positions whose batches must be read into memory first, in the order of the request; empty if there is something to
   * answer already.
   */
  readonly missing: readonly MissingBatch[]
}

interface PositionRead {
  /** `undefined` where there is nothing that a fetch that waits is told of. */
  readonly fetched: FetchedPartition | undefined
  readonly sizeBytes: number
  readonly missing: MissingBatch | undefined
}

const NOTHING: PositionRead = { fetched: undefined, sizeBytes: 0, missing: undefined }

/** Partitions that can't be read. */
type Unreachable = ReadonlyMap<HostedPartition, LogError> | undefined

export interface FetchReadHooks {
  readonly topics: Pick<Topics, 'partition' | 'facts'>
  /** A reader waits for records that a higher ceiling would show (durability rule 5). */
  wantShown(partition: HostedPartition): void
}

/** Where positions wait whose partitions have nothing for them: not looked at until these advance. */
export interface Parking {
  park(asked: AskedPosition, partition: HostedPartition): void
}

/**
 * Positions of one fetch that are read into memory at once. Without a bound a reader of thousands of partitions would
 * look at all of them again for each one that has to be read from files.
 */
const PREPARING_MAX = 16

/** Reads what fetches ask for out of their partitions. */
export class FetchReads {
  readonly #hooks: FetchReadHooks
  readonly #parking: Parking
  /** For fetches whose reader lends no memory of its own. */
  readonly #blocks: BatchMemory = new SharedBlocks()

  constructor(hooks: FetchReadHooks, parking: Parking) {
    this.#hooks = hooks
    this.#parking = parking
  }

  /** Looks at the positions of the request that may have something. */
  read(request: FetchRequest, { ready }: FetchPositions, unreachable: Unreachable): FetchRead {
    request.memory?.reclaim()
    const partitions: FetchedPartition[] = []
    const wanted: MissingBatch[] = []
    let remaining = request.maxBytes
    let hasMoved = false
    for (let asked = ready.first, next = asked?.next; asked !== undefined; asked = next, next = asked?.next) {
      const { position } = asked
      // Once it is full, or meets what isn't in memory, the rest is left to the next fetch: a reader of thousands of
      // partitions would look at all of them for each few that it is answered.
      if (hasMoved && remaining <= 0) break
      const { fetched, sizeBytes, missing } = this.#readOne(asked, request, remaining, unreachable)
      if (missing !== undefined) {
        if (hasMoved) break
        // Left out of the answer: otherwise a reader that is woken now would take the partition for empty.
        if (wanted.push(missing) === PREPARING_MAX) break
        continue
      }
      if (fetched === undefined) continue
      if (fetched.error !== undefined || fetched.nextOffset !== position.nextOffset) {
        // Partitions that must be read first keep their turn: later ones that are in memory aren't answered before
        // them.
        if (wanted.length > 0) break
        hasMoved = true
      }
      remaining -= sizeBytes
      partitions.push(fetched)
    }
    return { partitions, hasMoved, missing: wanted }
  }

  /**
   * Whether a fetch that waits at this position may find something in the partition now. Asked for each batch that is
   * appended: while a transaction is open, committed readers see none of what comes after its first record, and a
   * reader of thousands of partitions would look at all of them for nothing.
   */
  isNews({ partition }: HostedPartition, { nextOffset }: Position, isolationLevel: IsolationLevel): boolean {
    if (isolationLevel !== 'read_committed') return true
    return nextOffset < partition.lastStableOffset || nextOffset < partition.watermarks.logStartOffset
  }

  #readOne(asked: AskedPosition, request: FetchRequest, maxBytes: number, unreachable: Unreachable): PositionRead {
    const { position } = asked
    try {
      const hosted = this.#partitionOf(position)
      assertSameTopic(position, hosted.id)
      return this.#readHosted(hosted, asked, request, maxBytes, unreachable)
    } catch (error) {
      if (!LogError.is(error)) throw error
      return { fetched: nothingAt(position, 0, 0, error), sizeBytes: 0, missing: undefined }
    }
  }

  /** Throws UNKNOWN_TOPIC_ID also where the topic that has the name now has fewer partitions. */
  #partitionOf(position: TopicPosition): HostedPartition {
    const { topics } = this.#hooks
    try {
      return topics.partition(position.topic, position.partition)
    } catch (error) {
      assertSameTopic(position, topics.facts(position.topic))
      throw error
    }
  }

  #readHosted(
    hosted: HostedPartition,
    asked: AskedPosition,
    { isolationLevel, memory, wait }: FetchRequest,
    maxBytes: number,
    unreachable: Unreachable,
  ): PositionRead {
    const { position } = asked
    const { topic, partition, nextOffset: offset } = position
    const { logStartOffset, nextOffset, highWatermark } = hosted.partition.watermarks
    const isCommitted = isolationLevel === 'read_committed'
    const endOffset = isCommitted ? hosted.partition.lastStableOffset : highWatermark
    if (!isCommitted && hosted.partition.watermarks.isHiddenByCeiling) this.#hooks.wantShown(hosted)
    if (offset < logStartOffset || offset > nextOffset) {
      const error = outOfRange(position, logStartOffset, endOffset)
      return { fetched: nothingAt(position, logStartOffset, endOffset, error), sizeBytes: 0, missing: undefined }
    }
    const mayWait = wait || asked.of.isKept
    if (offset >= endOffset && mayWait) {
      this.#parking.park(asked, hosted)
      return NOTHING
    }
    if (offset >= endOffset || maxBytes <= 0) {
      return { fetched: nothingAt(position, logStartOffset, endOffset, undefined), sizeBytes: 0, missing: undefined }
    }
    const damaged = unreachable?.get(hosted)
    if (damaged !== undefined) throw damaged
    const read = isCommitted
      ? hosted.partition.readCommitted(offset, maxBytes, memory ?? this.#blocks)
      : hosted.partition.read(offset, highWatermark, maxBytes, memory ?? this.#blocks)
    const missing =
      read.missing === undefined || read.batches.length > 0
        ? undefined
        : { hosted, offset: read.missing, abortedUpTo: read.missingAborted }
    const { batches, nextOffset: next, sizeBytes } = read
    // The next batch ends above what may be shown, as one does that reaches over the ceiling.
    if (missing === undefined && next === offset && mayWait) {
      this.#parking.park(asked, hosted)
      return NOTHING
    }
    const fetched = { topic, partition, batches, nextOffset: next, logStartOffset, endOffset, error: undefined }
    return { fetched, sizeBytes, missing }
  }
}

function nothingAt(
  { topic, partition, nextOffset }: Position,
  logStartOffset: number,
  endOffset: number,
  error: Error | undefined,
): FetchedPartition {
  return { topic, partition, batches: [], nextOffset, logStartOffset, endOffset, error }
}
