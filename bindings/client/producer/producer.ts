import type { RuntimePort } from '../../broker/runtime-port.ts'
import { type CompressionType, codecOf } from '../../model/compression.ts'
import { LogError } from '../../model/errors.ts'
import { assertOptions } from '../options.ts'
import type { ProducerRecord, RecordMetadata } from '../producer-record.ts'
import { refusedLater } from '../refused-later.ts'
import { type Abortable, abortable, onlySignalOf, signalOf, throwIfAborted } from '../signals.ts'
import type { Accumulators, TakenAccumulator } from './accumulators.ts'
import { borrowed, handOver } from './borrowed-records.ts'
import { LoneSend } from './lone-send.ts'
import { Partitioner } from './partitioner.ts'
import { type AnswerForm, PendingSend } from './pending-send.ts'
import { type Places, refuseTooLarge, SendPlan } from './place-records.ts'
import { Placing } from './placing.ts'
import {
  assertCompression,
  type Compression,
  type ProducerOptions,
  type ProducerSettings,
  producerSettings,
} from './producer-options.ts'
import { type Producer, SEND_NAMES, type SendOptions } from './producer-type.ts'
import type { RecordAccumulator } from './record-accumulator.ts'
import { isByRules } from './refusals.ts'
import { SendBuffer } from './send-buffer.ts'
import { SendPart } from './send-part.ts'
import type { TopicRules } from './topic-rules.ts'
import { checkRecord, topicOf } from './validate-record.ts'
import { WaitingSends } from './waiting-sends.ts'

