import type { ConsumerSession, ConsumerSessionOptions } from '../../broker/consumer-session.ts'
import type { AppendRequest, AppendResult } from '../../broker/producer-session.ts'
import type { FetchRequest, ReaderSession } from '../../broker/reader-session.ts'
import type { ShareSession } from '../../broker/share-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'
import type { EmbeddedBroker } from '../sessions/embedded-broker.ts'
import type { Channel } from './channel.ts'
import { writeError } from './errors.ts'
import { writeFetched } from './fetched-list.ts'
import { messageBytes } from './message-pieces.ts'
import { MessageReader } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import {
  ADMIN_CALLS,
  ANSWER_ERROR,
  ANSWER_OK,
  assertMessageFits,
  FETCH_BYTES_MAX,
  PROTOCOL_VERSION,
} from './protocol.ts'
import { readRecords, writeAppended } from './record-list.ts'
import * as shapes from './request-shapes.ts'
import { ServedTransactions } from './served-transactions.ts'
import { readCount, readProducerEpoch, readProducerId, readShaped, writeValue } from './values.ts'

interface Result {
  /** Behind the head of the answer. */
  write(writer: MessageWriter): void
  /** The answer's bytes are free to be written over. */
  readonly sent?: (() => void) | undefined
}
type Call = (session: number, reader: MessageReader) => Promise<Result>
type CallTable = Readonly<Record<string, Call>>

/**
 * One attached process as its holder sees it: requests are served until the channel ends; then its members leave. Each
 * is served once, and none any more once the process has connected anew: it believes what it was told last, and a copy
 * that came later would make it untrue (decision 033).
 */
export class ServedChannel {
  readonly #channel: Channel
  readonly #broker: EmbeddedBroker
  readonly #recovery: RecoveryReport
  readonly #all: Set<ServedChannel>
  readonly #transactions: ServedTransactions
  readonly #calls: CallTable
  readonly #consumers: Map<number, ConsumerSession> = new Map()
  readonly #readers: Map<number, ReaderSession> = new Map()
  readonly #shares: Map<number, ShareSession> = new Map()

  /** `hello` says who connected, and how often it did so before. */
  #link: string | undefined
  #connection = 0
  #newestCall = 0
  #isOver = false

  /** `all` that are served of this log: it is one of them until its channel ends. */
  constructor(channel: Channel, broker: EmbeddedBroker, recovery: RecoveryReport, all: Set<ServedChannel>) {
    this.#channel = channel
    this.#all = all.add(this)
    this.#broker = broker
    this.#recovery = recovery
    this.#transactions = new ServedTransactions(broker, (session) => this.#member(session))
    this.#calls = this.#callTable()
    channel.start(
      (message, release) => this.#request(message, release),
      () => {
        this.#isOver = true
        all.delete(this)
        this.#leave()
      },
    )
  }

  /** A channel may still bring what it has read. */
  end(): void {
    this.#isOver = true
    this.#channel.end()
  }

  warn(code: string, message: string): void {
    this.#channel.send(new MessageWriter().int32(0).int32(0).text(code).text(message).finish())
  }

  /** Its members can be put out at once: nobody needs to wait for a process that is gone. */
  #leave(): void {
    for (const sessions of [this.#consumers, this.#readers, this.#shares]) {
      for (const session of sessions.values()) session.close().catch(() => {})
      sessions.clear()
    }
    this.#transactions.leave()
  }

