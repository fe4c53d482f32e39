import type { ProducerSession, TransactionalSession } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import { GroupConsumer, type OffsetsInTransaction } from '../consumer/consumer.ts'
import { LogProducer, type SendOptions } from '../producer/producer.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import { wholeFailure } from '../producer/send-result.ts'
import type { ProducerRecord, RecordMetadata } from '../producer-record.ts'
import type { Transaction } from './transaction-type.ts'

/** Between begin and end of one transaction: its sends in a producer of their own, with sequences from 0. */
export class OpenedTransaction implements Transaction {
  readonly #session: TransactionalSession
  readonly #sender: LogProducer
  readonly #ended: () => void
  readonly #calls = new Set<Promise<unknown>>()
  readonly #offsets: OffsetsInTransaction[] = []
  /** Of the first call inside that failed. */
  #failure: { readonly error: unknown } | undefined
  #ending: Promise<void> | undefined
  #isOver = false

  constructor(
    session: TransactionalSession,
    sends: ProducerSession,
    port: RuntimePort,
    options: ProducerOptions,
    ended: () => void,
  ) {
    this.#session = session
    this.#ended = ended
    this.#sender = LogProducer.over(sends, port, options)
  }

  send<const R extends ProducerRecord | readonly ProducerRecord[]>(
    records: R,
    options: SendOptions = {},
  ): Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata> {
    if (this.#isOver) return Promise.reject(over())
    const sending = this.#sender.send(records, options).catch((error: unknown) => {
      throw wholeFailure(error)
    })
    return this.#inside(sending)
  }

  sendOffsets(consumer: unknown, done: unknown, options: { allowSkip?: boolean | undefined } = {}): Promise<void> {
    if (this.#isOver) return Promise.reject(over())
    return this.#inside(this.#sendOffsets(consumer, done, options))
  }

  async #sendOffsets(consumer: unknown, done: unknown, options: { allowSkip?: boolean | undefined }): Promise<void> {
    if (!(consumer instanceof GroupConsumer)) {
      throw new LogError('INVALID_REQUEST', 'consumer must be one of log.consumer()', { argument: 'consumer' })
    }
    const send = (...offsets: Parameters<TransactionalSession['sendOffsets']>) => this.#session.sendOffsets(...offsets)
    this.#offsets.push(await consumer.sendOffsets(done, options, send))
  }

  /** Nobody has to await it: the transaction tells of its failure. */
  #inside<T>(call: Promise<T>): Promise<T> {
    this.#calls.add(call)
    call.then(
      () => this.#calls.delete(call),
      (error: unknown) => {
        this.#calls.delete(call)
        this.#failure ??= { error }
      },
    )
    return call
  }

  commit(): Promise<void> {
    if (this.#ending !== undefined) return Promise.reject(over())
    this.#ending = this.#commit()
    return this.#ending
  }

  abort(): Promise<void> {
    if (this.#isOver) return Promise.reject(over())
    this.#ending = this.#abort()
    return this.#ending
  }

  async #commit(): Promise<void> {
    try {
      await this.#settle()
      if (this.#failure !== undefined) throw this.#failure.error
      await this.#session.commit()
    } catch (error) {
      await this.#abort().catch(() => {})
      throw error
    }
    for (const offsets of this.#offsets) offsets.committed()
    this.#ended()
  }

  async #abort(): Promise<void> {
    try {
      await this.#settle()
      await this.#session.abort()
    } finally {
      for (const offsets of this.#offsets.splice(0)) offsets.aborted()
      this.#ended()
    }
  }

  /** Every call made inside has its answer. */
  async #settle(): Promise<void> {
    this.#isOver = true
    await this.#sender.close().catch(() => {})
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls)
  }

  /** Aborts, unless it was ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending === undefined) await this.abort()
    else await this.#ending.catch(() => {})
  }
}

function over(): LogError {
  return new LogError('INVALID_TXN_STATE', 'the transaction is over')
}
