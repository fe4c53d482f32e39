import type { Broker } from '../../broker/broker.ts'
import type { ReaderSession } from '../../broker/reader-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { type BatchMemory, SharedBlocks } from '../../model/batch-memory.ts'
import '../../model/disposable.ts'
import { LogError } from '../../model/errors.ts'
import type { Position } from '../../model/positions.ts'
import { type Abortable, abortable, abortReason, offAbort, onAbort, onlySignalOf, throwIfAborted } from '../signals.ts'
import { type Codec, ownBytes } from '../topic/codec.ts'
import { decoded } from '../topic/decoded.ts'
import { HOW_TO_DECLARE, isDeclared, type Topic } from '../topic/topic.ts'
import { FAILED_READS_MAX, waitBeforeTry } from './batch-work.ts'
import { losesValues } from './lost-values.ts'
import { fetchInto, keyBytes, keyText, readValues } from './partition-values.ts'
import { TableValues } from './table-values.ts'

/**
 * The last value of each key of a topic, as a committed reader sees it, kept up to date until it is closed; partitions
 * that `createPartitions` adds are included. If a key goes to another partition since then, its last value there
 * counts; once it is deleted there, its value in the old partition shows again: delete it in both. If the topic is
 * altered so that retention removes values, an open table keeps what it has read and goes on, and the next `table` is
 * refused.
 */
export interface ReadonlyTable<K, V> extends AsyncDisposable {
  /**
   * The key's value; `undefined` without one. Throws INVALID_REQUEST for null, RECORD_DESERIALIZATION, or what made the
   * table stop: UNKNOWN_TOPIC_OR_PARTITION for a topic that was deleted, UNKNOWN_TOPIC_ID for one that was deleted and
   * created again, OFFSET_OUT_OF_RANGE if records were removed before it had read them, CORRUPT_MESSAGE, LOG_CLOSED, or
   * the reason of its aborted signal.
   */
  get(key: K): V | undefined
  /** Keys and values in no order; throws as `get`. */
  entries(): IterableIterator<[K, V]>
  /** How far it has read: a position for each partition. */
  readonly asOf: readonly Position[]
  /** Stops reading. What was read stays there for `get` and `entries`. */
  close(): Promise<void>
}

export interface TableParts<K, V> {
  readonly broker: Broker
  readonly port: RuntimePort
  readonly topic: Topic<string, never, K, never, V>
  /** Told once, when the table is closed. */
  readonly closed: (table: FollowedTable<K, V>) => void
}

