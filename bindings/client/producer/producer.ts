import type { AppendRequest, Broker, ProducerSession } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/port.ts'
import { type CompressionType, codecOf } from '../../model/compression.ts'
import '../../model/disposable.ts'
import { LogError } from '../../model/errors.ts'
import type { ProducerRecord, RecordMetadata } from '../producer-record.ts'
import type { Abortable } from '../signals.ts'
import { abortable, signalOf, throwIfAborted } from '../signals.ts'
import { compressRecords } from './compress-records.ts'
import { PartitionQueue, type QueueHooks } from './partition-queue.ts'
import { Partitioner } from './partitioner.ts'
import type { PendingBatch } from './pending-batch.ts'
import { type Places, SendPlan } from './place-records.ts'
import {
  assertCompression,
  type Compression,
  type ProducerOptions,
  type ProducerSettings,
  producerSettings,
} from './producer-options.ts'
import { SendBuffer } from './send-buffer.ts'
import { type Placed, settleSend } from './send-result.ts'
import { type TopicRules, TopicRulesCache } from './topic-rules.ts'
import { checkRecord } from './validate-record.ts'

/** What one `send` asks for. */
export interface SendOptions extends Abortable {
  /** Of this call's batches, in place of the producer's; `compression.type` of a topic goes before it. */
  compression?: Compression | undefined
}

/** What takes records. */
export interface Sender {
  /**
   * Writes one record or several. Resolves with where each was written once it reached the producer's `acks`; records of
   * one array that go to the same partition are one batch, written together or not at all; only where they exceed
   * max.message.bytes of their topic are they cut into several. Calls keep their order per partition, awaited or not.
   * Bytes aren't copied: leave them as they are until the call settles. Waits while `bufferBytes` are unanswered.
   *
   * Rejects with INVALID_RECORD, INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION, MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE or
   * PRODUCER_CLOSED before anything of the call is written; with INVALID_TIMESTAMP, LOG_READ_ONLY, LOG_CLOSED when it is
   * refused later; with PARTIAL_SEND when an array was written in part (`details.results` says per record `{ metadata }`
   * or `{ error }`). After STORAGE_FULL, MEMORY_CAP_REACHED, KAFKA_STORAGE_ERROR and KERNEL_POISONED the records may be
   * written or not. Rejects with the signal's reason, and writes nothing, when it aborts before the records are buffered.
   */
  send<const R extends ProducerRecord | readonly ProducerRecord[]>(
    records: R,
    options?: SendOptions,
  ): Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata>
}

/**
 * Writes records, each exactly once per `send` that resolved: every producer is idempotent, whatever its `acks`.
 * Differs from Kafka: there `acks: 1` turns idempotence off.
 */
export interface Producer extends Sender, AsyncDisposable {
  /**
   * Sends what waits for `lingerMs` at once. Resolves when every record sent before reached the producer's `acks`; rejects
   * with the error of the first that failed, which its `send` reports too, or with the signal's reason.
   */
  flush(options?: Abortable): Promise<void>
  /** Flushes, then ends the producer; rejects as `flush` does, and is closed all the same. A second call gives the first's answer. */
  close(): Promise<void>
}

