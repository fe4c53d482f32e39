import type { AdminSession } from '../../broker/admin-session.ts'
import type { Broker } from '../../broker/broker.ts'
import type { ConsumerSession, ConsumerSessionOptions } from '../../broker/consumer-session.ts'
import type { ProducerSession } from '../../broker/producer-session.ts'
import type { FetchedBatch, ReaderSession } from '../../broker/reader-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { ShareSession } from '../../broker/share-session.ts'
import type { TransactionalOptions, TransactionalSession } from '../../broker/transactional-session.ts'
import { AttachedBroker } from '../../engine/remote/attached-broker.ts'
import type { Channel } from '../../engine/remote/channel.ts'
import { isShortage } from '../../engine/remote/shortage.ts'
import { LogError } from '../../model/errors.ts'
import type { Guarantees } from '../../model/positions.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'
import { ANSWER_LIMIT_MS, HolderSearch, type Meeting } from './holder-search.ts'
import { type Held, type HoldHooks, Serving } from './serving.ts'

export interface SharedOptions {
  readonly meeting: Meeting
  readonly port: RuntimePort
  /** Takes the lock and opens the log; DIRECTORY_IN_USE while another process has it. */
  hold(hooks: HoldHooks): Promise<Held>
  /** Rejects with DIRECTORY_IN_USE instead of attaching. */
  readonly exclusive: boolean
}

/**
 * One log, several processes. The one that gets the lock holds the log and serves the others. When it goes away, one of
 * the others takes its place, and every session goes on.
 */
export class SharedBroker implements Broker {
  readonly #options: SharedOptions
  readonly #serving: Serving
  readonly #search: HolderSearch
  #held: Held | undefined
  #attached: AttachedBroker | undefined
  /** The try for the lock that is under way, with what follows it. */
  #holding: Promise<unknown> | undefined
  #isClosed = false

  constructor(options: SharedOptions) {
    this.#options = options
    this.#serving = new Serving(options.port)
    const { meeting, port, exclusive } = options
    const assertWanted = () => this.#assertWanted()
    this.#search = new HolderSearch({ meeting, port, exclusive, assertWanted, hold: () => this.#hold() })
  }

  async open(): Promise<void> {
    const first = await this.#search.run(this.#options.port.elapsed() + ANSWER_LIMIT_MS)
    if (first === undefined) return
    let channel: Channel | undefined = first
    const connect = async () => {
      const next = channel ?? (await this.#search.run())
      channel = undefined
      return next ?? this.#serving.toItself(this.#held)
    }
    this.#attached = new AttachedBroker(connect, this.#options.port, () => this.#isHolder())
    await this.#answered(this.#attached)
  }

  /** Whether this process holds the log, or will have begun to by the time that this resolves. */
  async #isHolder(): Promise<boolean> {
    await this.#afterHolding()
    return this.#held !== undefined
  }

  /**
   * Settles as `work`, by which an opening ends. If its holder falls silent meanwhile, the error names it as that of an
   * opening whose holder never answered does.
   */
  opening<T>(work: Promise<T>): Promise<T> {
    return this.#orOver(work, () => this.#search.unanswered)
  }

  /** As `whileAnswered`, for work of a program that does nothing else with the log: the log is over then too. */
  command<T>(work: Promise<T>): Promise<T> {
    return this.#orOver(work, () => this.#search.silent)
  }

