import type { Broker, ProducerSession, TopicFacts } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/port.ts'
import '../../model/disposable.ts'
import { LogError } from '../../model/errors.ts'
import type { ProducerRecord, RecordMetadata } from '../producer-record.ts'
import type { Abortable } from '../signals.ts'
import { abortReason, throwIfAborted } from '../signals.ts'
import { PartitionQueue, type PendingBatch } from './partition-queue.ts'
import { Partitioner } from './partitioner.ts'
import { type ProducerOptions, type ProducerSettings, producerSettings } from './producer-options.ts'
import { type Placed, settleSend } from './send-result.ts'
import { type CheckedRecord, checkRecord } from './validate-record.ts'

/** How long a batch waits before it goes out again when the log had no memory for it. */
const MEMORY_RETRY_MS = 5

export interface Sender {
  /**
   * Writes one record or several. Resolves with where each was written once it reached the producer's `acks`; records of
   * one array that go to the same partition are written together or not at all. Calls keep their order per partition,
   * awaited or not.
   *
   * Rejects with INVALID_RECORD, UNKNOWN_TOPIC_OR_PARTITION, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, STORAGE_FULL,
   * KAFKA_STORAGE_ERROR, PRODUCER_CLOSED, LOG_CLOSED; with PARTIAL_SEND when an array was written to some partitions and
   * not to others (`details.results` says which); with the signal's reason when it aborts the wait for buffer space.
   */
  send<const R extends ProducerRecord | readonly ProducerRecord[]>(
    records: R,
    options?: Abortable,
  ): Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata>
}

/**
 * Writes records, each exactly once per `send` that resolved: every producer is idempotent, whatever its `acks`.
 * Differs from Kafka: there `acks: 1` turns idempotence off.
 */
export interface Producer extends Sender, AsyncDisposable {
  /** Resolves when every record sent before reached its own level; rejects if one failed that nobody else heard of. */
  flush(options?: Abortable): Promise<void>
  /** Flushes, then ends the producer. A second call does nothing. */
  close(): Promise<void>
}

export class LogProducer implements Producer {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #closed: () => void
  readonly #settings: ProducerSettings
  readonly #partitioner: Partitioner
  readonly #queues = new Map<string, PartitionQueue>()
  readonly #unsettled = new Set<PendingBatch>()
  #session: ProducerSession | undefined
  #opening: Promise<void> | undefined
  /** Sends that can't start yet (session, topic or buffer space missing) wait in their order behind it. */
  #gate: Promise<void> | undefined
  #bufferedBytes = 0
  #roomWaiters: (() => void)[] = []
  #isDrainDue = false
  #cancelLinger: (() => void) | undefined
  #isBumping = false
  #closing: Promise<void> | undefined

  constructor(broker: Broker, port: RuntimePort, options: ProducerOptions, closed: () => void) {
    this.#broker = broker
    this.#closed = closed
    this.#port = port
    this.#settings = producerSettings(options)
    const { partitioner, batchSizeBytes } = this.#settings
    this.#partitioner = new Partitioner(partitioner, () => port.random(), batchSizeBytes)
  }

  send<const R extends ProducerRecord | readonly ProducerRecord[]>(
    records: R,
    options: Abortable = {},
  ): Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata> {
    const result = Array.isArray(records)
      ? this.#sendMany(records as readonly ProducerRecord[], options)
      : this.#sendMany([records as ProducerRecord], options).then(([metadata]) => metadata)
    return result as Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata>
  }

  #sendMany(records: readonly ProducerRecord[], { signal }: Abortable): Promise<readonly RecordMetadata[]> {
    try {
      throwIfAborted(signal)
      if (this.#closing !== undefined) throw new LogError('PRODUCER_CLOSED', 'the producer is closed')
      const checked = records.map(checkRecord)
      let sizeBytes = 0
      for (const record of checked) sizeBytes += record.sizeBytes
      const facts = this.#gate === undefined && this.#hasRoom(sizeBytes) ? this.#factsNow(records) : undefined
      if (facts !== undefined) return this.#enqueue(records, checked, facts)
      return this.#enqueueLater(records, checked, sizeBytes, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** What is known of the topics without waiting; `undefined` if anything isn't. */
  #factsNow(records: readonly ProducerRecord[]): Map<string, TopicFacts> | undefined {
    const session = this.#session
    if (session === undefined) return undefined
    const facts = new Map<string, TopicFacts>()
    for (const { topic } of records) {
      if (facts.has(topic)) continue
      const known = session.topic(topic)
      if (known instanceof Promise) return undefined
      facts.set(topic, known)
    }
    return facts
  }

  /** Behind the sends that wait already, so that calls keep their order. */
  async #enqueueLater(
    records: readonly ProducerRecord[],
    checked: readonly CheckedRecord[],
    sizeBytes: number,
    signal: Abortable['signal'],
  ): Promise<readonly RecordMetadata[]> {
    const before = this.#gate
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    this.#gate = gate
    try {
      await before
      await this.#open()
      await this.#room(sizeBytes, signal)
      const facts = new Map<string, TopicFacts>()
      for (const { topic } of records) {
        if (!facts.has(topic) && this.#session !== undefined) facts.set(topic, await this.#session.topic(topic))
      }
      return this.#enqueue(records, checked, facts)
    } finally {
      if (this.#gate === gate) this.#gate = undefined
      open()
    }
  }

  async #open(): Promise<void> {
    if (this.#session !== undefined) return
    this.#opening ??= this.#broker.openProducer().then((session) => {
      this.#session = session
    })
    try {
      await this.#opening
    } finally {
      this.#opening = undefined
    }
  }

