import type { FetchedPartition, FetchRequest, TopicPosition } from '../broker/reader-session.ts'
import { LogError } from '../model/errors.ts'
import { type BatchMemory, SharedBlocks } from '../model/memory.ts'
import type { Position } from '../model/positions.ts'
import type { Callback, CommandOf } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

interface PendingFetch {
  readonly reader: object
  readonly request: FetchRequest
  readonly done: Callback<readonly FetchedPartition[]>
  /** How many of its partitions the store is still reading into reach. */
  preparing: number
  /** Partitions that can't be read: their errors are told beside what the other partitions have. */
  unreachable: Map<HostedPartition, LogError> | undefined
  /** The partitions at which it is registered to wait. */
  readonly waitsAt: HostedPartition[]
}

interface ReadAll {
  readonly parts: FetchedPartition[]
  readonly moved: boolean
  /**
   * Positions whose batches must be read into reach first, in the order of the request; empty if anything can be told
   * already.
   */
  readonly missing: readonly Missing[]
}

/** A batch that the store has to read into reach, and up to where its aborted transactions. */
export interface Missing {
  readonly hosted: HostedPartition
  readonly offset: number
  readonly abortedUpTo: number | undefined
}

export interface FetchHooks {
  readonly topics: Pick<Topics, 'partition' | 'facts'>
  /** Reads the batch at `offset` into reach, then calls back. */
  prepare(missing: Missing, then: (error: unknown) => void): void
  /** A reader waits for records that a higher ceiling would show (durability rule 5). */
  wantShown(partition: HostedPartition): void
}

/**
 * Positions of one fetch that are prepared at once. Without a bound a reader of thousands of partitions would look at
 * all of them again for each one that has to be read from files.
 */
const PREPARING_MAX = 16

/** Fetches: those that find something are answered at once, the others when a watermark moves. Nothing polls. */
export class Fetches {
  readonly #hooks: FetchHooks
  /** For fetches whose reader lent no memory of its own. */
  readonly #blocks: BatchMemory = new SharedBlocks()
  readonly #pending = new Set<PendingFetch>()
  /** Commands for one record that wait for the store. */
  readonly #finding = new Set<CommandOf<'find'>>()
  readonly #byPartition = new Map<HostedPartition, Set<PendingFetch>>()

  constructor(hooks: FetchHooks) {
    this.#hooks = hooks
  }

  start(reader: object, request: FetchRequest, done: Callback<readonly FetchedPartition[]>): void {
    this.#serve({ reader, request, done, preparing: 0, unreachable: undefined, waitsAt: [] })
  }

