import type { Broker, FetchedPartition, TopicFacts } from '../broker/broker.ts'
import { LogError } from '../model/errors.ts'
import type { ReadableStreamLike } from '../model/platform.ts'
import type { IsolationLevel, Position, TopicPartition } from '../model/positions.ts'
import { type Decoder, decoderOf } from './consumer/consumed-record.ts'
import { checkTopics } from './consumer/consumer-options.ts'
import { FetchedRecords } from './consumer/fetched-records.ts'
import { checkPositions, endPositions, placeKey, type StartPoint, startPositions } from './consumer/start-positions.ts'
import type { RecordOf } from './records.ts'
import { type Abortable, signalOf, throwIfAborted } from './signals.ts'
import type { TopicRef } from './topic/topic.ts'

/** What of the topics is read. */
export interface ReadOptions extends Abortable {
  /**
   * Where to start: `'earliest'` (default), `'latest'`, the first record at or after a time in milliseconds since 1970, or
   * positions, one for each partition of the topics.
   */
  from?: StartPoint | undefined
  /**
   * `'end'`: where the topics ended at the call of `read`, for `'read_committed'` their last stable offset. Positions: up
   * to them; partitions that they don't name aren't read. Without it the reader waits for more, without polling.
   */
  until?: 'end' | readonly Position[] | undefined
  /** `'read_committed'` by default. Differs from Kafka: there it is `'read_uncommitted'`. */
  isolationLevel?: IsolationLevel | undefined
}

/**
 * Records of all partitions of the topics, in offset order within each. Starts anew with each iteration. An iteration rejects
 * with UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, INVALID_REQUEST (a partition without position),
 * LOG_CLOSED, or the signal's reason.
 */
export interface Reader<R> extends AsyncIterable<R> {
  /** The same as a Web stream of the platform, which reads only what is asked for. Cancelling it ends its wait. */
  toReadableStream(): ReadableStreamLike<R>
}

const FETCH_BYTES = 1024 * 1024
const NO_GENERATION = -1

/** Resolves a reader's partitions, reads them, ends at `until`. */
export class TopicReader<T extends TopicRef> implements Reader<RecordOf<T>> {
  readonly #broker: Broker
  readonly #decoders: ReadonlyMap<string, Decoder>
  readonly #options: ReadOptions
  readonly #isolationLevel: IsolationLevel
  readonly #until: Promise<readonly Position[]> | undefined

  constructor(broker: Broker, topics: readonly T[], options: ReadOptions) {
    this.#isolationLevel = checkReadOptions(topics, options)
    this.#broker = broker
    this.#decoders = new Map(topics.map((ref) => [decoderOf(ref).topic, decoderOf(ref)]))
    this.#options = options
    const { until } = options
    this.#until = until === 'end' ? this.#ends() : until && Promise.resolve(checkPositions(until, 'until'))
    // Whoever iterates hears of it.
    this.#until?.catch(() => {})
  }

  async #ends(): Promise<Position[]> {
    const { admin } = this.#broker
    return endPositions(admin, await this.#partitions((topic) => admin.describeTopic(topic)), this.#isolationLevel)
  }

