import type { Broker, ReaderSession } from '../../broker/broker.ts'
import '../../model/disposable.ts'
import { LogError } from '../../model/errors.ts'
import type { Position } from '../../model/positions.ts'
import { type Abortable, signalOf } from '../signals.ts'
import type { Topic } from '../topic/topic.ts'
import { fetchInto, keyText, type PartitionValues, readValues } from './partition-values.ts'

/**
 * The last value of each key of a topic, as a committed reader sees it, kept up to date until it is closed. It reads the
 * partitions that there are when it is opened: after `createPartitions` open another one.
 */
export interface ReadonlyTable<K, V> extends AsyncDisposable {
  /** `undefined` for a key without a value. Throws RECORD_DESERIALIZATION, or what made the table stop. */
  get(key: K): V | undefined
  /** Keys and values in no order; throws as `get`. */
  entries(): IterableIterator<[K, V]>
  /** Up to where it has read. */
  readonly asOf: readonly Position[]
  /** Stops reading. */
  close(): Promise<void>
}

export class FollowedTable<K, V> implements ReadonlyTable<K, V> {
  readonly #topic: Topic<string, never, K, never, V>
  readonly #partitions: readonly PartitionValues[]
  readonly #reader: ReaderSession
  readonly #following: Promise<void>
  readonly #closed: (table: FollowedTable<K, V>) => void
  #isClosed = false
  #failure: { readonly error: unknown } | undefined

  private constructor(
    broker: Broker,
    topic: Topic<string, never, K, never, V>,
    partitions: readonly PartitionValues[],
    signal: Abortable['signal'],
    closed: (table: FollowedTable<K, V>) => void,
  ) {
    this.#closed = closed
    this.#topic = topic
    this.#partitions = partitions
    this.#reader = broker.openReader()
    signal?.addEventListener('abort', () => this.#stop(), { once: true })
    this.#following = this.#follow()
  }

  /** Resolves when it has read to the end as of the call. */
  static async open<K, V>(
    broker: Broker,
    topic: Topic<string, never, K, never, V>,
    options: Abortable,
    closed: (table: FollowedTable<K, V>) => void,
  ): Promise<FollowedTable<K, V>> {
    const signal = signalOf(options)
    if (typeof topic?.record !== 'function') {
      throw new LogError('INVALID_REQUEST', 'topic must be a declared topic', { argument: 'topic' })
    }
    const { partitions } = await broker.admin.describeTopic(topic.name)
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const values = await readValues(broker, topic.name, all, 'lastStableOffset', signal)
    return new FollowedTable(broker, topic, values, signal, closed)
  }

  async #follow(): Promise<void> {
    try {
      while (!this.#isClosed) await fetchInto(this.#reader, this.#partitions, true)
    } catch (error) {
      if (!this.#isClosed) this.#failure = { error }
    }
  }

  #assertFollowing(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  get(key: K): V | undefined {
    this.#assertFollowing()
    const encoded = this.#topic.record({ key: key as never, value: null }).key
    const text = keyText(encoded as Uint8Array)
    for (const { values } of this.#partitions) {
      const found = values.get(text)
      if (found !== undefined) return this.#decoded(found)
    }
    return undefined
  }

  *entries(): IterableIterator<[K, V]> {
    this.#assertFollowing()
    for (const { values, keys } of this.#partitions) {
      for (const [text, value] of [...values]) {
        yield [this.#topic.key.decode(keys.get(text) as Uint8Array), this.#decoded(value)]
      }
    }
  }

  #decoded(value: Uint8Array): V {
    try {
      return this.#topic.value.decode(value)
    } catch (error) {
      const message = `a value of "${this.#topic.name}" can't be decoded`
      throw new LogError('RECORD_DESERIALIZATION', message, { topic: this.#topic.name }, error)
    }
  }

  get asOf(): readonly Position[] {
    return this.#partitions.map(({ topic, partition, nextOffset }) => ({ topic, partition, nextOffset }))
  }

  #stop(): void {
    this.#isClosed = true
    this.#reader.wake()
  }

  async close(): Promise<void> {
    this.#stop()
    await this.#following
    await this.#reader.close()
    this.#closed(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
