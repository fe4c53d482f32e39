import type { TransactionalSession } from '../../broker/transactional-session.ts'
import { LogError } from '../../model/errors.ts'
import { transactionOver } from '../closed.ts'
import { CommitOrder } from '../consumer/commit-order.ts'
import { GroupConsumer, type OffsetsInTransaction } from '../consumer/consumer.ts'
import type { LogProducer } from '../producer/producer.ts'
import type { SendOptions } from '../producer/producer-type.ts'
import type { ProducerRecord, RecordMetadata } from '../producer-record.ts'
import type { Transaction } from './transaction-type.ts'

/** One transaction, from its begin to its end. */
export class OpenedTransaction implements Transaction {
  readonly #transactionalId: string
  readonly #session: TransactionalSession
  readonly #sender: LogProducer
  readonly #ended: (isCommitted: boolean) => void
  readonly #calls = new Set<Promise<unknown>>()
  /** How many calls are about to be among them: the program may end the transaction in its partitioner. */
  #beginning = 0
  readonly #offsets: OffsetsInTransaction[] = []
  readonly #offsetsOrder = new CommitOrder()
  /** The error of the first call inside that failed. */
  #failure: { readonly error: unknown } | undefined
  #ending: Promise<void> | undefined
  /** The commit. If it is refused, `#undoing` is the abort that follows by itself. */
  #committing: Promise<void> | undefined
  #undoing: Promise<void> | undefined
  #mayBeCommitted = false
  #isOver = false

  /** `sender` belongs to this transaction until `ended` is called. */
  constructor(
    transactionalId: string,
    session: TransactionalSession,
    sender: LogProducer,
    ended: (isCommitted: boolean) => void,
  ) {
    this.#transactionalId = transactionalId
    this.#session = session
    this.#sender = sender
    this.#ended = ended
  }

  send<const R extends ProducerRecord | readonly ProducerRecord[]>(
    records: R,
    options: SendOptions = {},
  ): Promise<R extends readonly unknown[] ? readonly RecordMetadata[] : RecordMetadata> {
    if (this.#isOver) return this.#refused()
    this.#beginning++
    return this.#inside(this.#sender.send(records, options))
  }

  sendOffsets(consumer: unknown, done: unknown, options: { allowSkip?: boolean | undefined } = {}): Promise<void> {
    if (this.#isOver) return this.#refused()
    this.#beginning++
    return this.#inside(this.#sendOffsets(consumer, done, options))
  }

  /**
   * Work that its deadline or a signal has ended may go on for a while with calls that it doesn't await. These mustn't
   * end the program: nothing is lost by them, as the transaction is aborted.
   */
  #refused(): Promise<never> {
    const refused = Promise.reject(transactionOver(this.#transactionalId))
    if (this.#committing === undefined) refused.catch(() => {})
    return refused
  }

  async #sendOffsets(consumer: unknown, done: unknown, options: { allowSkip?: boolean | undefined }): Promise<void> {
    if (!(consumer instanceof GroupConsumer)) {
      throw new LogError('INVALID_REQUEST', 'consumer must be one of log.consumer()', { argument: 'consumer' })
    }
    const send = (...offsets: Parameters<TransactionalSession['sendOffsets']>) => this.#session.sendOffsets(...offsets)
    this.#offsets.push(await consumer.sendOffsets(done, options, this.#offsetsOrder, send))
  }

  /** Notes the first failure, which the commit throws: so the program needn't await the call. */
  #inside<T>(call: Promise<T>): Promise<T> {
    this.#beginning--
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
    if (this.#ending !== undefined) return Promise.reject(transactionOver(this.#transactionalId))
    this.#committing = this.#commit()
    this.#ending = this.#committing
    return this.#committing
  }

  abort(): Promise<void> {
    if (this.#committing !== undefined) return this.#afterCommit(this.#committing)
    if (this.#isOver) return Promise.reject(transactionOver(this.#transactionalId))
    this.#ending = this.#abort()
    return this.#ending
  }

  /**
   * Whether the log refused the commit and then the abort as well: only the log knows what became of the transaction.
   */
  get mayBeCommitted(): boolean {
    return this.#mayBeCommitted
  }

  async #commit(): Promise<void> {
    let isAsked = false
    try {
      this.#isOver = true
      if (this.#calls.size + this.#beginning > 0) await this.#awaitCalls()
      if (this.#failure !== undefined) throw this.#failure.error
      isAsked = true
      await this.#session.commit()
    } catch (error) {
      this.#undoing = this.#abort()
      this.#mayBeCommitted = await this.#undoing.then(
        () => false,
        () => isAsked,
      )
      throw error
    }
    for (const offsets of this.#offsets) offsets.committed()
    this.#ended(true)
  }

  async #abort(): Promise<void> {
    try {
      this.#isOver = true
      await this.#awaitCalls()
      await this.#session.abort()
    } finally {
      for (const offsets of this.#offsets.splice(0)) offsets.aborted()
      this.#ended(false)
    }
  }

  /**
   * An abort after a commit that was refused waits for the abort that followed the refusal, and rejects only if that
   * did: so `catch { await transaction.abort(); throw … }` keeps the first error.
   */
  async #afterCommit(committing: Promise<void>): Promise<void> {
    const isCommitted = await committing.then(
      () => true,
      () => false,
    )
    if (isCommitted) throw transactionOver(this.#transactionalId)
    await this.#undoing
  }

  /** Resolves when every call made inside has settled. */
  async #awaitCalls(): Promise<void> {
    if (this.#beginning > 0) await Promise.resolve()
    // Sends that linger for more records are sent now.
    if (this.#calls.size > 0) await this.#sender.flush().catch(() => {})
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls)
  }

  /** Aborts, unless the transaction was ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending === undefined) await this.abort()
    else await this.#ending.catch(() => {})
  }
}