  /** Once the call is answered nothing of the log reads its bytes: what is kept of them lies encoded in the kernel. */
  #request(message: Uint8Array<ArrayBuffer>, release: () => void): void {
    let call = 0
    let answer: Promise<Result>
    try {
      const reader = new MessageReader(message)
      call = reader.int32()
      const method = reader.text()
      if (this.#isOver || this.#isRepeated(call, method)) return
      const session = reader.int32()
      const served = Object.hasOwn(this.#calls, method) ? this.#calls[method] : undefined
      if (served === undefined) throw new LogError('UNSUPPORTED_VERSION', `this holder doesn't know the call ${method}`)
      answer = served(session, reader)
    } catch (error) {
      answer = Promise.reject(error as Error)
    }
    answer
      .then((result) => this.#answer(call, ANSWER_OK, result))
      // Also where a result is too large for a message.
      .catch((error: unknown) => this.#answer(call, ANSWER_ERROR, { write: (writer) => writeError(writer, error) }))
      .finally(release)
  }

  /**
   * A link numbers its calls in the order in which it asks, and begins again behind 2^31 - 1: the half of the circle
   * before the newest one counts as older. `hello` goes first on each channel, and changes nothing.
   */
  #isRepeated(call: number, method: string): boolean {
    if (call === 0 || method === 'hello') return false
    const isNewer = this.#newestCall === 0 || (call - this.#newestCall) << 1 > 0
    if (isNewer) this.#newestCall = call
    return !isNewer
  }

  #answer(call: number, status: number, result: Result): void {
    if (call === 0) return
    const writer = new MessageWriter()
    writer.int32(call).uint8(status).int32(this.#broker.engine.topicCommands.version)
    result.write(writer)
    const message = writer.finish()
    assertMessageFits('the answer', messageBytes(message))
    this.#channel.send(message, result.sent)
  }

  #callTable(): CallTable {
    const transactional = Object.entries(this.#transactions.calls).map(([name, serve]): [string, Call] => {
      return [name, async (session, reader) => value(await serve(session, reader))]
    })
    return {
      ...this.#administrativeCalls(),
      ...Object.fromEntries(transactional),
      ...this.#producerCalls(),
      ...this.#readerCalls(),
      ...this.#memberCalls(),
      ...this.#shareCalls(),
      hello: (_, reader) => this.#hello(reader),
    }
  }

