import type { AdminSession } from '../../broker/admin-session.ts'
import type { Broker } from '../../broker/broker.ts'
import type { ConsumerSession, ConsumerSessionOptions } from '../../broker/consumer-session.ts'
import type { ProducerSession } from '../../broker/producer-session.ts'
import type { FetchedBatch, ReaderSession } from '../../broker/reader-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { ShareSession } from '../../broker/share-session.ts'
import type { TransactionalOptions, TransactionalSession } from '../../broker/transactional-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Guarantees } from '../../model/positions.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'
import type { ProducerInstance } from '../commands.ts'
import { outOfRange } from '../out-of-range.ts'
import { INSTANCE } from './answer-shapes.ts'
import { AttachedAdmin } from './attached-admin.ts'
import { AttachedConsumer } from './attached-consumer.ts'
import { AttachedProducer } from './attached-producer.ts'
import { AttachedReader } from './attached-reader.ts'
import { AttachedShare } from './attached-share.ts'
import { AttachedTransactionalProducer } from './attached-transactions.ts'
import type { Channel } from './channel.ts'
import { recordAlone } from './fetched-list.ts'
import { Link } from './link.ts'
import type { MessageWriter } from './message-writer.ts'
import { SilentHolder } from './silent-holder.ts'
import { reading, readValue, writeValue } from './values.ts'

/** How long a close waits for a holder that is gone, stopped or busy, in milliseconds. */
const SETTLE_LIMIT_MS = 5000
/** What ends sooner never asks whether its holder is there, in milliseconds. */
const PAUSE_MS = 1000

interface Hello {
  readonly guarantees: Guarantees
  readonly recovery: RecoveryReport
}

/** The sessions of a log that another process holds. They go on when yet another process becomes the holder. */
export class AttachedBroker implements Broker {
  readonly admin: AdminSession
  readonly #link: Link
  readonly #isHolder: () => Promise<boolean>
  readonly #silent: SilentHolder
  readonly #consumers: Map<number, AttachedConsumer> = new Map()
  readonly #shares: Map<number, AttachedShare> = new Map()
  /** A program may drop an iteration without leaving it: nobody closes its reader, which the holder would keep. */
  readonly #abandoned: FinalizationRegistry<number> = new FinalizationRegistry((session) => {
    this.#link.tell('close', session)
  })
  #finder: ReaderSession | undefined
  #hello: Hello | undefined
  #sessions = 0

  /**
   * `connect`: see LinkHooks. `isHolder`: whether this process becomes the holder itself; what waits for a holder waits
   * for the end of that anyway.
   */
  constructor(
    connect: () => Promise<Channel>,
    port: Pick<RuntimePort, 'now' | 'random' | 'setTimer' | 'warn'>,
    isHolder: () => Promise<boolean> = async () => false,
  ) {
    this.#isHolder = isHolder
    this.#silent = new SilentHolder({
      answers: async () => (await this.#link.answers(SETTLE_LIMIT_MS)) || (await isHolder()),
      pause: () => this.#link.pause(PAUSE_MS),
    })
    this.#link = new Link({
      connect,
      setTimer: (...timer) => port.setTimer(...timer),
      now: () => port.now(),
      random: () => port.random(),
      connected: (hello) => {
        this.#hello = hello as Hello
      },
      membersLost: () => {
        const sessions = [...this.#consumers.values(), ...this.#shares.values()]
        this.#consumers.clear()
        this.#shares.clear()
        for (const session of sessions) session.lost()
      },
      noticed: (session) => {
        this.#consumers.get(session)?.rebalance()
        this.#shares.get(session)?.release()
      },
      warned: (code, message) => port.warn?.(code, message),
    })
    this.admin = new AttachedAdmin(this.#link)
  }

  /** Resolves once a holder has greeted. UNSUPPORTED_VERSION, or what `connect` rejects with. */
  open(): Promise<void> {
    return this.#link.open()
  }

  get guarantees(): Guarantees {
    return this.#hello?.guarantees ?? { durability: 'memory', embedded: true }
  }

  /** What the present holder found when it opened the log. */
  get recovery(): RecoveryReport | undefined {
    return this.#hello?.recovery
  }

  async openProducer(): Promise<ProducerSession> {
    return await AttachedProducer.open(this.#link)
  }

  async openTransactionalProducer(options: TransactionalOptions): Promise<TransactionalSession> {
    const write = (writer: MessageWriter) => writeValue(writer, options)
    const instance = await this.#link.call('openTransactionalProducer', 0, write, reading<ProducerInstance>(INSTANCE))
    return new AttachedTransactionalProducer(this.#link, instance)
  }

  async openConsumer(options: ConsumerSessionOptions): Promise<ConsumerSession> {
    const session = ++this.#sessions
    const consumer = new AttachedConsumer(this.#link, session, () => this.#consumers.delete(session))
    return this.#opened(this.#consumers, consumer, 'openConsumer', options)
  }

  async openShare(groupId: string): Promise<ShareSession> {
    const session = ++this.#sessions
    const share = new AttachedShare(this.#link, session, () => this.#shares.delete(session))
    return this.#opened(this.#shares, share, 'openShare', groupId)
  }

  /** The session is known before its answer is there: the channel may end right behind that. */
  async #opened<S extends { readonly session: number }>(
    sessions: Map<number, S>,
    opening: S,
    method: string,
    argument: unknown,
  ): Promise<S> {
    sessions.set(opening.session, opening)
    try {
      await this.#link.call(method, opening.session, (writer) => writeValue(writer, argument), readValue)
    } catch (error) {
      sessions.delete(opening.session)
      throw error
    }
    return opening
  }

  /** Looked up by a fetch. What the holder keeps in memory comes over the channel each time. */
  async find(topic: string, partition: number, offset: number): Promise<FetchedBatch | undefined> {
    this.#finder ??= this.openReader()
    const positions = [{ topic, partition, nextOffset: offset }]
    const request = { positions, isolationLevel: 'read_committed', maxBytes: 1, wait: false } as const
    const [part] = await this.#finder.fetch(request)
    if (part?.error !== undefined) throw part.error
    if (part !== undefined && offset >= part.endOffset) {
      throw outOfRange({ topic, partition, nextOffset: offset }, part.logStartOffset, part.endOffset)
    }
    for (const batch of part?.batches ?? []) {
      const record = recordAlone(batch, offset)
      if (record !== undefined) return record
    }
    return undefined
  }

  openReader(): ReaderSession {
    const session = ++this.#sessions
    const reader = new AttachedReader(this.#link, session, () => this.#abandoned.unregister(reader))
    this.#abandoned.register(reader, session, reader)
    return reader
  }

  /** See Broker. `silent`: the error, where the caller knows who the holder is. */
  whileAnswered<T>(ending: Promise<T>, silent: () => unknown = silentHolder): Promise<T> {
    return this.#silent.while(ending, silent)
  }

  /** The log's producers and consumers are about to end, which may take calls. */
  closing(): void {
    this.#link.endUnanswered(SETTLE_LIMIT_MS, this.#isHolder).catch(() => {})
  }

  /** Ends without waiting for any call. */
  end(): void {
    this.#link.end()
  }

  async close(): Promise<void> {
    await this.#link.settled(SETTLE_LIMIT_MS)
    this.#link.end()
  }
}

function silentHolder(): LogError {
  const limit = `for ${SETTLE_LIMIT_MS / 1000} s`
  const message = `the process that holds the log gave no sign of life ${limit}: what was under way may be done or not`
  return new LogError('NETWORK_EXCEPTION', message)
}