  /**
   * The batch that holds the record at an offset; `undefined` where a committed reader sees none, such as at a gap or a
   * marker.
   */
  find(command: CommandOf<'find'>): void {
    const { topic, partition, offset, done } = command
    const hosted = this.#hooks.topics.partition(topic, partition)
    const { logStartOffset } = hosted.partition.watermarks
    const { lastStableOffset } = hosted.partition
    if (offset < logStartOffset || offset >= lastStableOffset) {
      throw outOfRange({ topic, partition, nextOffset: offset }, logStartOffset, lastStableOffset)
    }
    const found = hosted.partition.find(offset)
    if (found === undefined || !('missing' in found)) return done(undefined, found)
    this.#finding.add(command)
    const missing = { hosted, offset: found.missing ?? offset, abortedUpTo: found.missingAborted }
    this.#hooks.prepare(missing, (error) => {
      if (!this.#finding.delete(command)) return
      if (error !== undefined) return done(error)
      try {
        this.find(command)
      } catch (failure) {
        done(failure)
      }
    })
  }

  /** Readers may see more of the partition now. */
  advanced(partition: HostedPartition): void {
    const waiting = this.#byPartition.get(partition)
    if (waiting === undefined || waiting.size === 0) return
    for (const fetch of [...waiting]) if (fetch.preparing === 0) this.#serve(fetch)
  }

  /** Ends a reader's waiting fetch with what there is now. */
  wake(reader: object): void {
    for (const fetch of [...this.#pending]) {
      if (fetch.reader === reader) this.#finish(fetch, this.#readAll(fetch).parts)
    }
  }

  close(error: unknown): void {
    for (const { done } of this.#finding) done(error)
    this.#finding.clear()
    for (const fetch of [...this.#pending]) {
      this.#forget(fetch)
      fetch.done(error)
    }
  }

  #serve(fetch: PendingFetch): void {
    let read: ReadAll
    try {
      read = this.#readAll(fetch)
    } catch (error) {
      this.#forget(fetch)
      fetch.done(error)
      return
    }
    if (read.missing.length > 0) return this.#prepare(fetch, read.missing)
    if (read.moved || !fetch.request.wait || this.#hasOthers(fetch.request)) this.#finish(fetch, read.parts)
    else this.#remember(fetch)
  }

  /**
   * Serves the fetch again once all of these were read. They may push each other out of reach, but not the one that was
   * read last: so each round has fewer to wait for, and in the end one of them is told.
   */
  #prepare(fetch: PendingFetch, missing: readonly Missing[]): void {
    fetch.preparing = missing.length
    this.#remember(fetch)
    for (const each of missing) {
      this.#hooks.prepare(each, (error) => {
        fetch.preparing--
        if (!this.#pending.has(fetch)) return
        if (LogError.is(error)) fetch.unreachable = new Map(fetch.unreachable).set(each.hosted, error)
        else if (error !== undefined) {
          this.#forget(fetch)
          fetch.done(error)
          return
        }
        if (fetch.preparing === 0) this.#serve(fetch)
      })
    }
  }

  /**
   * The reader doesn't know all partitions of its topic yet. (A partition that is gone is told as an error in `parts`.)
   */
  #hasOthers({ positions, knownPartitions }: FetchRequest): boolean {
    const topic = positions[0]?.topic
    return (
      knownPartitions !== undefined &&
      topic !== undefined &&
      this.#hooks.topics.facts(topic).partitions !== knownPartitions
    )
  }

  /** The topic has more partitions than before: readers that know the old number hear so. */
  grown(topic: string): void {
    const asks = ({ request }: PendingFetch) =>
      request.knownPartitions !== undefined && request.positions[0]?.topic === topic
    for (const fetch of [...this.#pending]) if (asks(fetch) && fetch.preparing === 0) this.#serve(fetch)
  }

  #readAll({ request, unreachable }: PendingFetch): ReadAll {
    request.memory?.reclaim()
    const parts: FetchedPartition[] = []
    const wanted: Missing[] = []
    let remaining = request.maxBytes
    let moved = false
    for (const position of request.positions) {
      const { part, sizeBytes, missing } = this.#readOne(position, request, remaining, unreachable)
      if (missing !== undefined && !moved) {
        // Left out of the answer: a reader that is woken now would take the partition for empty.
        if (wanted.push(missing) === PREPARING_MAX) break
        continue
      }
      if (part.error !== undefined || part.nextOffset !== position.nextOffset) {
        // Partitions that have to be read first keep their turn: what is in reach behind them isn't told before.
        if (wanted.length > 0) break
        moved = true
      }
      remaining -= sizeBytes
      parts.push(part)
    }
    return { parts, moved, missing: wanted }
  }

  #readOne(
    position: TopicPosition,
    { isolationLevel, memory }: FetchRequest,
    maxBytes: number,
    unreachable: PendingFetch['unreachable'],
  ): {
    part: FetchedPartition
    sizeBytes: number
    missing: Missing | undefined
  } {
    const { topic, partition, nextOffset: offset } = position
    try {
      const hosted = this.#hooks.topics.partition(topic, partition)
      assertSameTopic(position, hosted)
      const { logStartOffset, nextOffset, highWatermark } = hosted.partition.watermarks
      const isCommitted = isolationLevel === 'read_committed'
      const endOffset = isCommitted ? hosted.partition.lastStableOffset : highWatermark
      if (!isCommitted && hosted.partition.watermarks.isHiddenByCeiling) this.#hooks.wantShown(hosted)
      if (offset < logStartOffset || offset > nextOffset) {
        const error = outOfRange(position, logStartOffset, endOffset)
        return { part: emptyPart(position, logStartOffset, endOffset, error), sizeBytes: 0, missing: undefined }
      }
      if (offset >= endOffset || maxBytes <= 0) {
        return { part: emptyPart(position, logStartOffset, endOffset, undefined), sizeBytes: 0, missing: undefined }
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
      const part = { topic, partition, batches, nextOffset: next, logStartOffset, endOffset, error: undefined }
      return { part, sizeBytes, missing }
    } catch (error) {
      if (!LogError.is(error)) throw error
      return { part: emptyPart(position, 0, 0, error), sizeBytes: 0, missing: undefined }
    }
  }

  #remember(fetch: PendingFetch): void {
    if (this.#pending.has(fetch)) return
    this.#pending.add(fetch)
    for (const { topic, partition } of fetch.request.positions) {
      try {
        const hosted = this.#hooks.topics.partition(topic, partition)
        const waiting = this.#byPartition.get(hosted) ?? new Set()
        waiting.add(fetch)
        fetch.waitsAt.push(hosted)
        if (waiting.size === 1) this.#byPartition.set(hosted, waiting)
      } catch {
        // The topic is gone: `forgotten`, or the next `#serve`, tells the reader.
      }
    }
  }

  /** A topic was deleted: whoever waits for it hears so. */
  forgotten(partition: HostedPartition): void {
    const waiting = this.#byPartition.get(partition)
    this.#byPartition.delete(partition)
    for (const fetch of waiting ?? []) if (fetch.preparing === 0) this.#serve(fetch)
  }

  #forget(fetch: PendingFetch): void {
    if (!this.#pending.delete(fetch)) return
    for (const partition of fetch.waitsAt) {
      const waiting = this.#byPartition.get(partition)
      if (waiting?.delete(fetch) && waiting.size === 0) this.#byPartition.delete(partition)
    }
  }

  #finish(fetch: PendingFetch, parts: readonly FetchedPartition[]): void {
    this.#forget(fetch)
    fetch.done(undefined, parts)
  }
}

function emptyPart(
  { topic, partition, nextOffset }: Position,
  logStartOffset: number,
  endOffset: number,
  error: Error | undefined,
): FetchedPartition {
  return { topic, partition, batches: [], nextOffset, logStartOffset, endOffset, error }
}

/** UNKNOWN_TOPIC_ID for a topic that was deleted and created again: the position counts records of the old one. */
function assertSameTopic({ topic, partition, topicId }: TopicPosition, { id }: HostedPartition): void {
  if (topicId === undefined || topicId === id.topicId) return
  const message = `topic "${topic}" was deleted and made again: its records are others`
  throw new LogError('UNKNOWN_TOPIC_ID', message, { topic, partition, topicId })
}

export function outOfRange(position: Position, logStartOffset: number, endOffset: number): LogError {
  const { topic, partition, nextOffset: offset } = position
  const message = `offset ${offset} of ${topic}-${partition} is outside ${logStartOffset} to ${endOffset}`
  return new LogError('OFFSET_OUT_OF_RANGE', message, { topic, partition, offset, logStartOffset, endOffset })
}