export class FollowedTable<K, V> implements ReadonlyTable<K, V> {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #topic: Topic<string, never, K, never, V>
  readonly #values: TableValues
  /** For the copies that `get` gives. */
  readonly #memory: BatchMemory = new SharedBlocks()
  readonly #reader: ReaderSession
  readonly #following: Promise<void>
  readonly #closed: (table: FollowedTable<K, V>) => void
  readonly #stopping = new AbortController()
  readonly #signal: Abortable['signal']
  readonly #aborted = (): void => {
    this.#failure = { error: this.#signal && abortReason(this.#signal) }
    this.#stop()
  }
  /** Why it stopped, unless it was closed. */
  #failure: { readonly error: unknown } | undefined

  private constructor(
    { broker, port, topic, closed }: TableParts<K, V>,
    values: TableValues,
    signal: Abortable['signal'],
  ) {
    this.#closed = closed
    this.#broker = broker
    this.#port = port
    this.#topic = topic
    this.#values = values
    this.#reader = broker.openReader()
    this.#signal = signal
    onAbort(signal, this.#aborted)
    this.#following = this.#follow()
  }

  /** Resolves when it has read to the end as of the call. */
  static async open<K, V>(parts: TableParts<K, V>, options: Abortable): Promise<FollowedTable<K, V>> {
    const { broker, topic } = parts
    const signal = onlySignalOf(options, 'table')
    if (!isDeclared(topic)) {
      throw new LogError('INVALID_REQUEST', `topic must be declared: ${HOW_TO_DECLARE}`, { argument: 'topic' })
    }
    const { partitions, config } = await abortable(broker.admin.describeTopic(topic.name), signal)
    if (losesValues(config)) {
      const message = `a table of "${topic.name}" would lose values by retention: the topic needs cleanup.policy compact`
      throw new LogError('INVALID_CONFIG', message, { topic: topic.name, key: 'cleanup.policy' })
    }
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const values = new TableValues()
    values.add(await readValues(broker, topic.name, all, 'lastStableOffset', signal))
    // Nobody would hear of it if the signal was aborted meanwhile.
    throwIfAborted(signal)
    return new FollowedTable(parts, values, signal)
  }

  async #follow(): Promise<void> {
    try {
      for (let failures = 0; !this.#isStopped; ) failures = (await this.#fetched(failures)) ? 0 : failures + 1
    } catch (error) {
      if (this.#isStopped) return
      this.#failure = { error }
      offAbort(this.#signal, this.#aborted)
    }
  }

  /**
   * One fetch. False if it failed for the moment, such as for memory that others use: `failures` times before in a row.
   */
  async #fetched(failures: number): Promise<boolean> {
    try {
      const { partitions } = this.#values
      await fetchInto(this.#reader, partitions, partitions.length)
      if (!this.#isStopped) await this.#addPartitions()
      return true
    } catch (error) {
      const isRetriable = LogError.is(error) && error.category === 'retriable'
      if (!isRetriable || failures >= FAILED_READS_MAX) throw error
      await waitBeforeTry(this.#port, failures + 1, this.#stopping.signal)
      return false
    }
  }

  #stop(): void {
    this.#stopping.abort()
    this.#reader.wake()
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted
  }

  async #addPartitions(): Promise<void> {
    const { name } = this.#topic
    const { signal } = this.#stopping
    // Answered from memory as long as no topic has changed: there may always be something in the known partitions.
    const facts = this.#reader.topic(name)
    const { partitions } = facts instanceof Promise ? await abortable(facts, signal) : facts
    const [first, { length: known }] = [this.#values.partitions[0], this.#values.partitions]
    if (partitions <= known) return
    const added = Array.from({ length: partitions - known }, (_, index) => known + index)
    const read = await readValues(this.#broker, name, added, 'lastStableOffset', signal)
    // Of a topic that was made again the next fetch tells.
    if (read.every(({ topicId }) => topicId === first?.topicId)) this.#values.add(read)
  }

  #assertFollowing(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  get(key: K): V | undefined {
    this.#assertFollowing()
    const encoded = this.#topic.record({ key: key as never, value: null }).key as Uint8Array | null
    if (encoded === null) {
      throw new LogError('INVALID_REQUEST', 'a key of a table is never null', { topic: this.#topic.name })
    }
    const found = this.#values.get(keyText(encoded), encoded)
    return found && this.#decoded(this.#topic.value, found, 'value')
  }

  *entries(): IterableIterator<[K, V]> {
    this.#assertFollowing()
    for (const text of this.#values.texts()) {
      const key = keyBytes(text)
      const value = this.#values.get(text, key)
      if (value !== undefined)
        yield [this.#decoded(this.#topic.key, key, 'key'), this.#decoded(this.#topic.value, value, 'value')]
    }
  }

  #decoded<D>(codec: Codec<never, D>, encoded: Uint8Array, part: 'key' | 'value'): D {
    return decoded(codec, ownBytes(codec, encoded, this.#memory), { topic: this.#topic.name, part })
  }

  get asOf(): readonly Position[] {
    return this.#values.partitions.map(({ topic, partition, nextOffset }) => ({ topic, partition, nextOffset }))
  }

  async close(): Promise<void> {
    offAbort(this.#signal, this.#aborted)
    this.#stop()
    await this.#following
    await this.#reader.close()
    this.#closed(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