  /** More than the whole buffer is taken when it is empty: else it could never be sent. */
  #hasRoom(sizeBytes: number): boolean {
    return this.#bufferedBytes === 0 || this.#bufferedBytes + sizeBytes <= this.#settings.bufferBytes
  }

  async #room(sizeBytes: number, signal: Abortable['signal']): Promise<void> {
    while (!this.#hasRoom(sizeBytes)) {
      this.#drain()
      await new Promise<void>((resolve, reject) => {
        this.#roomWaiters.push(resolve)
        signal?.addEventListener('abort', () => reject(abortReason(signal)), { once: true })
      })
      throwIfAborted(signal)
    }
  }

  /** Groups the records by partition, in their order; one batch takes all of a call that go to one partition. */
  #enqueue(
    records: readonly ProducerRecord[],
    checked: readonly CheckedRecord[],
    facts: ReadonlyMap<string, TopicFacts>,
  ): Promise<readonly RecordMetadata[]> {
    const groups = new Map<PartitionQueue, { records: CheckedRecord[]; indexes: number[]; sizeBytes: number }>()
    records.forEach((record, index) => {
      const each = checked[index]
      if (each === undefined) return
      const partitions = facts.get(record.topic)?.partitions ?? 0
      const queue = this.#queue(record.topic, this.#partitioner.choose(record, each.sizeBytes, partitions))
      let group = groups.get(queue)
      if (group === undefined) {
        group = { records: [], indexes: [], sizeBytes: 0 }
        groups.set(queue, group)
      }
      group.records.push(each)
      group.indexes.push(index)
      group.sizeBytes += each.sizeBytes
    })
    const placed: Placed[] = []
    for (const [queue, { records: part, indexes, sizeBytes }] of groups) {
      const { batch, firstIndex } = queue.add(part, sizeBytes)
      this.#bufferedBytes += sizeBytes
      this.#unsettled.add(batch)
      placed.push({ topic: queue.topic, partition: queue.partition, batch, firstIndex, indexes, records: part })
    }
    this.#scheduleDrain([...groups.keys()].some((queue) => queue.isFull))
    return settleSend(placed, records.length)
  }

  #queue(topic: string, partition: number): PartitionQueue {
    const key = `${topic}/${partition}`
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition, {
        acks: this.#settings.acks,
        batchSizeBytes: this.#settings.batchSizeBytes,
        session: () => this.#mustHaveSession(),
        settled: (batch) => this.#settled(batch),
        needsEpoch: () => this.#bumpEpoch(),
        later: (callback) => this.#port.setTimer(MEMORY_RETRY_MS, callback),
      })
      this.#queues.set(key, queue)
    }
    return queue
  }

  #mustHaveSession(): ProducerSession {
    if (this.#session === undefined) throw new LogError('PRODUCER_CLOSED', 'the producer is closed')
    return this.#session
  }

  #settled(batch: PendingBatch): void {
    this.#unsettled.delete(batch)
    this.#bufferedBytes -= batch.sizeBytes
    const waiters = this.#roomWaiters
    if (waiters.length === 0) return
    this.#roomWaiters = []
    for (const resume of waiters) resume()
  }

  /** Sends of one turn make one batch; with a linger they wait for more, unless a batch is full. */
  #scheduleDrain(isFull: boolean): void {
    const { lingerMs } = this.#settings
    if (lingerMs > 0 && !isFull) {
      this.#cancelLinger ??= this.#port.setTimer(lingerMs, () => this.#drain())
      return
    }
    if (this.#isDrainDue) return
    this.#isDrainDue = true
    void Promise.resolve().then(() => this.#drain())
  }

  #drain(): void {
    this.#isDrainDue = false
    this.#cancelLinger?.()
    this.#cancelLinger = undefined
    if (this.#isBumping) return
    for (const queue of this.#queues.values()) queue.drain()
  }

  /** Once nothing is unanswered anywhere, sequences of every partition start again under a new epoch. */
  #bumpEpoch(): void {
    if (this.#isBumping) return
    this.#isBumping = true
    const attempt = () => {
      if ([...this.#queues.values()].some((queue) => queue.hasUnanswered)) {
        this.#port.setTimer(1, attempt)
        return
      }
      void this.#nextEpoch()
    }
    attempt()
  }

  async #nextEpoch(): Promise<void> {
    try {
      await this.#mustHaveSession().bumpEpoch()
      this.#isBumping = false
      for (const queue of this.#queues.values()) queue.restart()
    } catch (error) {
      for (const queue of this.#queues.values()) queue.abandon(error)
    }
  }

  async flush({ signal }: Abortable = {}): Promise<void> {
    throwIfAborted(signal)
    while (this.#gate !== undefined) await this.#gate
    this.#drain()
    const batches = [...this.#unsettled].map((batch) => batch.answered)
    const done = Promise.all(batches).then(() => {})
    if (signal === undefined) return done
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(abortReason(signal)), { once: true })
    })
    return Promise.race([done, aborted])
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      await this.#session?.close()
      this.#closed()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