export class LogProducer implements Producer {
  readonly #accumulator: RecordAccumulator
  readonly #giveBack: () => Promise<void>
  readonly #untilSilent: TakenAccumulator['untilSilent']
  readonly #port: RuntimePort
  readonly #closed: () => void
  /** See AnswerForm. */
  readonly #isWhole: boolean
  readonly #settings: ProducerSettings
  readonly #partitioner: Partitioner
  readonly #buffer: SendBuffer
  readonly #placing: Placing
  readonly #waiting = new WaitingSends()
  #cancelLinger: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(
    accumulators: Pick<Accumulators, 'take'>,
    port: RuntimePort,
    options: ProducerOptions,
    { closed = () => {}, isWhole = false }: { readonly closed?: () => void; readonly isWhole?: boolean } = {},
  ) {
    this.#closed = closed
    this.#isWhole = isWhole
    this.#port = port
    this.#settings = producerSettings(options)
    const { partitioner, batchSizeBytes, bufferBytes } = this.#settings
    this.#buffer = new SendBuffer(bufferBytes)
    this.#partitioner = new Partitioner(partitioner, () => port.random(), batchSizeBytes)
    const { accumulator, giveBack, untilSilent } = accumulators.take(this.#settings)
    this.#accumulator = accumulator
    this.#giveBack = giveBack
    this.#untilSilent = untilSilent
    const compression: Places['compression'] = (rules, ofCall) =>
      this.#compressionOf(rules, ofCall ?? this.#settings.compression)
    this.#placing = new Placing(accumulator, this.#partitioner, compression, () => port.elapsed())
  }

  send<const R extends ProducerRecord | readonly ProducerRecord[]>(
    records: R,
    options: SendOptions = {},
  ): Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata> {
    return this.#send(records, options) as Promise<
      R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata
    >
  }

  #send(given: ProducerRecord | readonly ProducerRecord[], options: SendOptions): Promise<unknown> {
    try {
      // `Array.isArray` throws for a revoked proxy.
      const isOne = !Array.isArray(given)
      assertSendOptions(options, given)
      const signal = signalOf(options)
      throwIfAborted(signal)
      this.#assertOpen()
      const { compression } = options
      if (compression !== undefined) assertCompression(compression)
      const lone = isOne ? this.#sendLone(given as ProducerRecord, compression, signal) : undefined
      if (lone !== undefined) return lone
      const records = isOne ? [given as ProducerRecord] : (given as readonly ProducerRecord[])
      const form = { isOne, isWhole: this.#isWhole }
      const handedOver = this.#handOver(records, form, compression)
      if (handedOver !== undefined) return handedOver.answered
      const plan = new SendPlan(compression)
      const isPlaced = this.#placing.now(plan, records)
      // Its partitioner may have aborted it.
      throwIfAborted(signal)
      const mayGo = this.#accumulator.isOpen && this.#waiting.isEmpty && this.#buffer.hasRoom(plan.sizeBytes)
      if (isPlaced && mayGo) return this.#enqueue(plan, new PendingSend(records.length, form)).answered
      const copies = isPlaced ? undefined : plan.copies(records)
      return this.#enqueueLater(plan, copies, new PendingSend(records.length, form), signal).answered
    } catch (error) {
      return isByRules(error) ? refusedLater(this.#port, error) : Promise.reject(error)
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LogError('PRODUCER_CLOSED', 'the producer is closed')
    this.#accumulator.assertNotFenced()
  }

  #compressionOf({ compressionType }: TopicRules, chosen: Compression): CompressionType | undefined {
    const compression = compressionType === 'producer' ? chosen : compressionType
    if (compression === 'none' || compression === 'uncompressed') return undefined
    // A codec that this runtime lacks is refused now, before anything is sent.
    codecOf(this.#port.codecs ?? {}, compression)
    return compression
  }

  /**
   * Enqueues the send once those that wait already have begun, so that calls keep their order. `copies` is `undefined`
   * if all records have their places.
   */
  #enqueueLater(
    plan: SendPlan,
    copies: readonly ProducerRecord[] | undefined,
    send: PendingSend,
    signal: Abortable['signal'],
  ): PendingSend {
    // Hot path: when the first of many sends that wait can begin, those after it mostly can too.
    const begin = (): Promise<void> | undefined => {
      this.#accumulator.assertNotFenced()
      const isPlaced = copies === undefined || (this.#accumulator.isOpen && this.#placeAnew(plan, copies))
      const mayGo = isPlaced && this.#accumulator.isOpen && this.#buffer.hasRoom(plan.sizeBytes)
      if (!mayGo) return this.#beginOnceReady(plan, isPlaced ? undefined : copies, send, signal)
      throwIfAborted(signal)
      this.#enqueue(plan, send)
      return undefined
    }
    this.#waiting.add(send, begin, signal)
    return send
  }

  #placeAnew(plan: SendPlan, copies: readonly ProducerRecord[]): boolean {
    if (plan.isByOutdatedRules) return false
    const isPlaced = this.#placing.now(plan, copies)
    if (!isPlaced) plan.forgetPlaces()
    return isPlaced
  }

  async #beginOnceReady(
    plan: SendPlan,
    copies: readonly ProducerRecord[] | undefined,
    send: PendingSend,
    signal: Abortable['signal'],
  ): Promise<void> {
    await abortable(this.#accumulator.open(), signal)
    if (copies !== undefined) await abortable(this.#placing.later(plan, copies), signal)
    await this.#room(plan.sizeBytes, signal)
    throwIfAborted(signal)
    this.#accumulator.assertNotFenced()
    this.#enqueue(plan, send)
  }

  async #room(sizeBytes: number, signal: Abortable['signal']): Promise<void> {
    while (!this.#buffer.hasRoom(sizeBytes)) {
      this.#drain()
      await abortable(this.#buffer.freed(), signal)
    }
  }

  /**
   * Puts one record into the batch of its partition, without the plan that a list needs. Returns `undefined`, and the
   * record hasn't been read, if it may have to wait.
   */
  #sendLone(
    record: ProducerRecord,
    ofCall: Compression | undefined,
    signal: Abortable['signal'],
  ): Promise<unknown> | undefined {
    if (!this.#accumulator.isOpen || !this.#waiting.isEmpty) return undefined
    const topic = topicOf(record, 0)
    const rules = this.#accumulator.rulesNow(topic)
    if (rules === undefined) return undefined
    const maxBytes = Math.min(rules.maxMessageBytes, rules.segmentBytes)
    if (!this.#buffer.hasRoom(maxBytes)) return undefined
    const checked = checkRecord(record, 0)
    let partition: number
    try {
      refuseTooLarge(checked, 0, topic, rules)
      partition = this.#partitioner.choose(record, checked.sizeBytes, rules.partitions)
    } catch (error) {
      if (!this.#placing.isOutdated(error)) throw error
      const send = new PendingSend(1, { isOne: true, isWhole: this.#isWhole })
      const plan = new SendPlan(ofCall, [checked])
      plan.isByOutdatedRules = true
      return this.#enqueueLater(plan, plan.copies([record]), send, signal).answered
    }
    throwIfAborted(signal)
    const queue = this.#accumulator.queue(topic, partition)
    const compression = this.#compressionOf(rules, ofCall ?? this.#settings.compression)
    const send = new LoneSend()
    const part = this.#buffer.began(new SendPart(queue, [checked], checked.sizeBytes, 0, this.#buffer, send))
    queue.add(part, maxBytes, compression)
    this.#drainLater(queue.isFull)
    return send.answered
  }

  /**
   * A list of at least this size makes a batch of its own. It is half of what a batch takes: the next list of the same
   * size wouldn't fit beside it. With a linger it is the whole batch size: smaller lists may wait for others.
   */
  get #ownBatchBytes(): number {
    const { batchSizeBytes, lingerMs } = this.#settings
    return lingerMs > 0 ? batchSizeBytes : batchSizeBytes / 2
  }

  /** Lets the log encode the records at once, without copies. Returns `undefined` if they must be copied. */
  #handOver(
    records: readonly ProducerRecord[],
    form: AnswerForm,
    compression: Compression | undefined,
  ): PendingSend | undefined {
    if (!this.#accumulator.isOpen || !this.#waiting.isEmpty) return undefined
    const whole = borrowed(records, this.#placing.places, compression, this.#ownBatchBytes)
    if (whole === undefined || !this.#buffer.hasRoom(whole.sizeBytes)) return undefined
    // By the limits that the log has now they may be one batch.
    if (whole.batches.length > 1 && this.#placing.asksBeforeCut) return undefined
    const send = new PendingSend(records.length, form)
    const taken = handOver(whole, this.#buffer, send)
    if (taken === 0) return undefined
    if (taken < whole.batches.length) this.#drainLater(whole.queue.isFull)
    return send
  }

  /** Puts the records into batches, in their order. */
  #enqueue(plan: SendPlan, send: PendingSend): PendingSend {
    const { parts, isFull } = plan.enqueue(this.#buffer, send)
    if (parts.length === 0) {
      send.nothingToWrite()
      return send
    }
    for (const part of parts) this.#buffer.began(part)
    this.#drainLater(isFull)
    return send
  }

  /**
   * Drains at the end of the turn, so that its sends make one batch. With a linger the sends wait for more, unless a
   * batch is full, or a partitioner has closed its producer.
   */
  #drainLater(isFull: boolean): void {
    const { lingerMs } = this.#settings
    if (lingerMs > 0 && !isFull && this.#closing === undefined) {
      this.#cancelLinger ??= this.#port.setTimer(lingerMs, () => this.#drain(), { keepsAlive: true })
      return
    }
    this.#endLinger()
    this.#accumulator.drainSoon()
  }

  #endLinger(): void {
    this.#cancelLinger?.()
    this.#cancelLinger = undefined
  }

  #drain(): void {
    this.#endLinger()
    this.#accumulator.drain()
  }

  async flush(options: Abortable = {}): Promise<void> {
    const signal = onlySignalOf(options, 'flush')
    throwIfAborted(signal)
    const begun = [...this.#buffer.unsettledSends].map(({ answered }) => answered)
    const all = Promise.all([...begun, ...this.#waiting.answers()])
    // A failure is reported by the `await` below; sends may fail before it too.
    all.catch(() => {})
    // Sends that were queued after this one came later than the flush. It mustn't wait for them, since there may always
    // be some.
    const { lastTurn } = this.#waiting
    if (lastTurn !== undefined) await abortable(lastTurn, signal)
    this.#drain()
    await abortable(all, signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#untilSilent(this.#close())
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      await Promise.allSettled(Array.from(this.#buffer.unsettledSends, ({ answered }) => answered))
      this.#endLinger()
      try {
        await this.#giveBack()
      } finally {
        this.#closed()
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Checks the options. If the first argument is no record, the call is refused for that: what comes second needn't be
 * options then.
 */
function assertSendOptions(options: SendOptions, given: ProducerRecord | readonly ProducerRecord[]): void {
  try {
    assertOptions(options, SEND_NAMES, 'send')
  } catch (error) {
    if (!Array.isArray(given)) topicOf(given as ProducerRecord, 0)
    throw error
  }
}
