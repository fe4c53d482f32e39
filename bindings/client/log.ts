import type { Broker } from '../broker/broker.ts'
import type { RuntimePort } from '../broker/runtime-port.ts'
import '../model/disposable.ts'
import { LogError } from '../model/errors.ts'
import type { AbortSignalGiven } from '../model/platform.ts'
import type { Guarantees } from '../model/positions.ts'
import { LogAdmin } from './admin/admin.ts'
import type { Admin } from './admin/admin-type.ts'
import { GroupConsumer } from './consumer/consumer.ts'
import type { ConsumerOptions } from './consumer/consumer-options.ts'
import type { Consumer } from './consumer/consumer-type.ts'
import { getRecord, type RecordPlace } from './get-record.ts'
import { Ingest, type IngestOptions } from './process/ingest.ts'
import type { AnyStateStore } from './process/keyed-state.ts'
import { Process } from './process/process.ts'
import type { ProcessOptions } from './process/process-options.ts'
import { type Processor, RunningProcessor } from './process/processor.ts'
import { FollowedTable, type ReadonlyTable } from './process/table.ts'
import { Accumulators } from './producer/accumulators.ts'
import { LogProducer } from './producer/producer.ts'
import type { ProducerOptions } from './producer/producer-options.ts'
import type { Producer } from './producer/producer-type.ts'
import { type Reader, type ReadOptions, TopicReader } from './read.ts'
import type { BatchOf, RecordOf } from './records.ts'
import { GroupShareConsumer } from './share/share-consumer.ts'
import type { ShareConsumer } from './share/share-consumer-type.ts'
import type { ShareConsumerOptions } from './share/share-options.ts'
import { type Abortable, signalOf } from './signals.ts'
import type { Topic, TopicRef } from './topic/topic.ts'
import type { TransactionalProducer, TransactionalProducerOptions } from './transaction/transaction-type.ts'
import { LogTransactionalProducer } from './transaction/transactional-producer.ts'
import { whileAnswered } from './while-answered.ts'

/**
 * A log: the same whether this process holds its directory or is attached to another one that does. Once it is closed
 * every call but `close` throws LOG_CLOSED, or rejects with it.
 */
export interface Log extends AsyncDisposable {
  /** What this log guarantees, whatever its users ask for. */
  readonly guarantees: Guarantees
  /** Topics, offsets, groups, transactions and producers. */
  readonly admin: Admin
  /** A new idempotent producer. Throws INVALID_REQUEST or INVALID_REQUIRED_ACKS for wrong options. */
  producer(options?: ProducerOptions & { transactionalId?: undefined }): Producer
  /**
   * A producer that sends in transactions. Throws INVALID_REQUEST or INVALID_REQUIRED_ACKS for wrong options; its first
   * transaction rejects with INVALID_TRANSACTION_TIMEOUT for a wrong `transactionTimeoutMs`.
   */
  producer(options: TransactionalProducerOptions): TransactionalProducer
  /** A new member of a group; joins at its first iteration. Throws INVALID_GROUP_ID or INVALID_REQUEST. */
  consumer<const T extends TopicRef>(options: ConsumerOptions<T>): Consumer<T>
  /**
   * Reads topics without a group. Nothing is read before the iteration. Throws INVALID_REQUEST for wrong options.
   */
  read<const T extends TopicRef>(topics: T | readonly T[], options?: ReadOptions): Reader<RecordOf<T>, BatchOf<T>>
  /**
   * Reads one record by its place, such as the one that `send` resolved with. Resolves with `undefined` where a
   * committed reader finds none: at the offset of a transaction's marker, of an aborted record, or at one that an
   * unclean end left unused. The record's batch stays in memory, so that its neighbours are found without the storage.
   * Rejects with INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE (with the valid range),
   * CORRUPT_MESSAGE or LOG_CLOSED.
   */
  get<const T extends TopicRef>(topic: T, at: RecordPlace): Promise<RecordOf<T> | undefined>
  /**
   * A consumer of a work queue: several consumers take records of the same partitions, and one record that fails
   * doesn't hold up the rest. Throws INVALID_REQUEST or INVALID_GROUP_ID for wrong options.
   */
  shareConsumer<const T extends TopicRef>(options: ShareConsumerOptions<T>): ShareConsumer<T>
  /**
   * Consumes records, calls `handle`, and commits the records that it gives, the state that it changes and the group's
   * offsets in one transaction per batch, until it is closed. Throws INVALID_REQUEST or INVALID_GROUP_ID for wrong
   * options. `done` rejects with the error of `handle` if there is no `deadLetter`, and with
   * UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG, INCONSISTENT_GROUP_PROTOCOL, CORRUPT_MESSAGE, LOG_CLOSED.
   */
  process<const T extends TopicRef, const S extends Record<string, AnyStateStore> = Record<never, never>>(
    options: ProcessOptions<T, S>,
  ): Processor
  /**
   * Brings rows of a foreign store into the log, each exactly once. Throws INVALID_REQUEST for wrong options. `done`
   * rejects with the error of `read`, with PRODUCER_FENCED when a newer `ingest` of the same source has begun, with
   * errors of `send` for records that are refused, with INVALID_REQUEST for an item whose position is neither a text
   * nor a finite number, and with LOG_CLOSED.
   */
  ingest<P extends string | number>(options: IngestOptions<P>): Processor
  /**
   * A table with the last value of each key of a topic, kept up to date. Resolves once it has read to the end. Rejects
   * with INVALID_CONFIG for a topic whose retention removes values by age or size alone (`cleanup.policy` `delete`),
   * INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION.
   */
  table<N extends string, KI, K, VI, V>(
    topic: Topic<N, KI, K, VI, V>,
    options?: Abortable,
  ): Promise<ReadonlyTable<K, V>>
  /**
   * Flushes the producers, ends consumers and readers, and leaves the storage so that the next open is quick. It waits
   * for every `handle` of `process` that was called: one that would never settle has to watch its signal, and one that
   * awaits this call waits for itself. If a processor gives up meanwhile, its `done` tells why. If other processes are
   * attached to this one, their consumers get up to 5 s to commit and give up their partitions and locks; what they
   * haven't committed by then is delivered again. If this one is attached and its holder gives no sign for 5 s, calls
   * that are still under way reject with NETWORK_EXCEPTION: they may be done or not.
   *
   * Rejects with STORAGE_FULL, MEMORY_CAP_REACHED or KAFKA_STORAGE_ERROR if not all could be written, or if the log had
   * failed before: it is closed even then, and the next open recovers it. A second call settles as the first one.
   */
  close(): Promise<void>
}