  #administrativeCalls(): CallTable {
    const admin = this.#broker.admin as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>
    const calls = ADMIN_CALLS.map((name): [string, Call] => {
      const shape = shapes.ADMIN_ARGUMENTS[name]
      return [name, async (_, reader) => value(await admin[name]?.(...readShaped<unknown[]>(reader, shape)))]
    })
    return Object.fromEntries(calls)
  }

  #producerCalls(): CallTable {
    return {
      openProducer: async () => {
        const { producerId, producerEpoch } = await this.#broker.openProducer()
        return value({ producerId, producerEpoch })
      },
      append: async (_, reader) => appended(await this.#append(reader)),
      appendInTransaction: async (_, reader) => appended(await this.#transactions.append(reader)),
    }
  }

  /** `wake` and `close` are the same for every session that reads. */
  #readerCalls(): CallTable {
    return {
      fetch: async (session, reader) => {
        return this.#fetched(this.#reader(session), reader)
      },
      wake: async (session) => {
        this.#session(session)?.wake()
        return value(undefined)
      },
      close: async (session) => {
        const closing = this.#session(session)
        for (const sessions of [this.#consumers, this.#readers, this.#shares]) sessions.delete(session)
        return value(await closing?.close())
      },
    }
  }

  async #fetched(session: ReaderSession, reader: MessageReader): Promise<Result> {
    const memory = this.#channel.outgoing?.lend()
    const parts = await session.fetch({ ...readFetch(reader), memory })
    return { write: (writer) => writeFetched(writer, parts, memory), sent: memory && (() => memory.end()) }
  }

  #memberCalls(): CallTable {
    return {
      openConsumer: (session, reader) => this.#openConsumer(session, reader),
      poll: async (session, reader) => {
        return this.#fetched(this.#member(session), reader)
      },
      join: async (session, reader) => value(await this.#member(session).join(readShaped(reader, shapes.PLACES))),
      sync: async (session, reader) => {
        const generation = reader.int32()
        return value(await this.#member(session).sync(generation, readShaped(reader, shapes.ASSIGNMENTS)))
      },
      committed: async (session, reader) => {
        const isStable = reader.uint8() === 1
        const at = readShaped<readonly TopicPartition[]>(reader, shapes.PLACES)
        return value(await this.#member(session).committed(at, isStable))
      },
      commit: async (session, reader) => {
        const generation = reader.int32()
        const positions = readShaped<readonly Position[]>(reader, shapes.POSITIONS)
        return value(await this.#member(session).commit(positions, generation))
      },
    }
  }

  #shareCalls(): CallTable {
    return {
      openShare: async (session, reader) => {
        const share = await this.#broker.openShare(reader.text())
        this.#broker.served.add(share)
        share.onRelease(() => this.#notify(session))
        this.#shares.set(session, share)
        return value(undefined)
      },
      acquire: async (session, reader) =>
        value(await this.#sharing(session).acquire(readShaped(reader, shapes.ACQUIRE))),
      acknowledge: async (session, reader) =>
        value(await this.#sharing(session).acknowledge(readShaped(reader, shapes.ACKNOWLEDGE))),
    }
  }

  async #hello(reader: MessageReader): Promise<Result> {
    const version = reader.int32()
    if (version !== PROTOCOL_VERSION) {
      const message = `the holder of this log speaks version ${PROTOCOL_VERSION} of the protocol, not ${version}`
      throw new LogError('UNSUPPORTED_VERSION', message, { version, supported: PROTOCOL_VERSION })
    }
    this.#link = reader.text()
    this.#connection = reader.int32()
    this.#replaceOlder()
    return value({ guarantees: this.#broker.guarantees, recovery: this.#recovery })
  }

  #replaceOlder(): void {
    for (const other of [...this.#all]) {
      if (other === this || other.#link !== this.#link) continue
      if (other.#connection < this.#connection) other.end()
      else this.end()
    }
  }

  #append(reader: MessageReader): Promise<AppendResult> {
    const producerId = readProducerId(reader)
    const topic = reader.text()
    const partition = readCount(reader)
    const acks = reader.uint8() === 1 ? 1 : 'all'
    const producerEpoch = readProducerEpoch(reader)
    const baseSequence = readCount(reader)
    const records = readRecords(reader)
    const request: AppendRequest = { topic, partition, acks, producerEpoch, baseSequence, records }
    return this.#broker.ask((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
  }

  async #openConsumer(session: number, reader: MessageReader): Promise<Result> {
    const consumer = await this.#broker.openConsumer(readShaped<ConsumerSessionOptions>(reader, shapes.CONSUMER))
    this.#broker.served.add(consumer)
    consumer.onRebalance(() => this.#notify(session))
    this.#consumers.set(session, consumer)
    return value(undefined)
  }

  #notify(session: number): void {
    this.#channel.send(new MessageWriter().int32(0).int32(session).finish())
  }

  #member(session: number): ConsumerSession {
    const member = this.#consumers.get(session)
    if (member !== undefined) return member
    throw new LogError('UNKNOWN_MEMBER_ID', 'this member came with a channel that has ended')
  }

  #sharing(session: number): ShareSession {
    const sharing = this.#shares.get(session)
    if (sharing !== undefined) return sharing
    throw new LogError('UNKNOWN_MEMBER_ID', 'this consumer came with a channel that has ended')
  }

  #session(session: number): ReaderSession | undefined {
    return this.#consumers.get(session) ?? this.#shares.get(session) ?? this.#readers.get(session)
  }

  #reader(session: number): ReaderSession {
    const known = this.#shares.get(session) ?? this.#readers.get(session)
    if (known !== undefined) return known
    const reader = this.#broker.openReader()
    this.#broker.served.add(reader)
    this.#readers.set(session, reader)
    return reader
  }
}

function readFetch(reader: MessageReader): FetchRequest {
  const request = readShaped<FetchRequest>(reader, shapes.FETCH)
  return { ...request, maxBytes: Math.min(request.maxBytes, FETCH_BYTES_MAX) }
}

function value(result: unknown): Result {
  return { write: (writer) => writeValue(writer, result) }
}

function appended(result: AppendResult): Result {
  return { write: (writer) => writeAppended(writer, result) }
}
