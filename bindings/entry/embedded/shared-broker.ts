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
import type { Listener } from '../../engine/remote/listener.ts'
import { loopback } from '../../engine/remote/loopback.ts'
import { ServedChannel } from '../../engine/remote/served-channel.ts'
import { isShortage } from '../../engine/remote/shortage.ts'
import type { EmbeddedBroker } from '../../engine/sessions/embedded-broker.ts'
import { LogError } from '../../model/errors.ts'
import type { Guarantees } from '../../model/positions.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'

/** A log that this process holds: it was recovered, and nobody else writes to it. */
export interface Held {
  readonly broker: EmbeddedBroker
  readonly recovery: RecoveryReport
}

/** What a held log tells its process. */
export interface HoldHooks {
  /** Somebody waits for records, or nobody does any more. */
  waiting(isWaiting: boolean): void
  /** A warning for the user of the program. */
  warn(code: string, message: string): void
}

/** How the processes of one directory find each other. */
export interface Meeting {
  /** `undefined` if nobody listens. */
  attach(): Promise<Channel | undefined>
  /** Only the process that has the directory's lock may call it. */
  listen(attached: (channel: Channel) => void): Promise<Listener>
  /**
   * The error that taking the lock would meet, without trying it. Its details name nobody if no living process is
   * noted.
   */
  heldBy(): LogError
  /** Gives up what it keeps to know the log again, as that is closed; again is fine. */
  leave?(): void
}

export interface SharedOptions {
  readonly meeting: Meeting
  readonly port: RuntimePort
  /** Takes the lock and opens the log; DIRECTORY_IN_USE while another process has it. */
  hold(hooks: HoldHooks): Promise<Held>
  /** Rejects with DIRECTORY_IN_USE instead of attaching. */
  readonly exclusive: boolean
}

/**
 * After this time, in milliseconds, an opening is told that its holder is suspended or stuck. A log that is open
 * already keeps looking for a holder until it is closed.
 */
const ANSWER_LIMIT_MS = 5000
/** How long a close waits, in milliseconds, for members whose program doesn't return from a record. */
const RELEASE_LIMIT_MS = 5000
const RETRY_MS = 5
/** Longest pause between two tries, in milliseconds: a recovery may take minutes. */
const RETRY_MS_MAX = 250
/**
 * How often the lock itself is tried, in milliseconds: the noted holder may be wrong, such as a thread that was ended
 * during its recovery.
 */
const SURE_MS = 2000

/** To close the holder, as the hint says, is the wrong advice where it only needs more time. */
function unanswered(refusal: LogError | undefined): LogError | undefined {
  if (!LogError.is(refusal, 'DIRECTORY_IN_USE')) return refusal
  const advice = 'close it if it is exclusive or stopped, open again if it is busy or recovering'
  const message = `${refusal.message}, and didn't answer within ${ANSWER_LIMIT_MS / 1000} s: ${advice}`
  return new LogError('DIRECTORY_IN_USE', message, refusal.details)
}

/**
 * One log, several processes. The one that gets the lock holds the log and serves the others. When it goes away, one of
 * the others takes its place, and every session goes on.
 */
export class SharedBroker implements Broker {
  readonly #options: SharedOptions
  readonly #served: Set<ServedChannel> = new Set()
  /** Who waits for records of the log that this process holds: it stays alive for them. */
  readonly #waiting: Set<'sessions' | 'attached'> = new Set()
  #held: Held | undefined
  /** Sessions of this process from before it held the log. */
  #ownServed: ServedChannel | undefined
  #listener: Listener | undefined
  #attached: AttachedBroker | undefined
  /** The try for the lock that is under way, with what follows it. */
  #holding: Promise<unknown> | undefined
  /** Names the holder that this process is attached to, or waits for. */
  #refusal: LogError | undefined
  #isClosed = false

