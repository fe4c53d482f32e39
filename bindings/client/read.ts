import type { Broker, FetchedPartition, ReaderSession } from '../broker/broker.ts'
import type { ReadableStreamLike } from '../model/platform.ts'
import type { IsolationLevel, Position } from '../model/positions.ts'
import { type Decoder, decoderOf } from './consumer/consumed-record.ts'
import { FetchedRecords } from './consumer/fetched-records.ts'
import { endPositions, placeKey, type StartPoint, startPositions } from './consumer/start-positions.ts'
import type { RecordOf } from './records.ts'
import { type Abortable, throwIfAborted } from './signals.ts'
import type { TopicRef } from './topic/topic.ts'

export interface ReadOptions extends Abortable {
  /** Where to start: `'earliest'` (default), `'latest'`, the first record at a time, or positions for each partition. */
  from?: StartPoint | undefined
  /** `'end'`: the last stable offset at the call. Without it the reader waits for more, without polling. */
  until?: 'end' | readonly Position[] | undefined
  /** `'read_committed'` by default. */
  isolationLevel?: IsolationLevel | undefined
}

/** Records of all partitions of the topics, in offset order within each. Starts anew with each iteration. */
export interface Reader<R> extends AsyncIterable<R> {
  /** The same as a Web stream of the platform. */
  toReadableStream(): ReadableStreamLike<R>
}

const FETCH_BYTES = 1024 * 1024

/** Resolves a reader's partitions, reads them, ends at `until`. */
export class TopicReader<T extends TopicRef> implements Reader<RecordOf<T>> {
  readonly #broker: Broker
  readonly #topics: readonly T[]
  readonly #options: ReadOptions

  constructor(broker: Broker, topics: readonly T[], options: ReadOptions) {
    this.#broker = broker
    this.#topics = topics
    this.#options = options
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordOf<T>, void, undefined> {
    const { signal, isolationLevel = 'read_committed' } = this.#options
    throwIfAborted(signal)
    const session = this.#broker.openReader()
    const wake = () => session.wake()
    signal?.addEventListener('abort', wake, { once: true })
    try {
      const decoders = new Map(this.#topics.map((ref) => [decoderOf(ref).topic, decoderOf(ref)]))
      let positions = await this.#start(session, [...decoders.keys()], isolationLevel)
      const limits = await this.#limits(positions, isolationLevel)
      for (;;) {
        positions = positions.filter(
          (each) => each.nextOffset < (limits?.get(placeKey(each)) ?? Number.POSITIVE_INFINITY),
        )
        if (positions.length === 0) return
        const fetched = await session.fetch({ positions, isolationLevel, maxBytes: FETCH_BYTES, wait: true })
        throwIfAborted(signal)
        for (const part of fetched) {
          for (const record of deliver(part, positions, limits, decoders)) {
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

  async #start(session: ReaderSession, topics: readonly string[], isolationLevel: IsolationLevel): Promise<Position[]> {
    const places = []
    for (const topic of topics) {
      const { partitions } = await session.topic(topic)
      for (let partition = 0; partition < partitions; partition++) places.push({ topic, partition })
    }
    return startPositions(this.#broker.admin, places, this.#options.from ?? 'earliest', isolationLevel)
  }

  async #limits(
    positions: readonly Position[],
    isolationLevel: IsolationLevel,
  ): Promise<ReadonlyMap<string, number> | undefined> {
    const { until } = this.#options
    if (until === undefined) return undefined
    const ends = until === 'end' ? await endPositions(this.#broker.admin, positions, isolationLevel) : until
    return new Map(
      positions.map((each) => [placeKey(each), ends.find((end) => placeKey(end) === placeKey(each))?.nextOffset ?? 0]),
    )
  }

  toReadableStream(): ReadableStreamLike<RecordOf<T>> {
    const iterator = this[Symbol.asyncIterator]()
    return new ReadableStream<RecordOf<T>>({
      async pull(controller) {
        const { done, value } = await iterator.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await iterator.return()
      },
    }) as ReadableStreamLike<RecordOf<T>>
  }
}

function* deliver(
  part: FetchedPartition,
  positions: readonly Position[],
  limits: ReadonlyMap<string, number> | undefined,
  decoders: ReadonlyMap<string, Decoder>,
): Iterable<unknown> {
  if (part.error !== undefined) throw part.error
  const decoder = decoders.get(part.topic)
  const from = positions.find((each) => placeKey(each) === placeKey(part))?.nextOffset ?? 0
  const limit = limits?.get(placeKey(part)) ?? Number.POSITIVE_INFINITY
  if (decoder === undefined) return
  const records = new FetchedRecords(part, decoder, from)
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