  async #partitions(facts: (topic: string) => TopicFacts | Promise<TopicFacts>): Promise<TopicPartition[]> {
    const places: TopicPartition[] = []
    for (const topic of this.#decoders.keys()) {
      const { partitions } = await facts(topic)
      for (let partition = 0; partition < partitions; partition++) places.push({ topic, partition })
    }
    return places
  }

  [Symbol.asyncIterator](): AsyncGenerator<RecordOf<T>, void, undefined> {
    return this.#run({ isOver: false, wake: () => {} })
  }

  async *#run(stop: Stop): AsyncGenerator<RecordOf<T>, void, undefined> {
    const { signal } = this.#options
    throwIfAborted(signal)
    const session = this.#broker.openReader()
    const wake = () => session.wake()
    stop.wake = wake
    signal?.addEventListener('abort', wake, { once: true })
    try {
      const places = await this.#partitions((topic) => session.topic(topic))
      const from = this.#options.from ?? 'earliest'
      let positions = await startPositions(this.#broker.admin, places, from, this.#isolationLevel)
      const limits = limitsOf(places, await this.#until)
      for (;;) {
        positions = positions.filter((each) => each.nextOffset < limitOf(limits, each))
        // Nothing wakes a fetch that hasn't begun.
        throwIfAborted(signal)
        if (positions.length === 0 || stop.isOver) return
        const isolationLevel = this.#isolationLevel
        const fetched = await session.fetch({ positions, isolationLevel, maxBytes: FETCH_BYTES, wait: true })
        throwIfAborted(signal)
        for (const part of fetched) {
          for (const record of deliver(part, positions, limits, this.#decoders)) {
            yield record as RecordOf<T>
            throwIfAborted(signal)
          }
        }
        positions = rotate(positions.map((each) => advanced(each, fetched)))
      }
    } finally {
      signal?.removeEventListener('abort', wake)
      await session.close()
    }
  }

  toReadableStream(): ReadableStreamLike<RecordOf<T>> {
    const stop: Stop = { isOver: false, wake: () => {} }
    const records = this.#run(stop)
    return new ReadableStream<RecordOf<T>>(
      {
        async pull(controller) {
          const { done, value } = await records.next()
          if (stop.isOver) return
          if (done === true) controller.close()
          else controller.enqueue(value)
        },
        // A generator that waits for records can't be ended from outside: the wait has to end first.
        async cancel() {
          stop.isOver = true
          stop.wake()
          await records.return()
        },
      },
      { highWaterMark: 0 },
    ) as ReadableStreamLike<RecordOf<T>>
  }
}

/** Ends one run from outside. */
interface Stop {
  isOver: boolean
  wake: () => void
}

function checkReadOptions(topics: readonly unknown[], options: ReadOptions): IsolationLevel {
  signalOf(options)
  const { from, until, isolationLevel = 'read_committed' } = options
  if (topics.length === 0) throw wrong('topics', 'a topic or a list of topics, not empty')
  checkTopics(topics)
  if (Array.isArray(from)) checkPositions(from, 'from')
  else if (!['earliest', 'latest', undefined].includes(from as string) && (typeof from !== 'object' || from === null)) {
    throw wrong('from', "'earliest', 'latest', { timestamp } or a list of positions")
  }
  if (until !== undefined && until !== 'end' && !Array.isArray(until)) throw wrong('until', "'end' or positions")
  if (isolationLevel !== 'read_committed' && isolationLevel !== 'read_uncommitted') {
    throw wrong('isolationLevel', 'read_committed or read_uncommitted')
  }
  return isolationLevel
}

function wrong(option: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${option} must be ${expected}`, { option })
}

type Limits = ReadonlyMap<string, number> | undefined

/** Partitions that `until` doesn't name aren't read. */
function limitsOf(places: readonly TopicPartition[], until: readonly Position[] | undefined): Limits {
  if (until === undefined) return undefined
  const named = new Map(until.map((each) => [placeKey(each), each.nextOffset]))
  return new Map(places.map((each) => [placeKey(each), named.get(placeKey(each)) ?? 0]))
}

function limitOf(limits: Limits, at: TopicPartition): number {
  return limits?.get(placeKey(at)) ?? Number.POSITIVE_INFINITY
}

function* deliver(
  part: FetchedPartition,
  positions: readonly Position[],
  limits: Limits,
  decoders: ReadonlyMap<string, Decoder>,
): Iterable<unknown> {
  if (part.error !== undefined) throw part.error
  const decoder = decoders.get(part.topic)
  const from = positions.find((each) => placeKey(each) === placeKey(part))?.nextOffset ?? 0
  const limit = limitOf(limits, part)
  if (decoder === undefined) return
  const records = new FetchedRecords(part, decoder, from, NO_GENERATION)
  for (let record = records.next(); record !== undefined && record.offset < limit; record = records.next()) yield record
}

function advanced(position: Position, fetched: readonly FetchedPartition[]): Position {
  const part = fetched.find((each) => placeKey(each) === placeKey(position))
  return part === undefined ? position : { ...position, nextOffset: part.nextOffset }
}

/** Fetches fill up in the order of positions: each partition comes first in its turn. */
export function rotate<T>(items: readonly T[]): T[] {
  return [...items.slice(1), ...items.slice(0, 1)]
}
