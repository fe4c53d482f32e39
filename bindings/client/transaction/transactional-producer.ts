import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import { producerClosed } from '../closed.ts'
import { assertOptions, type OptionNames, wrongArgument } from '../options.ts'
import { PRODUCER_NAMES, producerSettings } from '../producer/producer-options.ts'
import { waitBeforeTryMs } from '../producer/refusals.ts'
import { refusedLater } from '../refused-later.ts'
import {
  type Abortable,
  abortable,
  abortReason,
  offAbort,
  onAbort,
  onlySignalOf,
  signalOf,
  throwIfAborted,
} from '../signals.ts'
import { whileAnswered } from '../while-answered.ts'
import { AnswerLimit } from './answer-limit.ts'
import { LastingSession } from './lasting-session.ts'
import { OpenedTransaction } from './open-transaction.ts'
import { RunningWork } from './running-work.ts'
import { TransactionSender } from './transaction-sender.ts'
import type {
  Transaction,
  TransactionalProducer,
  TransactionalProducerOptions,
  TransactionContext,
  TransactionScope,
} from './transaction-type.ts'
import { WorkDeadline } from './work-deadline.ts'

const TIMEOUT_MS = 60_000

type RunOptions = NonNullable<Parameters<TransactionalProducer['transaction']>[1]>

const NAMES: OptionNames<TransactionalProducerOptions> = { ...PRODUCER_NAMES, transactionTimeoutMs: true }
const RUN_NAMES: OptionNames<RunOptions> = { retries: true, signal: true }

type Work<R> = (transaction: TransactionScope, context: TransactionContext) => Promise<R>

type Finish = 'PRODUCER_FENCED' | 'INVALID_PRODUCER_ID_MAPPING'

/** How one run of the work ended. */
type Run<R> = { readonly result: R } | { readonly error: unknown; readonly mayBeCommitted: boolean }