export class BrokerLog implements Log {
  readonly admin: Admin
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #accumulators: Accumulators
  readonly #open = new Set<{ close(): Promise<void> }>()
  #closing: Promise<void> | undefined

  constructor(broker: Broker, port: RuntimePort) {
    this.#broker = broker
    this.#port = port
    this.#accumulators = new Accumulators(broker, port)
    this.admin = new LogAdmin(broker.admin)
  }

  get guarantees(): Guarantees {
    return this.#broker.guarantees
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LogError('LOG_CLOSED', 'the log is closed')
  }

  producer(options?: ProducerOptions & { transactionalId?: undefined }): Producer
  producer(options: TransactionalProducerOptions): TransactionalProducer
  producer(options: ProducerOptions | TransactionalProducerOptions = {}): Producer | TransactionalProducer {
    this.#assertOpen()
    const closed = () => this.#open.delete(producer)
    const isTransactional = isObject(options) && 'transactionalId' in options && options.transactionalId !== undefined
    const producer: LogProducer | LogTransactionalProducer = isTransactional
      ? new LogTransactionalProducer(this.#broker, this.#port, options, closed)
      : new LogProducer(this.#accumulators, this.#port, options, { closed })
    this.#open.add(producer)
    return producer
  }

  consumer<const T extends TopicRef>(options: ConsumerOptions<T>): Consumer<T> {
    this.#assertOpen()
    const closed = () => this.#open.delete(consumer)
    const consumer: GroupConsumer<T> = new GroupConsumer(this.#broker, this.#port, options, closed)
    this.#open.add(consumer)
    return consumer
  }

  shareConsumer<const T extends TopicRef>(options: ShareConsumerOptions<T>): ShareConsumer<T> {
    this.#assertOpen()
    const parts = {
      broker: this.#broker,
      port: this.#port,
      // The consumer closes it after its last dead letter.
      producer: () => new LogProducer(this.#accumulators, this.#port, {}),
      closed: () => this.#open.delete(consumer),
    }
    const consumer: GroupShareConsumer<T> = new GroupShareConsumer(parts, options)
    this.#open.add(consumer)
    return consumer
  }

  read<const T extends TopicRef>(topics: T | readonly T[], options: ReadOptions = {}): Reader<RecordOf<T>, BatchOf<T>> {
    this.#assertOpen()
    const list = (Array.isArray(topics) ? topics : [topics]) as readonly T[]
    return new TopicReader({ broker: this.#broker, port: this.#port }, list, options)
  }

  get<const T extends TopicRef>(topic: T, at: RecordPlace): Promise<RecordOf<T> | undefined> {
    try {
      this.#assertOpen()
      return getRecord(this.#broker, topic, at) as Promise<RecordOf<T> | undefined>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  process<const T extends TopicRef, const S extends Record<string, AnyStateStore> = Record<never, never>>(
    options: ProcessOptions<T, S>,
  ): Processor {
    this.#assertOpen()
    const process = new Process(this.#broker, this.#port, options)
    return this.#run((signal) => process.run(signal), options)
  }

  ingest<P extends string | number>(options: IngestOptions<P>): Processor {
    this.#assertOpen()
    const ingest = new Ingest(this.#broker, this.#port, options)
    return this.#run((signal) => ingest.run(signal), options)
  }

  #run(run: (signal: AbortSignalGiven) => Promise<void>, options: Abortable): Processor {
    const ended = (processor: Processor) => this.#open.delete(processor)
    const untilSilent = <T>(ending: Promise<T>) => whileAnswered(this.#broker, ending)
    const processor = new RunningProcessor(run, signalOf(options), ended, untilSilent)
    this.#open.add(processor)
    return processor
  }

  async table<N extends string, KI, K, VI, V>(
    topic: Topic<N, KI, K, VI, V>,
    options: Abortable = {},
  ): Promise<ReadonlyTable<K, V>> {
    this.#assertOpen()
    const parts = {
      broker: this.#broker,
      port: this.#port,
      topic: topic as never,
      closed: (ended: { close(): Promise<void> }) => this.#open.delete(ended),
    }
    const table = await FollowedTable.open<K, V>(parts, options)
    this.#open.add(table)
    // The close began while the table was read for the first time, and didn't know of it.
    if (this.#closing !== undefined) await table.close()
    this.#assertOpen()
    return table
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** A producer whose last sends failed reported that where they were awaited; the log still closes. */
  async #close(): Promise<void> {
    this.#broker.closing?.()
    await Promise.allSettled([...this.#open].map((each) => each.close()))
    await this.#broker.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
