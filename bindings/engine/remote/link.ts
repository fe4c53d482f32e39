import type { FetchedPartition, FetchRequest } from '../../broker/reader-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import { type Timers, within } from '../../model/timers.ts'
import { HELLO } from './answer-shapes.ts'
import type { Channel } from './channel.ts'
import { readError } from './errors.ts'
import { readFetched } from './fetched-list.ts'
import { messageBytes } from './message-pieces.ts'
import { MessageReader } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import { type Asker, PendingCalls, send } from './pending-calls.ts'
import { ANSWER_OK, assertMessageFits, CALL_BYTES, noMemory, PROTOCOL_VERSION } from './protocol.ts'
import { isShortage } from './shortage.ts'
import { reading, readValue, writeValue } from './values.ts'

/**
 * Pauses after a channel that ended before its holder had greeted, in milliseconds. The system takes connections for a
 * process that has no descriptor left for them, and drops them: tried again at once, they would keep both busy.
 */
const RETRY_MS = 5
const RETRY_MS_MAX = 250
/** The version of the topics of a holder that hasn't greeted: no holder's own. */
const NOT_GREETED = -1

export interface LinkHooks extends Timers {
  /**
   * Resolves with a channel to the process that holds the log now. Tries until there is one; rejects when there will be
   * none, or, with an error of the category `retriable` or of a shortage, when there is none for now.
   */
  connect(): Promise<Channel>
  /** A channel to a holder stands; `hello` is what it said of the log. */
  connected(hello: unknown): void
  /** A channel has ended: members that were in groups through it are out. */
  membersLost(): void
  /** A member must join its group again, or a consumer of a share group release undelivered records. */
  noticed(session: number): void
  /** The holder warns of something that no call would report. */
  warned(code: string, message: string): void
  readonly now: RuntimePort['now']
  readonly random: RuntimePort['random']
}

/**
 * Calls to the holder of the log, over one channel after another. If a channel ends, the outcome of its calls is
 * unknown: those that may be repeated are asked again in their order, the others reject.
 */
export class Link {
  readonly #hooks: LinkHooks
  /** While no call is open, the channel doesn't keep the program alive. */
  readonly #pending = new PendingCalls((isUsed) => this.#greeting?.keepAlive(isUsed))
  /**
   * Tells a holder which of its channels are of the same link. It holds the time too, as processes may be started with
   * the same seed for their random numbers (`node --random-seed`).
   */
  readonly #name: string
  /** The channel that is open. Calls go over it, as `#channel`, only once its holder has greeted. */
  #greeting: Channel | undefined
  #channel: Channel | undefined
  /** There was no holder for the moment: the next call looks for one. */
  #isIdle = false
  #hasGreeted = false
  #retryMs = RETRY_MS
  #ended: LogError | undefined
  #opened: { resolve(): void; reject(error: unknown): void } | undefined
  #settled: (() => void) | undefined
  #connections = 0
  #topicsVersion = 0

  constructor(hooks: LinkHooks) {
    this.#hooks = hooks
    this.#name = `${hooks.now()} ${hooks.random()}`
  }

  /** Changes whenever the holder's topics, or the holder, have changed. */
  get topicsVersion(): string {
    return `${this.#connections}/${this.#topicsVersion}`
  }

  /** Resolves once a holder has greeted for the first time; rejects when there will be none. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#opened = { resolve, reject }
      this.#reconnect()
    })
  }

  call<T>(
    method: string,
    session: number,
    write: (writer: MessageWriter) => void,
    read: (reader: MessageReader) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const answered = (reader: MessageReader) => resolve(read(reader))
      this.#ask(method, session, write, { answered, failed: reject, woken: undefined })
    })
  }

  /** A fetch of this session. If it waits for records, it does so until it is woken. */
  fetch(method: 'fetch' | 'poll', session: number, request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return new Promise((resolve, reject) => {
      const answered = (reader: MessageReader) => resolve(readFetched(reader))
      const woken = request.wait ? () => resolve([]) : undefined
      this.#ask(method, session, (writer) => writeValue(writer, request), { answered, failed: reject, woken })
    })
  }

  /** Ends the session's wait, on this side too: the holder may be stopped, or gone with no other there yet. */
  wake(session: number): void {
    this.tell('wake', session)
    this.#pending.wake(session)
    this.#settleIfQuiet()
  }