export class LogTransactionalProducer implements TransactionalProducer {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #transactionalId: string
  readonly #timeoutMs: number
  readonly #session: LastingSession
  readonly #sender: TransactionSender
  readonly #deadline: WorkDeadline
  readonly #closed: () => void
  /** Set from the call that begins a transaction on, before the transaction is open. */
  #isBusy = false
  #beginning: Promise<unknown> = Promise.resolve()
  #open: OpenedTransaction | undefined
  /** What nobody but another producer goes on after: it was fenced, or its id is forgotten. */
  #finishedBy: Finish | undefined
  #running: RunningWork | undefined
  /** Set from the first run of `work` to the outcome of the last: nobody else begins a transaction between two runs. */
  #hasWork = false
  /** Ends the wait before the next run of `work`. */
  #endWait: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(broker: Broker, port: RuntimePort, options: TransactionalProducerOptions, closed: () => void) {
    assertOptions(options, NAMES, 'producer with a transactionalId')
    const { transactionalId, transactionTimeoutMs = TIMEOUT_MS, ...others } = options
    const { acks } = producerSettings(others)
    if (acks !== 'all') {
      const message = "acks of a producer with a transactionalId must be 'all'"
      throw new LogError('INVALID_REQUIRED_ACKS', message, { option: 'acks' })
    }
    if (typeof transactionalId !== 'string' || transactionalId === '') {
      const message = 'transactionalId must be a text that is not empty'
      throw new LogError('INVALID_REQUEST', message, { option: 'transactionalId' })
    }
    this.#broker = broker
    this.#port = port
    this.#transactionalId = transactionalId
    this.#timeoutMs = transactionTimeoutMs
    const session = { transactionalId, timeoutMs: transactionTimeoutMs }
    this.#session = new LastingSession(broker, session, (error) => this.#noted(error))
    this.#sender = new TransactionSender(port, others)
    this.#deadline = new WorkDeadline(port, transactionTimeoutMs)
    this.#closed = closed
  }

  async transaction<R>(work: Work<R>, options: RunOptions = {}): Promise<R> {
    assertOptions(options, RUN_NAMES, 'transaction')
    const signal = signalOf(options)
    const { retries = 0 } = options
    if (typeof work !== 'function') throw wrongArgument('work', 'a function')
    if (!Number.isSafeInteger(retries) || retries < 0) throw wrongArgument('retries', 'a whole number from 0 on')
    throwIfAborted(signal)
    this.#assertUsable()
    if (this.#isTaken(false)) return refusedLater(this.#port, this.#hasOneOpen())
    this.#hasWork = true
    try {
      return await this.#runs(work, retries, signal)
    } finally {
      this.#hasWork = false
    }
  }

  async #runs<R>(work: Work<R>, retries: number, signal: Abortable['signal']): Promise<R> {
    for (let attempt = 1; ; attempt++) {
      const run = await this.#run(work, attempt, signal)
      if ('result' in run) return run.result
      const { error, mayBeCommitted } = run
      if (attempt > retries || mayBeCommitted || !isWorthAnother(error)) throw error
      // The signal or a close may have come while the run was undone. A closed producer leaves no timer behind.
      throwIfAborted(signal)
      this.#assertOpen()
      try {
        await abortable(this.#wait(attempt), signal)
      } finally {
        this.#endWait?.()
      }
    }
  }

  async #run<R>(work: Work<R>, attempt: number, signal: Abortable['signal']): Promise<Run<R>> {
    const limit = new AnswerLimit(this.#port, signal)
    const running = new RunningWork(attempt, this.#transactionalId)
    const stop = () => running.abort(signal && abortReason(signal))
    let transaction: OpenedTransaction | undefined
    try {
      transaction = await limit.of(this.#beginOne(signal, { isRun: true }))
      onAbort(signal, stop)
      this.#running = running
      // The signal or a close may have come while the transaction began, before anything here listened.
      throwIfAborted(signal)
      this.#assertOpen()
      // The log aborts the transaction by then. Without it, work that hangs would hear of that only at its next call.
      this.#deadline.begin(() => running.abort(this.#tookTooLong()))
      const result = await running.until(work(transaction, running))
      this.#deadline.end()
      await limit.of(transaction.commit())
      return { result }
    } catch (error) {
      this.#deadline.end()
      if (transaction !== undefined) await limit.of(transaction[Symbol.asyncDispose]()).catch(() => {})
      return { error, mayBeCommitted: transaction?.mayBeCommitted === true }
    } finally {
      limit.end()
      offAbort(signal, stop)
      this.#running = undefined
      running.end()
    }
  }

  #tookTooLong(): LogError {
    const message = `the transaction took longer than ${this.#timeoutMs} ms, its transactionTimeoutMs`
    return new LogError('TRANSACTION_ABORTABLE', message, { transactionalId: this.#transactionalId })
  }

  #wait(attempt: number): Promise<void> {
    const waitMs = waitBeforeTryMs(attempt, () => this.#port.random())
    return new Promise((resolve) => {
      const cancel = this.#port.setTimer(waitMs, resolve, { keepsAlive: true })
      this.#endWait = () => {
        this.#endWait = undefined
        cancel()
        resolve()
      }
    })
  }

  async beginTransaction(options: Abortable = {}): Promise<Transaction> {
    const signal = onlySignalOf(options, 'beginTransaction')
    const limit = new AnswerLimit(this.#port, signal)
    try {
      return await limit.of(this.#beginOne(signal))
    } finally {
      limit.end()
    }
  }

  /** `isRun`: whether it is for a run of `transaction`, which alone may begin one between two runs. */
  #beginOne(signal: Abortable['signal'], { isRun } = { isRun: false }): Promise<OpenedTransaction> {
    const isRefused = this.#isTaken(isRun)
    const begun = this.#begin(signal, isRun)
    // A close waits for the one that is begun, not for one that is refused.
    if (!isRefused) this.#beginning = begun
    return begun
  }

  #isTaken(isRun: boolean): boolean {
    return this.#isBusy || (this.#hasWork && !isRun)
  }

  async #begin(signal: Abortable['signal'], isRun: boolean): Promise<OpenedTransaction> {
    throwIfAborted(signal)
    this.#assertUsable()
    if (this.#isTaken(isRun)) return refusedLater(this.#port, this.#hasOneOpen())
    this.#isBusy = true
    try {
      const sends = await this.#session.begin()
      const ended = (isCommitted: boolean) => {
        this.#isBusy = false
        this.#open = undefined
        if (!isCommitted) this.#sender.failed()
      }
      const transaction = new OpenedTransaction(this.#transactionalId, this.#session, this.#sender.begin(sends), ended)
      this.#open = transaction
      if (signal?.aborted !== true && this.#closing === undefined) return transaction
      await transaction.abort()
      this.#assertOpen()
      throw abortReason(signal as NonNullable<typeof signal>)
    } catch (error) {
      this.#isBusy = false
      throw this.#noted(error)
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw producerClosed(this.#transactionalId)
  }

  #assertUsable(): void {
    this.#assertOpen()
    if (this.#finishedBy !== undefined) throw this.#finish(this.#finishedBy)
  }

  #hasOneOpen(): LogError {
    const details = { transactionalId: this.#transactionalId }
    return new LogError('INVALID_TXN_STATE', 'the producer has a transaction open', details)
  }

  #finish(code: Finish): LogError {
    const id = `the transactional id "${this.#transactionalId}"`
    const fenced = `a newer producer has ${id}, or it was fenced by hand`
    const forgotten = `this producer has ${id} no more: nobody used it for a week, or a newer producer has it`
    const message = code === 'PRODUCER_FENCED' ? fenced : forgotten
    return new LogError(code, message, { transactionalId: this.#transactionalId })
  }

  #noted(error: unknown): unknown {
    if (LogError.is(error, 'PRODUCER_FENCED', 'INVALID_PRODUCER_ID_MAPPING')) this.#finishedBy ??= error.code
    return error
  }

  close(): Promise<void> {
    this.#closing ??= whileAnswered(this.#broker, this.#close())
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#deadline.close()
    this.#running?.abort(producerClosed(this.#transactionalId))
    this.#endWait?.()
    await this.#beginning.catch(() => {})
    try {
      await this.#open?.[Symbol.asyncDispose]()
    } finally {
      this.#closed()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Whether another run may succeed. */
function isWorthAnother(error: unknown): boolean {
  return !LogError.is(error) || !['fenced', 'fatal', 'corruption', 'misuse'].includes(error.category)
}
