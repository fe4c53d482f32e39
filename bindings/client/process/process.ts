import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import type { AbortSignalGiven } from '../../model/platform.ts'
import { GroupConsumer } from '../consumer/consumer.ts'
import type { DeliveredBatch } from '../consumer/delivered-batch.ts'
import { checkDeadLetters } from '../dead-letter.ts'
import { Accumulators } from '../producer/accumulators.ts'
import { LogProducer } from '../producer/producer.ts'
import { throwIfAborted } from '../signals.ts'
import { type TopicRef, topicName } from '../topic/topic.ts'
import { AtLeastOnce } from './at-least-once.ts'
import { BatchWork, FAILED_READS_MAX, RecordFailure, waitBeforeTry } from './batch-work.ts'
import { InTransactions } from './in-transactions.ts'
import { type ProcessOptions, type ProcessSettings, processSettings } from './process-options.ts'
import { ProcessProducers } from './process-producers.ts'
import type { ProcessingGuarantee } from './processing-guarantee.ts'
import { RestoredStates } from './restored-states.ts'
import { WorkSignal } from './work-signal.ts'

/** Consumes, handles, produces, keeps state and commits, batch by batch, until it is told to end. */
export class Process<T extends TopicRef, S> {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #options: ProcessOptions<T, S>
  readonly #settings: ProcessSettings
  /** The signal that `handle` is given. */
  readonly #signal = new WorkSignal()
  readonly #work: BatchWork<T, S>
  readonly #states: RestoredStates
  /** In a row. */
  #failedReads = 0
  #inHand: { readonly batch: DeliveredBatch; readonly beganMs: number; isTooSlow: boolean } | undefined

  constructor(broker: Broker, port: RuntimePort, options: ProcessOptions<T, S>) {
    this.#broker = broker
    this.#port = port
    this.#options = options
    this.#settings = processSettings(options as unknown as ProcessOptions<TopicRef, unknown>)
    const { handle } = options
    this.#work = new BatchWork({ broker, port, handle, settings: this.#settings, signal: this.#signal })
    this.#states = new RestoredStates(broker, this.#settings.stores, this.#settings.concurrency > 1)
  }

  /** Rejects with the program's own error, as it threw it, where a record failed every try. */
  run(signal: AbortSignalGiven): Promise<void> {
    return this.#run(signal).catch((error: unknown) => {
      throw error instanceof RecordFailure ? error.error : error
    })
  }

  async #run(signal: AbortSignalGiven): Promise<void> {
    const { groupId, topics } = this.#options
    const names = topics.map(topicName)
    await this.#states.check(names)
    await checkDeadLetters(this.#settings.deadLetter, this.#broker.admin)
    // By range, so that one member has the same partitions of all topics, and with them that partition's state.
    const { maxPollIntervalMs } = this.#settings
    const consumer = new GroupConsumer(
      this.#broker,
      this.#port,
      { groupId, topics, assignor: 'range', maxPollIntervalMs },
      () => {},
    )
    for (const event of ['revoked', 'lost'] as const) {
      consumer.on(event, (partitions) => this.#states.forget(partitions.map(({ partition }) => partition)))
    }
    this.#signal.follow(signal)
    consumer.onExpulsion((error) => {
      this.#warnIfSlow(maxPollIntervalMs / 2)
      this.#signal.putOut(error)
    })
    consumer.on('assigned', () => this.#signal.renew())
    // Partitions may have been added since, or members have joined that read other topics.
    consumer.on('assigned', async () => {
      await this.#states.check(names)
      this.#states.checkShare(names, consumer.assignment())
    })
    consumer.on('revoked', (revoked) => this.#states.checkShare(names, consumer.assignment(), revoked))
    const guarantee = this.#settings.isExactlyOnce ? this.#inTransactions(consumer) : this.#atLeastOnce(consumer)
    try {
      for (let hasMore = true; hasMore; ) hasMore = await this.#untilPoll(consumer, guarantee, signal)
    } finally {
      await guarantee.end().finally(() => consumer.close())
    }
  }

  /**
   * Handles batches until half of the poll interval was worked: the next iteration begins with a poll. Resolves with
   * false when the consumer was closed.
   */
  async #untilPoll(
    consumer: GroupConsumer<T>,
    guarantee: ProcessingGuarantee,
    signal: AbortSignalGiven,
  ): Promise<boolean> {
    let leftMs = this.#settings.maxPollIntervalMs / 2
    let isWorking = false
    try {
      for await (const each of consumer.batches({ maxRecords: this.#settings.maxRecords, signal })) {
        isWorking = true
        this.#failedReads = 0
        throwIfAborted(signal)
        const batch = each as unknown as DeliveredBatch
        const beganMs = this.#port.elapsed()
        this.#inHand = { batch, beganMs, isTooSlow: false }
        const done = await guarantee.process(batch, leftMs, signal)
        leftMs -= this.#port.elapsed() - beganMs
        this.#warnIfSlow(this.#settings.maxPollIntervalMs)
        this.#inHand = undefined
        const { topic, partition, nextOffset } = done
        if (done !== batch) await consumer.seek({ topic, partition, nextOffset })
        if (leftMs <= 0) return true
        isWorking = false
      }
      return false
    } catch (error) {
      // Such as memory that others use at this moment.
      const isRetriable = LogError.is(error) && error.category === 'retriable'
      if (isWorking || !isRetriable || ++this.#failedReads > FAILED_READS_MAX) throw error
      await waitBeforeTry(this.#port, this.#failedReads, signal)
      return true
    }
  }

  /**
   * Warns once for each batch. Nothing else shows it: each call of a `handle` that takes too long is a first attempt,
   * and no error results.
   */
  #warnIfSlow(limitMs: number): void {
    const inHand = this.#inHand
    if (inHand === undefined || inHand.isTooSlow) return
    const { topic, partition, baseOffset } = inHand.batch
    const tookMs = this.#port.elapsed() - inHand.beganMs
    if (tookMs <= limitMs) return
    inHand.isTooSlow = true
    const work = `${Math.round(tookMs)} ms of work on records of ${topic}-${partition} from offset ${baseOffset} on`
    const limit = `are too many for the maxPollIntervalMs of ${this.#settings.maxPollIntervalMs}`
    const outcome = `the group "${this.#options.groupId}" gives the partition to others meanwhile`
    const hint = 'The records come again. Give what handle awaits a limit of its own, or raise maxPollIntervalMs.'
    this.#port.warn?.('PROCESS_TOO_SLOW', `${work} ${limit}: ${outcome}. ${hint}`)
  }

  #inTransactions(consumer: GroupConsumer<T>): ProcessingGuarantee {
    const { transactionTimeoutMs } = this.#settings
    const producers = new ProcessProducers(this.#broker, this.#port, this.#options.groupId, transactionTimeoutMs)
    for (const event of ['revoked', 'lost'] as const) consumer.on(event, (partitions) => producers.forget(partitions))
    const [port, states, work] = [this.#port, this.#states, this.#work]
    return new InTransactions({ port, consumer, producers, states, work, transactionTimeoutMs })
  }

  #atLeastOnce(consumer: GroupConsumer<T>): ProcessingGuarantee {
    // Of what is sent in part the whole is sent again, if that may mend it.
    const producer = new LogProducer(new Accumulators(this.#broker, this.#port), this.#port, {}, { isWhole: true })
    const [port, states, work, signal] = [this.#port, this.#states, this.#work, this.#signal]
    return new AtLeastOnce({ port, consumer, producer, states, work, signal })
  }
}
