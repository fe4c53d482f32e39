import type { AdminSession } from '../broker/admin-session.ts'
import type { TopicPosition } from '../broker/reader-session.ts'
import type { ReadableStreamGiven } from '../model/platform.ts'
import type { IsolationLevel, Position } from '../model/positions.ts'
import { batchLimits, isBorrowed, type ReadBatchOptions } from './batch-options.ts'
import { type Decoder, decoderOf, type Loan } from './consumer/consumed-record.ts'
import { checkTopics } from './consumer/consumer-options.ts'
import type { FetchedRecords } from './consumer/fetched-records.ts'
import { FetchSize, FIRST_FETCH_BYTES } from './fetch-size.ts'
import { Iteration } from './iteration.ts'
import { assertOptions, type OptionNames, wrongOption } from './options.ts'
import { checkPositions } from './places.ts'
import { partitionsOf, type ReadParts, type ReadPlan, ReadRun } from './read-run.ts'
import type { BatchOf, RecordOf } from './records.ts'
import { type Abortable, signalOf } from './signals.ts'
import { endPositions, ownStart, type StartPoint } from './start-point.ts'
import type { TopicRef } from './topic/topic.ts'

/** What is read of the topics. */
export interface ReadOptions extends Abortable {
  /**
   * Where to start: `'earliest'` (default), `'latest'`, the first record at or after a time in milliseconds since 1970,
   * or positions, one for each partition of the topics.
   */
  from?: StartPoint | undefined
  /**
   * Where to stop. `'end'`: where the topics ended when `read` was called; with `'read_committed'` that is their last
   * stable offset. Positions: up to them, and partitions that they don't name aren't read. Without it the reader waits
   * for more records; it doesn't poll.
   */
  until?: 'end' | readonly Position[] | undefined
  /**
   * `'read_committed'` by default. Kafka's isolation.level. Differs from Kafka: there `'read_uncommitted'` is the
   * default.
   */
  isolationLevel?: IsolationLevel | undefined
}

/**
 * The records of all partitions that the topics have as an iteration begins, in offset order within each partition.
 * Each iteration starts anew. An iteration rejects with UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID (the topic was
 * deleted and created again), OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, INVALID_REQUEST (a partition without a position, an
 * end in a topic that isn't read), LOG_CLOSED, or the signal's reason.
 */
export interface Reader<R, B = unknown> extends AsyncIterable<R> {
  /**
   * The same records in batches: those of one partition that came together. This is the quick way through many records,
   * since only the batches are awaited. A batch has at most `maxRecords` (8192 by default) and about `maxBytes`
   * (262144), at least one record; a `borrowed` batch is valid until the next one. Throws INVALID_REQUEST for wrong
   * options.
   */
  batches(options?: ReadBatchOptions): AsyncIterable<B>
  /**
   * The same records as a Web stream of the platform, which reads only what is asked for. Cancelling it ends its wait.
   */
  toReadableStream(): ReadableStreamGiven<R>
}

const READ_NAMES: OptionNames<ReadOptions> = { from: true, until: true, isolationLevel: true, signal: true }
const BATCH_NAMES: OptionNames<ReadBatchOptions> = { maxRecords: true, maxBytes: true, borrowed: true }

/** What is read, checked and copied at once: small enough to stay in a processor core's own cache. */
const FETCH_BYTES = 256 * 1024
const BATCH_RECORDS = 8192
/** The generation of batches outside groups. */
const NO_GENERATION = -1

/** Resolves a reader's partitions, reads them, ends at `until`. */
export class TopicReader<T extends TopicRef> implements Reader<RecordOf<T>, BatchOf<T>> {
  readonly #parts: ReadParts
  readonly #plan: ReadPlan

  constructor(parts: ReadParts, topics: readonly T[], options: ReadOptions) {
    const isolationLevel = checkReadOptions(topics, options)
    const decoders = new Map(topics.map((ref) => [decoderOf(ref).topic, decoderOf(ref)]))
    const { until: asked, signal } = options
    const from = ownStart(options.from ?? 'earliest')
    const until =
      asked === 'end' ? endOf(parts.broker.admin, decoders, isolationLevel) : asked && checkPositions(asked, 'until')
    // Not lost: the iteration rejects with it.
    if (until instanceof Promise) until.catch(() => {})
    this.#parts = parts
    this.#plan = { decoders, isolationLevel, from, until, signal }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<RecordOf<T>, undefined, undefined> {
    const takeFrom = (records: FetchedRecords) => records.next() as unknown as RecordOf<T>
    const sizes = new FetchSize(FETCH_BYTES, FIRST_FETCH_BYTES)
    return new Iteration(new ReadRun(this.#parts, this.#plan, { sizes, isBorrowed: false, takeFrom }))
  }

  batches(options: ReadBatchOptions = {}): AsyncIterable<BatchOf<T>> {
    const defaults = { maxRecords: BATCH_RECORDS, maxBytes: FETCH_BYTES }
    const limits = batchLimits(options, BATCH_NAMES, defaults)
    const takeFrom = (records: FetchedRecords, loan: Loan | undefined) =>
      records.nextBatch(limits, NO_GENERATION, loan) as unknown as BatchOf<T>
    const mode = { sizes: new FetchSize(limits.maxBytes), isBorrowed: isBorrowed(options), takeFrom }
    return { [Symbol.asyncIterator]: () => new Iteration(new ReadRun(this.#parts, this.#plan, mode)) }
  }

  toReadableStream(): ReadableStreamGiven<RecordOf<T>> {
    const records = this[Symbol.asyncIterator]()
    let isCancelled = false
    return new ReadableStream<RecordOf<T>>(
      {
        async pull(controller) {
          const { done, value } = await records.next()
          if (isCancelled) return
          if (done === true) controller.close()
          else controller.enqueue(value)
        },
        async cancel() {
          isCancelled = true
          await records.return?.()
        },
      },
      { highWaterMark: 0 },
    ) as ReadableStreamGiven<RecordOf<T>>
  }
}

async function endOf(
  admin: AdminSession,
  decoders: ReadonlyMap<string, Decoder>,
  isolationLevel: IsolationLevel,
): Promise<TopicPosition[]> {
  const places = await partitionsOf(decoders, (topic) => admin.describeTopic(topic))
  const ends = await endPositions(admin, places, isolationLevel)
  return ends.map((end, index) => ({ ...end, topicId: places[index]?.topicId }))
}

function checkReadOptions(topics: readonly unknown[], options: ReadOptions): IsolationLevel {
  assertOptions(options, READ_NAMES, 'read')
  signalOf(options)
  const { from, until, isolationLevel = 'read_committed' } = options
  if (topics.length === 0) throw wrongOption('topics', 'a topic or a list of topics, not empty')
  checkTopics(topics)
  if (!['earliest', 'latest', undefined].includes(from as string) && (typeof from !== 'object' || from === null)) {
    throw wrongOption('from', "'earliest', 'latest', { timestamp } or a list of positions")
  }
  if (until !== undefined && until !== 'end' && !Array.isArray(until)) throw wrongOption('until', "'end' or positions")
  if (isolationLevel !== 'read_committed' && isolationLevel !== 'read_uncommitted') {
    throw wrongOption('isolationLevel', 'read_committed or read_uncommitted')
  }
  return isolationLevel
}
