import type { AppendRequest, AppendResult } from '../../broker/producer-session.ts'
import { LogError } from '../../model/errors.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'
import type { EmbeddedBroker } from '../sessions/embedded-broker.ts'
import type { Channel } from './channel.ts'
import { writeError } from './errors.ts'
import { type MessagePieces, messageBytes } from './message-pieces.ts'
import { MessageReader } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import {
  ADMIN_CALLS,
  ANSWER_ERROR,
  ANSWER_OK,
  assertMessageFits,
  CALL_BYTES,
  noMemory,
  PROTOCOL_VERSION,
} from './protocol.ts'
import { readRecords, writeAppended } from './record-list.ts'
import { ADMIN_ARGUMENTS } from './request-shapes.ts'
import { type CallResult, type CallTable, type ServedCall, value } from './served-call.ts'
import { ServedSessions } from './served-sessions.ts'
import { ServedTransactions } from './served-transactions.ts'
import { readCount, readProducerEpoch, readProducerId, readShaped } from './values.ts'

/**
 * One attached process as its holder sees it: requests are served until the channel ends; then its members leave. Each
 * request is served once, and none any more once the process has connected anew: the process goes by what it was told
 * last, and a copy of a request that comes later would make that untrue (decision 033).
 */
export class ServedChannel {
  readonly #channel: Channel
  readonly #broker: EmbeddedBroker
  readonly #recovery: RecoveryReport
  readonly #all: Set<ServedChannel>
  readonly #sessions: ServedSessions
  readonly #transactions: ServedTransactions
  readonly #calls: CallTable

  /** `hello` says who connected, and how often it did so before. */
  #link: string | undefined
  #connection = 0
  #newestCall = 0
  #isOver = false

  /** `all`: the channels that are served of this log. This one is among them until it ends. */
  constructor(channel: Channel, broker: EmbeddedBroker, recovery: RecoveryReport, all: Set<ServedChannel>) {
    this.#channel = channel
    this.#all = all.add(this)
    this.#broker = broker
    this.#recovery = recovery
    this.#sessions = new ServedSessions(broker, channel)
    this.#transactions = new ServedTransactions(broker, (session) => this.#sessions.member(session))
    this.#calls = this.#callTable()
    channel.start(
      (message, release) => this.#request(message, release),
      () => this.#leave(),
    )
  }

  /** Ends the channel. It may still bring messages that it has read, which are dropped. */
  end(): void {
    this.#leave()
    this.#channel.end()
  }

  /** Once, and before anything is served of a newer channel: later it would end what the process began there. */
  #leave(): void {
    if (!this.#all.delete(this)) return
    this.#isOver = true
    this.#sessions.leave()
    this.#transactions.leave()
  }

  warn(code: string, message: string): void {
    this.#channel.send(new MessageWriter().int32(0).int32(0).text(code).text(message).finish())
  }

  /**
   * Serves a request. Once it is answered nothing reads the message's bytes any more: what is kept of them was encoded
   * into the kernel's memory.
   */
  #request(message: Uint8Array<ArrayBuffer>, release: () => void): void {
    let call = 0
    let answer: Promise<CallResult>
    try {
      const reader = new MessageReader(message)
      call = reader.int32()
      if (message.length === CALL_BYTES) throw noMemory('what the holder of the log is asked')
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
      // Answers also where the result is too large for a message.
      .catch((error: unknown) => this.#answer(call, ANSWER_ERROR, { write: (writer) => writeError(writer, error) }))
      .finally(release)
  }

  /**
   * Whether this channel has served the call before. A link numbers its calls in the order in which it asks, and begins
   * again after 2^31 - 1: the half of the circle before the newest number counts as older. `hello` comes first on each
   * channel, and changes nothing.
   */
  #isRepeated(call: number, method: string): boolean {
    if (call === 0 || method === 'hello') return false
    const isNewer = this.#newestCall === 0 || (call - this.#newestCall) << 1 > 0
    if (isNewer) this.#newestCall = call
    return !isNewer
  }

  #answer(call: number, status: number, result: CallResult): void {
    if (call === 0) return
    try {
      this.#channel.send(this.#written(call, status, result), result.sent)
    } catch (error) {
      result.sent?.()
      throw error
    }
  }

  #written(call: number, status: number, result: CallResult): MessagePieces {
    const writer = new MessageWriter()
    writer.int32(call).uint8(status).int32(this.#broker.engine.topicCommands.version)
    result.write(writer)
    const message = writer.finish()
    assertMessageFits('the answer', messageBytes(message))
    return message
  }

  #callTable(): CallTable {
    const transactional = Object.entries(this.#transactions.calls).map(([name, serve]): [string, ServedCall] => {
      return [name, async (session, reader) => value(await serve(session, reader))]
    })
    return {
      ...this.#administrativeCalls(),
      ...Object.fromEntries(transactional),
      ...this.#producerCalls(),
      ...this.#sessions.calls,
      hello: (_, reader) => this.#hello(reader),
    }
  }

  #administrativeCalls(): CallTable {
    const admin = this.#broker.admin as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>
    const calls = ADMIN_CALLS.map((name): [string, ServedCall] => {
      const shape = ADMIN_ARGUMENTS[name]
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

  async #hello(reader: MessageReader): Promise<CallResult> {
    const version = reader.int32()
    if (version !== PROTOCOL_VERSION) {
      const versions = `version ${PROTOCOL_VERSION} of the protocol, and this process version ${version}`
      const message = `the holder of this log speaks ${versions}: run the same oncelog in all processes of the log`
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
    const topicId = reader.text() || undefined
    const partition = readCount(reader)
    const acks = reader.uint8() === 1 ? 1 : 'all'
    const producerEpoch = readProducerEpoch(reader)
    const baseSequence = readCount(reader)
    const records = readRecords(reader)
    const request: AppendRequest = { topic, topicId, partition, acks, producerEpoch, baseSequence, records }
    return this.#broker.ask((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
  }
}

function appended(result: AppendResult): CallResult {
  return { write: (writer) => writeAppended(writer, result) }
}
