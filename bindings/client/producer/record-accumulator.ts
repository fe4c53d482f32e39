import type { Broker } from '../../broker/broker.ts'
import type { AppendRequest, ProducerSession } from '../../broker/producer-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import { compressRecords } from './compress-records.ts'
import { PartitionQueue, type QueueHooks } from './partition-queue.ts'
import type { PendingBatch } from './pending-batch.ts'
import type { ProducerSettings } from './producer-options.ts'
import { type TopicRules, TopicRulesCache } from './topic-rules.ts'

/** The settings that all batches of one accumulator share. */
export type BatchSettings = Pick<ProducerSettings, 'acks' | 'batchSizeBytes'>

/**
 * How many queues are kept from one transaction to the next, and how many there are before the accumulator looks for
 * topics that are gone.
 */
const QUEUES_KEPT = 64

/**
 * Collects records into batches, partition by partition, and sends them under one producer id (Kafka's
 * RecordAccumulator). Producers of a log with equal settings share one: what 64 of them send in one turn is a batch,
 * not 64 (docs/decisions/027-producers-share-batches.md).
 */
export class RecordAccumulator {
  readonly #broker: Pick<Broker, 'openProducer'>
  readonly #port: RuntimePort
  readonly #rules: TopicRulesCache = new TopicRulesCache((topic) => {
    for (const queue of this.#queues.get(topic)?.values() ?? []) queue.topicMadeAgain()
  })
  readonly #hooks: QueueHooks
  readonly #queues = new Map<string, Map<number, PartitionQueue>>()
  #allQueues: PartitionQueue[] = []
  /** At this many queues, the next new one makes the accumulator look for topics that are gone. */
  #sweepAt = QUEUES_KEPT
  /** Topics that are being asked about and that got no record since. */
  readonly #checkedTopics = new Set<string>()
  /** Queues that got records since they were drained last. */
  #filled: PartitionQueue[] = []
  #session: ProducerSession | undefined
  #opening: Promise<void> | undefined
  #isDrainDue = false
  /** Whether a new epoch is due: sequences start again under it as soon as nothing is unanswered. */
  #isEpochDue = false
  #isBumping = false
  #fencedBy: { readonly error: unknown } | undefined

  constructor(broker: Pick<Broker, 'openProducer'>, port: RuntimePort, settings: BatchSettings) {
    this.#broker = broker
    this.#port = port
    this.#hooks = this.#hooksOf(settings)
  }

  /** Returns an accumulator over the session of a transaction, which is open already. */
  static over(session: ProducerSession, port: RuntimePort, settings: BatchSettings): RecordAccumulator {
    const accumulator = new RecordAccumulator({ openProducer: async () => session }, port, settings)
    accumulator.#session = session
    return accumulator
  }

  /** Begins the producer's next transaction. Everything that was sent before is written. */
  beginTransaction(session: ProducerSession): void {
    this.#session = session
    if (this.#allQueues.length > QUEUES_KEPT) {
      this.#queues.clear()
      this.#allQueues.length = 0
    }
    for (const queue of this.#allQueues) queue.restart()
  }

  get isOpen(): boolean {
    return this.#session !== undefined
  }

  /** Whether the producer was fenced: then the accumulator takes no records any more. */
  get isFenced(): boolean {
    return this.#fencedBy !== undefined
  }

  assertNotFenced(): void {
    if (this.#fencedBy !== undefined) throw this.#fencedBy.error
  }

  open(): Promise<void> {
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

  /** Returns what is known of the topic without waiting; `undefined` if that is nothing. */
  rulesNow(topic: string): TopicRules | undefined {
    const facts = this.#session?.topic(topic)
    if (!(facts instanceof Promise)) return facts && this.#rules.of(facts)
    // The caller then calls `rules`, waits, and gets the error from there.
    facts.catch(() => {})
    return undefined
  }

  async rules(topic: string): Promise<TopicRules> {
    return this.#rules.of(await this.#mustHaveSession().topic(topic))
  }

  /** Whether a topic may have changed without this process knowing of it. `newerRules` asks the log then. */
  get mayBeOutdated(): boolean {
    return this.#session?.topicNow !== undefined
  }

  async newerRules(topic: string): Promise<TopicRules> {
    const session = this.#mustHaveSession()
    return this.#rules.of(await (session.topicNow?.(topic) ?? session.topic(topic)))
  }

  queue(topic: string, partition: number): PartitionQueue {
    let byPartition = this.#queues.get(topic)
    if (byPartition === undefined) {
      byPartition = new Map()
      this.#queues.set(topic, byPartition)
    }
    let queue = byPartition.get(partition)
    if (queue === undefined) {
      if (this.#allQueues.length >= this.#sweepAt) this.#sweep().catch(() => {})
      queue = new PartitionQueue(topic, partition, this.#hooks)
      byPartition.set(partition, queue)
      this.#allQueues.push(queue)
    }
    return queue
  }

  /**
   * Forgets the queues of topics that are gone: a producer that lives long may send to topics that come and go. A topic
   * that is created later under the same name has never heard of this producer, and takes any first sequence.
   */
  async #sweep(): Promise<void> {
    this.#sweepAt = Number.POSITIVE_INFINITY
    for (const [topic, byPartition] of [...this.#queues]) {
      if (![...byPartition.values()].every(({ isIdle }) => isIdle)) continue
      this.#checkedTopics.add(topic)
      const isGone = await this.#isGone(topic)
      if (this.#checkedTopics.delete(topic) && isGone) this.#forget(topic)
    }
    this.#sweepAt = Math.max(QUEUES_KEPT, 2 * this.#allQueues.length)
  }

  async #isGone(topic: string): Promise<boolean> {
    try {
      await this.#session?.topic(topic)
      return false
    } catch (error) {
      return LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')
    }
  }

  #forget(topic: string): void {
    for (const queue of this.#queues.get(topic)?.values() ?? []) queue.retire()
    this.#queues.delete(topic)
    this.#allQueues = this.#allQueues.filter((queue) => queue.topic !== topic)
    this.#rules.forget(topic)
  }

  /** Drains what is sent in this turn together, at the turn's end. */
  drainSoon(): void {
    if (this.#isDrainDue) return
    this.#isDrainDue = true
    const drain = () => this.drain()
    Promise.resolve().then(drain, drain)
  }

  drain(): void {
    this.#isDrainDue = false
    if (this.#isEpochDue) return this.#bumpWhenQuiet()
    const filled = this.#filled
    this.#filled = []
    for (const queue of filled) queue.drain()
  }

  async close(): Promise<void> {
    await this.#session?.close()
  }

  #hooksOf({ acks, batchSizeBytes }: BatchSettings): QueueHooks {
    return {
      acks,
      batchSizeBytes,
      session: () => this.#mustHaveSession(),
      outgoing: (batch) => this.#outgoing(batch),
      isHalted: () => this.#isEpochDue,
      used: ({ topic }) => this.#checkedTopics.delete(topic),
      filled: (queue) => this.#filled.push(queue),
      needsEpoch: () => {
        this.#isEpochDue = true
        this.#bumpWhenQuiet()
      },
      quieter: () => this.#bumpWhenQuiet(),
      fenced: (error) => this.#fenced(error),
      queue: (topic, partition) => this.queue(topic, partition),
      topicId: (topic) => this.#rules.idOf(topic),
      // The refusal told the session already that what it knows is outdated.
      topicMoved: (topic) => {
        this.rules(topic).catch(() => {})
      },
      random: () => this.#port.random(),
      elapsed: () => this.#port.elapsed(),
      setTimer: (delayMs, callback) => this.#port.setTimer(delayMs, callback, { keepsAlive: true }),
    }
  }

  #mustHaveSession(): ProducerSession {
    if (this.#session === undefined) throw new LogError('PRODUCER_CLOSED', 'the producer is closed')
    return this.#session
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

  /**
   * Asks for a new epoch, but only once it is known of every batch of the old one whether it was written: a batch of
   * unknown fate could be written twice, once under each epoch.
   */
  #bumpWhenQuiet(): void {
    if (this.#isBumping) return
    for (const queue of this.#allQueues) if (!queue.isQuiet) return
    this.#isBumping = true
    this.#mustHaveSession()
      .bumpEpoch()
      .then(
        () => this.#bumpSucceeded(),
        (error) => this.#bumpFailed(error),
      )
  }

  #bumpSucceeded(): void {
    this.#isBumping = false
    for (const queue of this.#allQueues) queue.restart()
    this.#isEpochDue = false
    for (const queue of this.#allQueues) queue.drain()
  }

  #bumpFailed(error: unknown): void {
    this.#isBumping = false
    for (const queue of this.#allQueues) queue.abandon(error)
    this.#isEpochDue = false
  }

  #fenced(error: unknown): void {
    this.#fencedBy = { error }
    for (const queue of this.#allQueues) queue.abandon(error)
  }
}