  #orOver<T>(work: Promise<T>, error: () => unknown): Promise<T> {
    const attached = this.#attached
    const silent = () => {
      attached?.end()
      return error()
    }
    return attached?.whileAnswered(work, silent) ?? work
  }

  whileAnswered<T>(ending: Promise<T>): Promise<T> {
    return this.#attached?.whileAnswered(ending, () => this.#search.silent) ?? ending
  }

  /**
   * A suspended process still accepts connections and holds the lock. So an error names it, instead of waiting for it.
   */
  async #answered(attached: AttachedBroker): Promise<void> {
    const { port } = this.#options
    let cancel = () => {}
    const limit = new Promise<never>((_, reject) => {
      // If the holder went away meanwhile, this process may be recovering the log itself.
      const unlessHeld = () => {
        if (this.#held === undefined) reject(this.#search.unanswered)
      }
      const refuse = () => void this.#afterHolding().then(unlessHeld, unlessHeld)
      cancel = port.setTimer(ANSWER_LIMIT_MS, refuse, { keepsAlive: true })
    })
    try {
      await Promise.race([attached.open(), limit])
    } catch (error) {
      await this.close()
      throw error
    } finally {
      cancel()
    }
  }

  /**
   * Takes the lock and opens the log; resolves with the error if another process holds it, or if one that was attached
   * lacked something for it.
   */
  async #hold(): Promise<LogError | undefined> {
    const holding = this.#options.hold(this.#serving.hooks)
    this.#holding = holding.then((held) => this.#begin(held))
    try {
      await this.#holding
      return undefined
    } catch (error) {
      const isRefused = LogError.is(error, 'DIRECTORY_IN_USE') || (this.#attached !== undefined && isShortage(error))
      if (isRefused) return error as LogError<never>
      throw error
    }
  }

  /**
   * If the log can't be served or was closed meanwhile, it is given up with its lock. Who has attached already looks for
   * the next holder, and hears nothing of this log's close.
   */
  async #begin(held: Held): Promise<void> {
    try {
      if (!this.#options.exclusive) {
        await this.#serving.begin(held, (attached) => this.#options.meeting.listen(attached))
      }
      this.#assertWanted()
      this.#held = held
    } catch (error) {
      this.#serving.stopListening()
      await this.#serving.end(undefined)
      await held.broker.close()
      throw error
    }
  }

  #assertWanted(): void {
    if (this.#isClosed) throw new LogError('LOG_CLOSED', 'the log is closed')
  }

  /** Resolves when no try for the lock is under way. */
  async #afterHolding(): Promise<void> {
    await this.#holding?.catch(() => {})
  }

  get role(): 'holder' | 'attached' {
    return this.#held === undefined ? 'attached' : 'holder'
  }

  get recovery(): RecoveryReport {
    const recovery = this.#held?.recovery ?? this.#attached?.recovery
    if (recovery === undefined) throw new LogError('LOG_CLOSED', 'the log is not open')
    return recovery
  }

  /** Not a getter: every read of a single record calls this, and a private getter costs a call of the runtime. */
  #current(): Broker {
    const broker = this.#held?.broker ?? this.#attached
    if (broker === undefined) throw new LogError('LOG_CLOSED', 'the log is not open')
    return broker
  }

  get guarantees(): Guarantees {
    return this.#current().guarantees
  }

  /** The broker by which sessions began: it always leads to the present holder, so that they know each other. */
  get #firstWay(): Broker {
    return this.#attached ?? this.#current()
  }

  get admin(): AdminSession {
    return this.#firstWay.admin
  }

  openProducer(): Promise<ProducerSession> {
    return this.#current().openProducer()
  }

  openTransactionalProducer(options: TransactionalOptions): Promise<TransactionalSession> {
    return this.#firstWay.openTransactionalProducer(options)
  }

  openConsumer(options: ConsumerSessionOptions): Promise<ConsumerSession> {
    return this.#firstWay.openConsumer(options)
  }

  openShare(groupId: string): Promise<ShareSession> {
    return this.#firstWay.openShare(groupId)
  }

  find(topic: string, partition: number, offset: number): FetchedBatch | undefined | Promise<FetchedBatch | undefined> {
    return this.#current().find(topic, partition, offset)
  }

  openReader(): ReaderSession {
    return this.#current().openReader()
  }

  closing(): void {
    this.#held?.broker.closing()
    this.#attached?.closing()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#serving.stopListening()
    await this.#attached?.close()
    await this.#afterHolding()
    this.#options.meeting.leave?.()
    await this.#serving.end(this.#held)
    await this.#held?.broker.close()
  }
}
