import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/port.ts'
import { LogError } from '../../model/errors.ts'
import type { AbortSignalLike } from '../../model/platform.ts'
import { parseTopicConfig } from '../../model/topic-config.ts'
import { ConsumedRecord } from '../consumer/consumed-record.ts'
import { GroupConsumer } from '../consumer/consumer.ts'
import { placeKey } from '../consumer/start-positions.ts'
import { deadLetterOf } from '../dead-letter.ts'
import type { Sender } from '../producer/producer.ts'
import { LogProducer } from '../producer/producer.ts'
import type { ProducerRecord } from '../producer-record.ts'
import type { RecordBatch, RecordOf } from '../records.ts'
import { abortable, throwIfAborted } from '../signals.ts'
import { type TopicRef, topicName } from '../topic/topic.ts'
import { LogTransactionalProducer } from '../transaction/transactional-producer.ts'
import { inLanes } from './lanes.ts'
import { keyText } from './partition-values.ts'
import { type ProcessOptions, type ProcessSettings, processSettings } from './process-options.ts'
import { StatePartitions, type Stores } from './state-partitions.ts'

const BATCH_RECORDS = 1000
const RETRY_MS = 10
const RETRY_MS_MAX = 1000

/** Consume, handle, produce, keep state, commit: batch by batch, until it is told to end. */
export class Process<T extends TopicRef, S> {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #options: ProcessOptions<T, S>
  readonly #settings: ProcessSettings
  readonly #state: StatePartitions

  constructor(broker: Broker, port: RuntimePort, options: ProcessOptions<T, S>) {
    this.#broker = broker
    this.#port = port
    this.#options = options
    this.#settings = processSettings(options as unknown as ProcessOptions<TopicRef, unknown>)
    this.#state = new StatePartitions(broker, this.#settings.stores)
  }

  async run(signal: AbortSignalLike): Promise<void> {
    const { groupId, topics } = this.#options
    const names = topics.map(topicName)
    await this.#state.check(names)
    // By range, so that equal partitions of all topics, and with them one partition of state, are with one member.
    const consumer = new GroupConsumer(this.#broker, { groupId, topics, assignor: 'range' }, () => {})
    for (const event of ['revoked', 'lost'] as const) {
      consumer.on(event, (partitions) => this.#state.forget(partitions.map(({ partition }) => partition)))
    }
    // Partitions may have been added since, or members come that read other topics.
    consumer.on('assigned', async () => {
      await this.#state.check(names)
      this.#state.checkShare(names, consumer.assignment())
    })
    consumer.on('revoked', (revoked) => {
      const kept = consumer.assignment().filter((each) => !revoked.some((at) => placeKey(at) === placeKey(each)))
      this.#state.checkShare(names, kept)
    })
    const batches = consumer.batches({ maxRecords: BATCH_RECORDS, signal })
    const cycle = this.#settings.isExactlyOnce ? this.#inTransactions(consumer) : this.#atLeastOnce(consumer)
    try {
      for await (const batch of batches) {
        throwIfAborted(signal)
        await cycle.one(batch as unknown as RecordBatch<T>, signal)
      }
    } finally {
      await cycle.end().finally(() => consumer.close())
    }
  }

  /** A transaction that can't be committed leaves nothing, and the batch comes again. */
  #inTransactions(consumer: GroupConsumer<T>) {
    const transactionalId = `${this.#options.groupId}-${Math.floor(this.#port.random() * 2 ** 48).toString(36)}`
    const producer = new LogTransactionalProducer(this.#broker, this.#port, { transactionalId }, () => {})
    let failures = 0
    return {
      one: async (batch: RecordBatch<T>, signal: AbortSignalLike) => {
        try {
          await producer.transaction(async (transaction) => {
            // First of all: whatever fails from here on makes the consumer deliver the batch again.
            await transaction.sendOffsets(consumer as never, batch as never)
            await this.#handleAll(batch, transaction, signal)
          })
          this.#state.committed(batch.partition)
          failures = 0
        } catch (error) {
          // Read again from the log: whatever became of the transaction, that is what holds.
          this.#state.forget([batch.partition])
          throwIfAborted(signal)
          if (!isPassing(error)) throw error
          await this.#wait(++failures, signal)
        }
      },
      end: () => producer.close(),
    }
  }

  #atLeastOnce(consumer: GroupConsumer<T>) {
    const producer = new LogProducer(this.#broker, this.#port, {}, () => {})
    return {
      one: async (batch: RecordBatch<T>, signal: AbortSignalLike) => {
        await this.#handleAll(batch, producer, signal)
        this.#state.committed(batch.partition)
        await consumer.commit(batch as never).catch((error: unknown) => {
          // Its records are with another member now, and come again there.
          if (!LogError.is(error) || error.category !== 'rejoin') throw error
        })
      },
      end: () => producer.close(),
    }
  }

  async #handleAll(batch: RecordBatch<T>, sender: Sender, signal: AbortSignalLike): Promise<void> {
    const stores = await this.#state.of(batch.partition, signal)
    const records = [...batch] as unknown as ConsumedRecord[]
    const { concurrency } = this.#settings
    const laneOf = (record: ConsumedRecord) => {
      const { key } = ConsumedRecord.encodedOf(record)
      return key === null ? `${record.offset}` : `k${keyText(key)}`
    }
    const width = concurrency === 1 ? () => '' : laneOf
    const outputs = await inLanes(records, concurrency, width, (record) => this.#handle(record, stores, signal))
    const all = [...outputs.flat(), ...stores.changes()]
    if (all.length > 0) await sender.send(all)
  }

  /** Of records that are handled at once each counts only if what it read of the state still holds; else it runs again. */
  async #handle(record: ConsumedRecord, stores: Stores, signal: AbortSignalLike): Promise<readonly ProducerRecord[]> {
    const { retries, deadLetter } = this.#settings
    let failures = 0
    for (let attempt = 1; ; attempt++) {
      const layers = stores.layers()
      try {
        const state = stores.views(layers)
        const output = await this.#options.handle(record as unknown as RecordOf<T>, {
          state: state as never,
          attempt,
          signal,
        })
        // Bounded: each time another record of the batch was done with.
        if (stores.areStale(layers)) continue
        stores.take(layers)
        return output === undefined ? [] : Array.isArray(output) ? output : [output as ProducerRecord]
      } catch (error) {
        throwIfAborted(signal)
        // What it read didn't belong together: no failure of the record.
        if (stores.areStale(layers)) continue
        failures++
        if (failures > retries && deadLetter === undefined) throw error
        if (failures > retries) return [await this.#deadLetter(record, deadLetter as string, error, attempt)]
      }
      await this.#wait(failures, signal)
    }
  }

  async #deadLetter(record: ConsumedRecord, topic: string, error: unknown, attempt: number): Promise<ProducerRecord> {
    const { config } = await this.#broker.admin.describeTopic(topic)
    const { maxMessageBytes, segmentBytes } = parseTopicConfig(config)
    return deadLetterOf(record, topic, error, attempt, Math.min(maxMessageBytes, segmentBytes))
  }

  #wait(attempt: number, signal: AbortSignalLike): Promise<void> {
    const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(attempt - 1, 20))
    return abortable(new Promise<void>((resolve) => this.#port.setTimer(waitMs, resolve, true)), signal)
  }
}

/** The group moved on, or the log came back: another run mends it. */
function isPassing(error: unknown): boolean {
  return LogError.is(error) && ['rejoin', 'abortable', 'retriable'].includes(error.category)
}
