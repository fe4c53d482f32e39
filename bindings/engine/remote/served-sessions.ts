import type { ConsumerSession, ConsumerSessionOptions } from '../../broker/consumer-session.ts'
import type { FetchRequest, ReaderSession } from '../../broker/reader-session.ts'
import type { ShareSession } from '../../broker/share-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { EmbeddedBroker } from '../sessions/embedded-broker.ts'
import type { Channel } from './channel.ts'
import { writeFetched } from './fetched-list.ts'
import type { MessageReader } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import { UnsentAnswers } from './outgoing-memory.ts'
import { FETCH_BYTES_MAX, UNSENT_BYTES_MAX } from './protocol.ts'
import * as shapes from './request-shapes.ts'
import { type CallResult, type CallTable, value } from './served-call.ts'
import { readShaped } from './values.ts'

/** The sessions of one attached process that read: consumers of groups and of share groups, and readers. */
export class ServedSessions {
  readonly calls: CallTable
  readonly #broker: EmbeddedBroker
  readonly #channel: Channel
  readonly #unsent: UnsentAnswers = new UnsentAnswers()
  readonly #consumers: Map<number, ConsumerSession> = new Map()
  readonly #readers: Map<number, ReaderSession> = new Map()
  readonly #shares: Map<number, ShareSession> = new Map()

  constructor(broker: EmbeddedBroker, channel: Channel) {
    this.#broker = broker
    this.#channel = channel
    this.calls = { ...this.#readerCalls(), ...this.#memberCalls(), ...this.#shareCalls() }
  }

  /** Its members are put out at once: nobody needs to wait for a process that is gone. */
  leave(): void {
    for (const sessions of [this.#consumers, this.#readers, this.#shares]) {
      for (const session of sessions.values()) session.close().catch(() => {})
      sessions.clear()
    }
  }

  /** `poll`, `wake` and `close` are the same for every session that reads. A `fetch` begins one that reads alone. */
  #readerCalls(): CallTable {
    return {
      fetch: async (session, reader) => {
        return this.#fetched(this.#reader(session), reader)
      },
      poll: async (session, reader) => {
        return this.#fetched(this.#session(session) ?? unknownSession(), reader)
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

  async #fetched(session: ReaderSession, reader: MessageReader): Promise<CallResult> {
    const memory = this.#channel.outgoing?.lend(this.#unsent)
    const fetched = await session.fetch(readFetch(reader, this.#unsent, memory)).catch((error: unknown) => {
      memory?.end()
      throw error
    })
    return { write: (writer) => writeFetched(writer, fetched, memory), sent: memory && (() => memory.end()) }
  }

  #memberCalls(): CallTable {
    return {
      openConsumer: (session, reader) => this.#openConsumer(session, reader),
      join: async (session, reader) => value(await this.member(session).join(readShaped(reader, shapes.PLACES))),
      sync: async (session, reader) => {
        const generation = reader.int32()
        return value(await this.member(session).sync(generation, readShaped(reader, shapes.ASSIGNMENTS)))
      },
      committed: async (session, reader) => {
        const requireStable = reader.uint8() === 1
        const at = readShaped<readonly TopicPartition[]>(reader, shapes.PLACES)
        return value(await this.member(session).committed(at, { requireStable }))
      },
      commit: async (session, reader) => {
        const generation = reader.int32()
        const positions = readShaped<readonly Position[]>(reader, shapes.POSITIONS)
        return value(await this.member(session).commit(positions, generation))
      },
    }
  }

  #shareCalls(): CallTable {
    return {
      openShare: async (session, reader) => {
        this.#assertNew(session)
        const share = await this.#broker.openShare(readShaped(reader, shapes.SHARE))
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

  async #openConsumer(session: number, reader: MessageReader): Promise<CallResult> {
    this.#assertNew(session)
    const consumer = await this.#broker.openConsumer(readShaped<ConsumerSessionOptions>(reader, shapes.CONSUMER))
    this.#broker.served.add(consumer)
    consumer.onRebalance(() => this.#notify(session))
    this.#consumers.set(session, consumer)
    return value(undefined)
  }

  /** A session that took the place of a member's would let that member stay in its group after the channel. */
  #assertNew(session: number): void {
    if (!this.#consumers.has(session) && !this.#shares.has(session)) return
    throw new LogError('INVALID_REQUEST', `there is a session ${session} on this channel`, { session })
  }

  #notify(session: number): void {
    this.#channel.send(new MessageWriter().int32(0).int32(session).finish())
  }

  /** Throws UNKNOWN_MEMBER_ID if there is no such session any more. */
  member(session: number): ConsumerSession {
    return this.#consumers.get(session) ?? unknownSession()
  }

  #sharing(session: number): ShareSession {
    return this.#shares.get(session) ?? unknownSession()
  }

  #session(session: number): ReaderSession | undefined {
    return this.#consumers.get(session) ?? this.#shares.get(session) ?? this.#readers.get(session)
  }

  #reader(session: number): ReaderSession {
    const known = this.#readers.get(session)
    if (known !== undefined) return known
    const reader = this.#broker.openReader()
    this.#broker.served.add(reader)
    this.#readers.set(session, reader)
    return reader
  }
}

function unknownSession(): never {
  throw new LogError('UNKNOWN_MEMBER_ID', 'this session came with a channel that has ended')
}

/** A fetch may wait for records: how many bytes it brings is decided when they are there. */
function readFetch(reader: MessageReader, unsent: UnsentAnswers, memory: FetchRequest['memory']): FetchRequest {
  const asked = readShaped<FetchRequest>(reader, shapes.FETCH)
  const mostBytes = Math.min(asked.maxBytes, FETCH_BYTES_MAX)
  return {
    ...asked,
    memory,
    get maxBytes() {
      return unsent.sizeBytes > UNSENT_BYTES_MAX ? Math.min(1, mostBytes) : mostBytes
    },
  }
}
