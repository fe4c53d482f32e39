import type { Broker } from '../../broker/broker.ts'
import type { ProducerSession } from '../../broker/producer-session.ts'
import type { TransactionalOptions, TransactionalSession } from '../../broker/transactional-session.ts'
import { LogError } from '../../model/errors.ts'

/**
 * The session of a transactional id, opened once, at the first begin. A second one would be a newer producer of the id:
 * it would end one that another program opened since. So where an end failed, and only the log knows what became of the
 * transaction, the next begin asks it first.
 */
export class LastingSession implements TransactionalSession {
  readonly #broker: Pick<Broker, 'openTransactionalProducer'>
  readonly #options: TransactionalOptions
  readonly #endFailed: (error: unknown) => void
  #session: TransactionalSession | undefined
  #hasEndFailed = false

  /** `endFailed` is told the error of each commit and abort that failed. */
  constructor(
    broker: Pick<Broker, 'openTransactionalProducer'>,
    options: TransactionalOptions,
    endFailed: (error: unknown) => void = () => {},
  ) {
    this.#broker = broker
    this.#options = options
    this.#endFailed = endFailed
  }

  /**
   * Opens the transactional id where that isn't done, and ends a transaction whose end failed: nothing of it is open.
   */
  async ready(): Promise<TransactionalSession> {
    this.#session ??= await this.#broker.openTransactionalProducer(this.#options)
    if (this.#hasEndFailed) await this.#endAgain()
    return this.#session
  }

  async begin(): Promise<ProducerSession> {
    const session = await this.ready()
    try {
      return await session.begin()
    } catch (error) {
      if (!LogError.is(error, 'TRANSACTION_ABORTABLE')) throw error
      // A begin before had been done, its answer was lost, and the log has aborted that transaction since: only an
      // abort tells the epoch to go on with.
      await session.abort()
      return session.begin()
    }
  }

  async #endAgain(): Promise<void> {
    try {
      await this.abort()
    } catch (error) {
      if (!LogError.is(error, 'INVALID_TXN_STATE')) throw error
      // It was committed, or will be in a moment: asked once more, the log tells the epoch to go on with.
      await this.commit()
    }
  }

  sendOffsets(...offsets: Parameters<TransactionalSession['sendOffsets']>): Promise<void> {
    return this.#begun().sendOffsets(...offsets)
  }

  commit(): Promise<void> {
    return this.#noted(this.#begun().commit())
  }

  abort(): Promise<void> {
    return this.#noted(this.#begun().abort())
  }

  #begun(): TransactionalSession {
    if (this.#session !== undefined) return this.#session
    throw new LogError('INVALID_TXN_STATE', 'no transaction was begun')
  }

  async #noted(ending: Promise<void>): Promise<void> {
    try {
      await ending
      this.#hasEndFailed = false
    } catch (error) {
      this.#hasEndFailed = true
      this.#endFailed(error)
      throw error
    }
  }
}