  constructor(options: SharedOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    const first = await this.#holdOrAttach(this.#options.port.elapsed() + ANSWER_LIMIT_MS)
    if (first === undefined) return
    let channel: Channel | undefined = first
    this.#attached = new AttachedBroker(async () => {
      const next = channel ?? (await this.#holdOrAttach(Number.POSITIVE_INFINITY))
      channel = undefined
      return next ?? this.#toItself()
    }, this.#options.port)
    await this.#answered(this.#attached)
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
        if (this.#held === undefined) reject(unanswered(this.#refusal))
      }
      cancel = port.setTimer(ANSWER_LIMIT_MS, () => void this.#afterHolding().then(unlessHeld, unlessHeld), true)
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
   * A channel to the holder; `undefined` if this process has become the holder. A try for the lock costs a fork. Of
   * hundreds of processes that open a log or lose its holder, only those try that find nobody listening and no next
   * holder noted: all at once would starve the process that recovers.
   */
  async #holdOrAttach(limitMs: number): Promise<Channel | undefined> {
    const { meeting, port, exclusive } = this.#options
    const left = this.#refusal
    let sureMs = left === undefined ? port.elapsed() : port.elapsed() + SURE_MS
    let shortMs: number | undefined
    for (let waitMs = RETRY_MS; ; waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)) {
      if (this.#isClosed) throw new LogError('LOG_CLOSED', 'the log is closed')
      const channel = exclusive ? undefined : await meeting.attach()
      if (channel !== undefined) {
        this.#refusal = meeting.heldBy()
        return channel
      }
      // Who opens a log asks the lock itself.
      const noted = port.elapsed() < sureMs ? meeting.heldBy() : undefined
      if (noted !== undefined) this.#refusal = noted
      if (noted === undefined || !isAnother(noted, left)) {
        this.#refusal = await this.#hold()
        if (this.#refusal === undefined) return undefined
        sureMs = port.elapsed() + SURE_MS
        shortMs = isShortage(this.#refusal) ? (shortMs ?? port.elapsed()) : undefined
      }
      const isShort = shortMs !== undefined && port.elapsed() > shortMs + ANSWER_LIMIT_MS
      if (exclusive || isShort) throw this.#refusal
      if (port.elapsed() > limitMs) throw unanswered(this.#refusal)
      await new Promise<void>((resolve) => port.setTimer(waitMs * (0.5 + port.random()), resolve, true))
    }
  }

  /**
   * Takes the lock and opens the log; answers the error if another process holds it, or if one that was attached lacked
   * something for it.
   */
  async #hold(): Promise<LogError | undefined> {
    const holding = this.#options.hold({
      waiting: (isWaiting) => this.#keepAlive('sessions', isWaiting),
      warn: (code, message) => this.#warn(code, message),
    })
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

  /** If the log can't be served or was closed meanwhile, it is given up with its lock. */
  async #begin(held: Held): Promise<void> {
    try {
      if (!this.#options.exclusive) {
        this.#listener = await this.#options.meeting.listen((channel) => this.#serve(channel, held))
      }
      if (this.#isClosed) throw new LogError('LOG_CLOSED', 'the log is closed')
      this.#held = held
    } catch (error) {
      this.#listener?.close()
      await held.broker.close()
      throw error
    }
  }

  #keepAlive(who: 'sessions' | 'attached', isWanted: boolean): void {
    if (isWanted) this.#waiting.add(who)
    else this.#waiting.delete(who)
    this.#listener?.keepAlive(this.#waiting.size > 0)
  }

  /** Warns the programs of all processes, each once. */
  #warn(code: string, message: string): void {
    this.#options.port.warn?.(code, message)
    for (const served of this.#served) if (served !== this.#ownServed) served.warn(code, message)
  }

  /** Resolves when no try for the lock is under way. */
  async #afterHolding(): Promise<void> {
    await this.#holding?.catch(() => {})
  }

  #serve(channel: Channel, { broker, recovery }: Held): ServedChannel {
    return new ServedChannel(channel, broker, recovery, this.#served)
  }

  /** Lets this process's earlier sessions go on with its own log, without a socket. */
  #toItself(): Channel {
    const [mine, theirs] = loopback((isWanted) => this.#keepAlive('attached', isWanted))
    if (this.#held !== undefined) this.#ownServed = this.#serve(theirs, this.#held)
    return mine
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
    this.#attached?.closing(async () => {
      await this.#afterHolding()
      return this.#held !== undefined
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listener?.close()
    await this.#attached?.close()
    await this.#afterHolding()
    this.#options.meeting.leave?.()
    if (this.#held !== undefined && this.#served.size > 0) await this.#releaseMembers(this.#held.broker)
    for (const served of this.#served) served.end()
    await this.#held?.broker.close()
  }

  /**
   * Lets members of other processes, share consumers included, commit what they have handled and give up what they
   * hold: the next holder doesn't know them.
   */
  async #releaseMembers(broker: EmbeddedBroker): Promise<void> {
    let cancel = () => {}
    const limit = new Promise<void>((resolve) => {
      cancel = this.#options.port.setTimer(RELEASE_LIMIT_MS, resolve, true)
    })
    const kinds = ['releaseGroups', 'releaseShares'] as const
    // If the log can't reassign partitions any more, members end as they do when their holder is killed.
    const released = kinds.map((kind) => broker.ask<void>((done) => ({ kind, done })).catch(() => {}))
    await Promise.race([Promise.all(released), limit]).finally(() => cancel())
  }
}

/** Whether another holder was noted since this process attached to the one that it left. */
function isAnother(noted: LogError, left: LogError | undefined): boolean {
  const names = ['pid', 'since']
  return noted.details['pid'] !== undefined && names.some((name) => noted.details[name] !== left?.details[name])
}