export class LogProducer implements Producer {
  readonly #broker: Pick<Broker, 'openProducer'>
  readonly #port: RuntimePort
  readonly #closed: () => void
  readonly #settings: ProducerSettings
  readonly #partitioner: Partitioner
  readonly #rules: TopicRulesCache = new TopicRulesCache()
  readonly #queues = new Map<string, Map<number, PartitionQueue>>()
  readonly #allQueues: PartitionQueue[] = []
  readonly #unsettled = new Set<PendingBatch>()
  readonly #buffer: SendBuffer
  readonly #places: Places = {
    rules: (topic) => this.#rulesNow(topic),
    partition: (record, sizeBytes, partitions) => this.#partitioner.choose(record, sizeBytes, partitions),
    queue: (topic, partition) => this.#queue(topic, partition),
    compression: (rules, ofCall) => this.#compressionOf(rules, ofCall ?? this.#settings.compression),
  }
  #session: ProducerSession | undefined
  #opening: Promise<void> | undefined
  /** Sends that can't start yet (session, topic or buffer space missing) wait in their order behind it. */
  #gate: Promise<void> | undefined
  /** Each of them gives its batches once it has any; none if it fails before. */
  readonly #gated = new Set<Promise<readonly PendingBatch[]>>()
  #isDrainDue = false
  #cancelLinger: (() => void) | undefined
  /** Sequences start again under a new epoch as soon as nothing is open. */
  #isEpochDue = false
  #isBumping = false
  #fencedBy: unknown
  #closing: Promise<void> | undefined

  constructor(broker: Pick<Broker, 'openProducer'>, port: RuntimePort, options: ProducerOptions, closed: () => void) {
    this.#broker = broker
    this.#closed = closed
    this.#port = port
    this.#settings = producerSettings(options)
    const { partitioner, batchSizeBytes, bufferBytes } = this.#settings
    this.#buffer = new SendBuffer(bufferBytes)
    this.#partitioner = new Partitioner(partitioner, () => port.random(), batchSizeBytes)
  }

  /** Over a session that is open already: one of a transaction. */
  static over(session: ProducerSession, port: RuntimePort, options: ProducerOptions): LogProducer {
    const producer = new LogProducer({ openProducer: async () => session }, port, options, () => {})
    producer.#session = session
    return producer
  }

  send<const R extends ProducerRecord | readonly ProducerRecord[]>(
    records: R,
    options: SendOptions = {},
  ): Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata> {
    const result = Array.isArray(records)
      ? this.#sendMany(records as readonly ProducerRecord[], options)
      : this.#sendMany([records as ProducerRecord], options).then(([metadata]) => metadata)
    return result as Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata>
  }

  #sendMany(records: readonly ProducerRecord[], options: SendOptions): Promise<readonly RecordMetadata[]> {
    try {
      const signal = signalOf(options)
      throwIfAborted(signal)
      this.#assertOpen()
      const { compression } = options
      if (compression !== undefined) assertCompression(compression)
      const plan = new SendPlan(compression)
      const isPlaced = plan.place(records, this.#places) === undefined
      const mayGo = this.#session !== undefined && this.#gate === undefined && this.#buffer.hasRoom(plan.sizeBytes)
      if (isPlaced && mayGo) return settleSend(this.#enqueue(plan), records.length)
      return this.#enqueueLater(plan, isPlaced ? [] : copied(records), records.length, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LogError('PRODUCER_CLOSED', 'the producer is closed')
    if (this.#fencedBy !== undefined) throw this.#fencedBy
  }

  /** What is known of the topic without waiting. */
  #rulesNow(topic: string): TopicRules | undefined {
    const facts = this.#session?.topic(topic)
    if (!(facts instanceof Promise)) return facts && this.#rules.of(facts)
    // Whoever waits for it asks again, and hears what is wrong.
    facts.catch(() => {})
    return undefined
  }

  #compressionOf({ compressionType }: TopicRules, chosen: Compression): CompressionType | undefined {
    const compression = compressionType === 'producer' ? chosen : compressionType
    if (compression === 'none' || compression === 'uncompressed') return undefined
    // Missing it is told before anything is sent.
    codecOf(this.#port.codecs ?? {}, compression)
    return compression
  }

  #outgoing(batch: PendingBatch): AppendRequest['records'] {
    const { records, compression } = batch
    if (compression !== undefined && batch.compressed?.recordCount !== records.length) {
      const now = this.#port.now()
      batch.compressed = compressRecords(records, compression, this.#port.codecs ?? {}, now)
      batch.stampedAt = batch.compressed === undefined ? undefined : now
    }
    return batch.compressed ?? records
  }

  /** Behind the sends that wait already, so that calls keep their order. `records`: none if all have their places. */
  async #enqueueLater(
    plan: SendPlan,
    records: readonly ProducerRecord[],
    count: number,
    signal: Abortable['signal'],
  ): Promise<readonly RecordMetadata[]> {
    const before = this.#gate ?? Promise.resolve()
    let leave: (batches: readonly PendingBatch[]) => void = () => {}
    const left = new Promise<readonly PendingBatch[]>((resolve) => {
      leave = resolve
    })
    // One whose wait was aborted must not let those behind it pass those before it.
    const gate = Promise.all([before, left]).then(() => {
      this.#gated.delete(left)
      if (this.#gate === gate) this.#gate = undefined
    })
    this.#gate = gate
    this.#gated.add(left)
    let placed: readonly Placed[] = []
    try {
      await abortable(before, signal)
      await abortable(this.#open(), signal)
      await this.#placeAll(plan, records)
      await this.#room(plan.sizeBytes, signal)
      throwIfAborted(signal)
      if (this.#fencedBy !== undefined) throw this.#fencedBy
      placed = this.#enqueue(plan)
    } finally {
      leave(placed.map(({ batch }) => batch))
    }
    return settleSend(placed, count)
  }

  /** Asks for the topics that aren't known yet, one after the other. */
  async #placeAll(plan: SendPlan, records: readonly ProducerRecord[]): Promise<void> {
    const asked = new Map<string, TopicRules>()
    const places = { ...this.#places, rules: (topic: string) => asked.get(topic) ?? this.#rulesNow(topic) }
    for (let topic = plan.place(records, places); topic !== undefined; topic = plan.place(records, places)) {
      asked.set(topic, this.#rules.of(await this.#mustHaveSession().topic(topic)))
    }
  }

  #open(): Promise<void> {
    if (this.#session !== undefined) return Promise.resolve()
    this.#opening ??= this.#broker
      .openProducer()
      .then((session) => {
        this.#session = session
      })
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }

  async #room(sizeBytes: number, signal: Abortable['signal']): Promise<void> {
    while (!this.#buffer.hasRoom(sizeBytes)) {
      this.#drain()
      await abortable(this.#buffer.freed(), signal)
    }
  }

  /** Puts the records into batches, in their order. */
  #enqueue(plan: SendPlan): readonly Placed[] {
    const { placed, isFull } = plan.enqueue()
    if (placed.length === 0) return placed
    this.#buffer.take(plan.sizeBytes)
    for (const { batch } of placed) this.#unsettled.add(batch)
    this.#scheduleDrain(isFull)
    return placed
  }

  #queue(topic: string, partition: number): PartitionQueue {
    let byPartition = this.#queues.get(topic)
    if (byPartition === undefined) {
      byPartition = new Map()
      this.#queues.set(topic, byPartition)
    }
    let queue = byPartition.get(partition)
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition, this.#hooks())
      byPartition.set(partition, queue)
      this.#allQueues.push(queue)
    }
    return queue
  }

  #hooks(): QueueHooks {
    const { acks, batchSizeBytes } = this.#settings
    return {
      acks,
      batchSizeBytes,
      session: () => this.#mustHaveSession(),
      outgoing: (batch) => this.#outgoing(batch),
      isHalted: () => this.#isEpochDue,
      settled: (batch) => {
        this.#unsettled.delete(batch)
        this.#buffer.free(batch.sizeBytes)
      },
      needsEpoch: () => {
        this.#isEpochDue = true
        this.#bumpWhenQuiet()
      },
      quieter: () => this.#bumpWhenQuiet(),
      fenced: (error) => this.#fenced(error),
      random: () => this.#port.random(),
      elapsed: () => this.#port.elapsed(),
      setTimer: (delayMs, callback) => this.#port.setTimer(delayMs, callback, true),
    }
  }

  #mustHaveSession(): ProducerSession {
    if (this.#session === undefined) throw new LogError('PRODUCER_CLOSED', 'the producer is closed')
    return this.#session
  }

  /** Sends of one turn make one batch; with a linger they wait for more, unless a batch is full. */
  #scheduleDrain(isFull: boolean): void {
    const { lingerMs } = this.#settings
    if (lingerMs > 0 && !isFull) {
      this.#cancelLinger ??= this.#port.setTimer(lingerMs, () => this.#drain(), true)
      return
    }
    if (this.#isDrainDue) return
    this.#isDrainDue = true
    const drain = () => this.#drain()
    Promise.resolve().then(drain, drain)
  }

  #drain(): void {
    this.#isDrainDue = false
    this.#cancelLinger?.()
    this.#cancelLinger = undefined
    if (this.#isEpochDue) this.#bumpWhenQuiet()
    else for (const queue of this.#allQueues) queue.drain()
  }

  /** Not before every batch of the old epoch is known to be written or not: the new one could write it twice. */
  #bumpWhenQuiet(): void {
    if (this.#isBumping) return
    for (const queue of this.#allQueues) if (!queue.isQuiet) return
    this.#isBumping = true
    this.#mustHaveSession()
      .bumpEpoch()
      .then(
        () => this.#bumped(),
        (error) => this.#notBumped(error),
      )
  }

  #bumped(): void {
    this.#isBumping = false
    for (const queue of this.#allQueues) queue.restart()
    this.#isEpochDue = false
    this.#drain()
  }

  #notBumped(error: unknown): void {
    this.#isBumping = false
    for (const queue of this.#allQueues) queue.abandon(error)
    this.#isEpochDue = false
  }

  #fenced(error: unknown): void {
    this.#fencedBy = error
    for (const queue of this.#allQueues) queue.abandon(error)
  }

  async flush(options: Abortable = {}): Promise<void> {
    const signal = signalOf(options)
    throwIfAborted(signal)
    const answered = (batches: Iterable<PendingBatch>) => Promise.all(Array.from(batches, (each) => each.answered))
    const all = Promise.all([answered(this.#unsettled), ...Array.from(this.#gated, (each) => each.then(answered))])
    // Told below; until then others may fail.
    all.catch(() => {})
    // Those that wait behind it were sent later: there may always be some.
    if (this.#gate !== undefined) await abortable(this.#gate, signal)
    this.#drain()
    await abortable(all, signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      await Promise.allSettled([...this.#unsettled].map((batch) => batch.answered))
      this.#cancelLinger?.()
      try {
        await this.#session?.close()
      } finally {
        this.#closed()
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Checked and copied: the program may use its objects again while the send waits, headers too. */
function copied(records: readonly ProducerRecord[]): readonly ProducerRecord[] {
  return Array.from(records, (record, index) => {
    const { headers } = checkRecord(record, index)
    // Without headers the copy keeps the shape of the original: two shapes make each later send a third slower.
    return headers === undefined ? { ...record } : { ...record, headers }
  })
}
