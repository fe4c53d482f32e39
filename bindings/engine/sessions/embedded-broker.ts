import type { AdminSession } from '../../broker/admin-session.ts'
import type { Broker } from '../../broker/broker.ts'
import type { ConsumerSession, ConsumerSessionOptions } from '../../broker/consumer-session.ts'
import type { ProducerSession } from '../../broker/producer-session.ts'
import type { FetchedBatch, FetchedPartition, FetchRequest, ReaderSession } from '../../broker/reader-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { ShareSession } from '../../broker/share-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { TransactionalOptions, TransactionalSession } from '../../broker/transactional-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Guarantees } from '../../model/positions.ts'
import type { BackupTarget } from '../../storage/backup-target.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'
import type { Callback, Command, ProducerInstance } from '../commands.ts'
import type { Engine } from '../engine.ts'
import type { HostedPartition } from '../hosted-partition.ts'
import { LoopTurns } from '../loop-turns.ts'
import { Scheduler } from '../scheduler.ts'
import { EmbeddedAdmin } from './admin-session.ts'
import { EmbeddedConsumer } from './consumer-session.ts'
import { EmbeddedProducer } from './producer-session.ts'
import { EmbeddedReader } from './reader-session.ts'
import type { SessionHost } from './session-host.ts'
import { EmbeddedShare } from './share-session.ts'
import { EmbeddedTransactionalProducer } from './transactional-session.ts'

const TOPIC_ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * Looking at the clock takes a fifth of the time of a record from the cache, so only one record in this many asks
 * whether others wait.
 */
const FOUND_PER_LOOK = 64

/** For a log that was put together without a directory. */
function noDirectory(directory: string): never {
  throw new LogError('INVALID_REQUEST', 'this log can make no directory', { argument: 'directory', directory })
}

/** Implements the broker port over an engine in this process. */
export class EmbeddedBroker implements Broker, SessionHost {
  readonly engine: Engine
  readonly admin: AdminSession
  readonly #scheduler: Scheduler
  readonly #port: RuntimePort
  readonly #turns: LoopTurns
  readonly #waiting: (isWaiting: boolean) => void
  readonly backupTarget: (directory: string) => BackupTarget
  /** Sessions of other processes: this process needn't stay alive for them when they wait for records. */
  readonly served: WeakSet<object> = new WeakSet()
  #waits = 0
  /** How many single records were looked up, in the cache or not. */
  #lookups = 0

  /** `waiting`: called when somebody waits for records, and when nobody does any more. */
  constructor(
    engine: Engine,
    port: RuntimePort,
    waiting: (isWaiting: boolean) => void = () => {},
    backupTarget: (directory: string) => BackupTarget = noDirectory,
  ) {
    this.engine = engine
    this.backupTarget = backupTarget
    this.#port = port
    this.#turns = new LoopTurns(port)
    this.#waiting = waiting
    this.#scheduler = new Scheduler(engine, port)
    this.admin = new EmbeddedAdmin(this)
  }

  get guarantees(): Guarantees {
    return { durability: this.engine.store.capabilities.durability, embedded: true }
  }

  open(): Promise<RecoveryReport> {
    return this.#scheduler.open()
  }

  now(): number {
    return this.#scheduler.now()
  }

  submit(command: Command): void {
    this.#scheduler.submit(command)
  }

  fetch(reader: object, request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return this.askWaiting(reader, (done) => ({ kind: 'fetch', reader, request, done }))
  }

  askWaiting<T>(session: object, command: (done: Callback<T>) => Command): Promise<T> {
    if (this.served.has(session)) return this.ask(command)
    if (this.#waits++ === 0) this.#waiting(true)
    return this.ask<T>((done) => {
      return command((error, value) => {
        if (--this.#waits === 0) this.#waiting(false)
        done(error, value)
      })
    })
  }

  /**
   * Gives a command to the engine, and resolves with its result. A result that comes at once is given a turn of the
   * event loop later if others wait for theirs.
   */
  ask<T>(command: (done: Callback<T>) => Command): Promise<T> {
    return new Promise((resolve, reject) => {
      let isAtOnce = true
      const done: Callback<T> = (error, value) => {
        if (isAtOnce && this.#turns.isOverdue) this.#port.defer(() => done(error, value))
        else if (error === undefined) resolve(value as T)
        else reject(error as Error)
      }
      this.#scheduler.submit(command(done))
      isAtOnce = false
    })
  }

  async tell<T>(look: () => T): Promise<T> {
    try {
      return look()
    } finally {
      if (this.#turns.isOverdue) await new Promise<void>((resume) => this.#port.defer(resume))
    }
  }

  /** Hot path: at once for a topic that is there. A program may ask again and again until it is. */
  facts(topic: string): TopicFacts | Promise<TopicFacts> {
    try {
      return this.engine.topics.facts(topic)
    } catch (error) {
      return this.#refuse(error)
    }
  }

  #refuse(error: unknown): Promise<never> {
    return this.tell(() => {
      throw error
    })
  }

  askUnlessRefused<T>(command: (done: Callback<T>) => Command): Promise<T> | undefined {
    let isRefused = false
    let isAtOnce = true
    const answer = this.ask<T>((done) =>
      command((error, value) => {
        if (isAtOnce && error !== undefined) isRefused = true
        else done(error, value)
      }),
    )
    isAtOnce = false
    return isRefused ? undefined : answer
  }

  /** 128 random bits in Kafka's form: 22 characters of base64url, the last of which carries two bits. */
  newTopicId(): string {
    let id = ''
    for (let at = 0; at < 21; at++) id += TOPIC_ID_ALPHABET[Math.floor(this.#port.random() * 64)]
    return id + 'AQgw'[Math.floor(this.#port.random() * 4)]
  }

  async openProducer(): Promise<ProducerSession> {
    return new EmbeddedProducer(this, await this.ask<number>((done) => ({ kind: 'openProducer', done })))
  }

  async openTransactionalProducer({ transactionalId, timeoutMs }: TransactionalOptions): Promise<TransactionalSession> {
    const instance = await this.ask<ProducerInstance>((done) => {
      return { kind: 'initTransactionalProducer', transactionalId, timeoutMs, done }
    })
    return new EmbeddedTransactionalProducer(this, instance)
  }

  async openConsumer(options: ConsumerSessionOptions): Promise<ConsumerSession> {
    return new EmbeddedConsumer(this, options, `oncelog-${this.newTopicId()}`)
  }

  async openShare(groupId: string): Promise<ShareSession> {
    return new EmbeddedShare(this, { groupId, memberId: `oncelog-${this.newTopicId()}` })
  }

  /**
   * Hot path: answered from the cache without a command, unless others wait for their turn of the event loop, which
   * `ask` gives them.
   */
  find(topic: string, partition: number, offset: number): FetchedBatch | Promise<FetchedBatch | undefined> {
    let hosted: HostedPartition
    try {
      hosted = this.engine.topics.partition(topic, partition)
    } catch (error) {
      return this.#refuse(error)
    }
    const mustWait = ++this.#lookups % FOUND_PER_LOOK === 0 && this.#turns.isOverdue
    const cached = hosted.hasFailed || mustWait ? undefined : hosted.partition.cached(offset)
    return cached ?? this.ask<FetchedBatch | undefined>((done) => ({ kind: 'find', topic, partition, offset, done }))
  }

  openReader(): ReaderSession {
    return new EmbeddedReader(this)
  }

  closing(): void {
    this.engine.store.closing?.()
  }

  close(): Promise<void> {
    return this.ask<void>((done) => ({ kind: 'close', done }))
  }
}