  #ask(method: string, session: number, write: (writer: MessageWriter) => void, asker: Asker): void {
    if (this.#ended !== undefined) return asker.failed(this.#ended)
    const call = this.#pending.nextNumber()
    const writer = new MessageWriter()
    writer.int32(call).text(method).int32(session)
    write(writer)
    const message = writer.finish()
    assertMessageFits(method, messageBytes(message))
    const pending = { method, session, message, wasSent: false, ...asker }
    this.#pending.add(call, pending)
    if (this.#channel !== undefined) send(pending, this.#channel)
    if (this.#isIdle) this.#reconnect()
  }

  /** A call whose answer is waited for no longer than `limitMs`. */
  callWithin(limitMs: number, method: string, session: number): Promise<void> {
    return this.within(
      limitMs,
      this.call(method, session, () => {}, readValue),
    )
  }

  /** Resolves with the end of `answer`, or after `limitMs`. */
  async within(limitMs: number, answer: Promise<unknown>): Promise<void> {
    await within(this.#hooks, limitMs, answer)
  }

  /** A call without an answer; it is lost if the channel ends. */
  tell(method: string, session: number): void {
    this.#channel?.send(new MessageWriter().int32(0).text(method).int32(session).finish())
  }

  /**
   * Ends the link once no holder answered for `limitMs`. One that answers may take longer for a call: then its outcome
   * becomes known. Producers and consumers that give up by themselves leave their calls pending (SilentHolder), and
   * `settled` would wait for those once more.
   */
  async endUnanswered(limitMs: number, unless: () => Promise<boolean>): Promise<void> {
    while (this.#ended === undefined) {
      const isThere = await this.answers(limitMs)
      if (isThere) await this.pause(limitMs)
      else if (!(await unless())) this.end()
    }
  }

  /** Doesn't keep the program alive. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#hooks.setTimer(delayMs, resolve))
  }

  /**
   * Whether a holder answers within `limitMs`. A channel that ends meanwhile counts as an answer: the next holder is
   * asked then.
   */
  async answers(limitMs: number): Promise<boolean> {
    let isThere = false
    const there = () => {
      isThere = true
    }
    await this.within(limitMs, this.call('wake', 0, () => {}, readValue).then(there, there))
    return isThere
  }

  /**
   * Resolves once all calls that change the log are answered, as a log that is held here closes after them. It doesn't
   * wait for a holder that isn't there, nor longer than `limitMs` for one that doesn't answer.
   */
  async settled(limitMs: number): Promise<void> {
    if (!this.#isChanging) return
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve
    })
    await within(this.#hooks, limitMs, settled)
  }

  get #isChanging(): boolean {
    return this.#channel !== undefined && this.#pending.areChanging
  }

  #settleIfQuiet(): void {
    if (this.#settled !== undefined && !this.#isChanging) this.#settled()
  }

  /** `error`: for the calls that are open and for later ones. */
  end(error: LogError = new LogError('LOG_CLOSED', 'the log is closed')): void {
    this.#ended ??= error
    this.#refuse(this.#ended)
    this.#opened?.reject(this.#ended)
    const channel = this.#greeting
    this.#greeting = undefined
    this.#channel = undefined
    channel?.end()
  }

  #refuse(error: LogError): void {
    this.#pending.refuse(error)
    this.#settled?.()
  }

  #reconnect(): void {
    this.#isIdle = false
    this.#connect().catch((error: unknown) => {
      // The holder went away before it greeted, and `#lost` has begun anew.
      if (LogError.is(error, 'NETWORK_EXCEPTION')) return
      // Such as a full disk, on which this process couldn't become the holder. Another process may, or there will be
      // room.
      if (this.#hasGreeted && LogError.is(error) && (error.category === 'retriable' || isShortage(error))) {
        this.#isIdle = true
        return this.#refuse(error as LogError)
      }
      const message = 'no holder of the log is to be had'
      // A member would answer an error of a membership by joining again, for ever.
      const isEnd = LogError.is(error) && error.category !== 'rejoin'
      this.end(isEnd ? (error as LogError) : new LogError('LOG_CLOSED', message, {}, error))
    })
  }

  async #connect(): Promise<void> {
    const channel = await this.#hooks.connect()
    if (this.#ended !== undefined) return channel.end()
    this.#greeting = channel
    this.#connections++
    // Else what is asked meanwhile would count as known once the next holder has had as many changes as the last one.
    this.#topicsVersion = NOT_GREETED
    channel.start(
      (message) => this.#message(channel, message),
      () => this.#lost(channel),
    )
    channel.keepAlive(true)
    const connection = this.#connections
    const write = (writer: MessageWriter) => writer.int32(PROTOCOL_VERSION).text(this.#name).int32(connection)
    const hello = this.call('hello', 0, write, reading(HELLO))
    this.#pending.sendHello(channel)
    this.#hooks.connected(await hello)
    // Nothing may be asked of a holder before it has said which version it speaks.
    this.#channel = channel
    this.#hasGreeted = true
    this.#retryMs = RETRY_MS
    this.#pending.sendAnew(channel)
    this.#opened?.resolve()
  }

  #lost(channel: Channel): void {
    if (channel !== this.#greeting || this.#ended !== undefined) return
    const isUngreeted = this.#channel === undefined
    this.#greeting = undefined
    this.#channel = undefined
    this.#pending.lose()
    this.#settled?.()
    this.#hooks.membersLost()
    if (isUngreeted) this.#reconnectLater()
    else this.#reconnect()
  }

  #reconnectLater(): void {
    const retry = () => {
      if (this.#ended === undefined) this.#reconnect()
    }
    this.#hooks.setTimer(this.#retryMs * (0.5 + this.#hooks.random()), retry, { keepsAlive: true })
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX)
  }

  #notice(reader: MessageReader): void {
    const session = reader.int32()
    if (session === 0) this.#hooks.warned(reader.text(), reader.text())
    else this.#hooks.noticed(session)
  }

  #answered(reader: MessageReader, asker: Asker | undefined): void {
    const status = reader.uint8()
    this.#topicsVersion = reader.int32()
    if (status === ANSWER_OK) asker?.answered(reader)
    else asker?.failed(readError(reader))
  }

  #message(channel: Channel, message: Uint8Array<ArrayBuffer>): void {
    if (channel !== this.#greeting) return
    try {
      const reader = new MessageReader(message)
      const call = reader.int32()
      if (call === 0) return this.#notice(reader)
      const pending = this.#pending.get(call)
      // Not asked again at once: there would be no memory for that answer either.
      if (message.length === CALL_BYTES) pending?.failed(noMemory('the answer'))
      else this.#answered(reader, pending)
      // Removed only after it was read: an answer that can't be read counts as lost.
      this.#pending.remove(call)
      this.#settleIfQuiet()
    } catch {
      // Where the next message begins can't be told, so a new channel begins anew.
      channel.end()
    }
  }
}
