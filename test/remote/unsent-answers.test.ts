// Answers that an attached process asked for and doesn't read wait in its holder. With many readers they once took
// gigabytes there.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchRequest } from '../../bindings/broker/reader-session.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { Channel, OnMessage } from '../../bindings/engine/remote/channel.ts'
import { readError } from '../../bindings/engine/remote/errors.ts'
import { readFetched } from '../../bindings/engine/remote/fetched-list.ts'
import { joinPieces, messageBytes } from '../../bindings/engine/remote/message-pieces.ts'
import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { OutgoingMemory } from '../../bindings/engine/remote/outgoing-memory.ts'
import { ANSWER_ERROR, FETCH_BYTES_MAX, UNSENT_BYTES_MAX } from '../../bindings/engine/remote/protocol.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { writeValue } from '../../bindings/engine/remote/values.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { Held } from '../../bindings/entry/embedded/serving.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { held, turns } from './support.ts'

const PARTITIONS = 10
const BATCH_BYTES = 100_000
const BATCHES = 12

interface Answer {
  readonly sizeBytes: number
  /** What it brought, or the code of its error. */
  readonly brought: readonly number[] | string
  readonly sent: (() => void) | undefined
}

/** A process whose socket takes an answer when the test says so. */
class Stopped {
  readonly answers: Answer[] = []
  #request: OnMessage = () => {}
  #calls = 0

  constructor({ broker, recovery }: Held) {
    const channel: Channel = {
      outgoing: new OutgoingMemory(),
      start: (onMessage) => {
        this.#request = onMessage
      },
      send: (message, sent) => {
        const reader = new MessageReader(joinPieces(message))
        reader.int32()
        const isError = reader.uint8() === ANSWER_ERROR
        reader.int32()
        const brought = isError ? readError(reader).code : readFetched(reader).map(({ batches }) => batches.length)
        this.answers.push({ sizeBytes: messageBytes(message), brought, sent })
      },
      keepAlive: () => {},
      end: () => {},
    }
    new ServedChannel(channel, broker, recovery, new Set())
  }

  /** Each by a reader of its own. */
  async fetch(count: number, topic = 't'): Promise<readonly Answer[]> {
    const positions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, nextOffset: 0 }))
    const request: FetchRequest = { positions, isolationLevel: 'read_committed', maxBytes: 2 ** 40, wait: false }
    const before = this.answers.length
    for (let left = count; left > 0; left--) {
      const call = ++this.#calls
      const writer = new MessageWriter().int32(call).text('fetch').int32(call)
      writeValue(writer, request)
      this.#request(joinPieces(writer.finish()), () => {})
    }
    while (this.answers.length < before + count) await turns(1)
    return this.answers.slice(before)
  }
}

async function fill({ broker }: Held): Promise<void> {
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('t', { partitions: PARTITIONS })
  const value = new Uint8Array(BATCH_BYTES)
  const producer = log.producer()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let batch = 0; batch < BATCHES; batch++) await producer.send({ topic: 't', partition, value })
  }
  await producer.close()
}

const sizeBytes = (answers: readonly Answer[]) => answers.reduce((sum, answer) => sum + answer.sizeBytes, 0)

test('a process that doesn’t read what it asked for fills no more than a bound in its holder, and its fetches still bring records', async () => {
  const holder = await held(new MemoryStore())
  await fill(holder)
  const stopped = new Stopped(holder)
  const unread = await stopped.fetch(20)
  const total = (brought: Answer['brought']) => (typeof brought === 'string' ? 0 : brought.reduce((sum, n) => sum + n))
  assert.ok(unread.every(({ brought }) => total(brought) > 0))
  assert.ok(sizeBytes(unread.slice(0, 1)) > FETCH_BYTES_MAX - BATCH_BYTES, 'the first brings what it may')
  const oneEach = 20 * (BATCH_BYTES + 1000)
  assert.ok(sizeBytes(unread) < UNSENT_BYTES_MAX + FETCH_BYTES_MAX + oneEach, `${sizeBytes(unread)} bytes`)
  const other = await new Stopped(holder).fetch(1)
  assert.ok(sizeBytes(other) > FETCH_BYTES_MAX - BATCH_BYTES, 'another process reads on')
  for (const { sent } of unread) sent?.()
  const [next] = await stopped.fetch(1)
  assert.ok((next?.sizeBytes ?? 0) > FETCH_BYTES_MAX - BATCH_BYTES, 'as much as before once it has read')
  await holder.broker.close()
})

test('fetches that fail leave nothing behind that counts', async () => {
  const holder = await held(new MemoryStore())
  await fill(holder)
  const process = new Stopped(holder)
  const { fetch } = holder.broker
  holder.broker.fetch = async (reader, request) => {
    await fetch.call(holder.broker, reader, request)
    throw new LogError('CORRUPT_MESSAGE', 'planted')
  }
  const failed = await process.fetch(5)
  assert.equal(new Set(failed.map(({ brought }) => brought)), new Set(['CORRUPT_MESSAGE']))
  holder.broker.fetch = fetch
  const [next] = await process.fetch(1)
  assert.ok((next?.sizeBytes ?? 0) > FETCH_BYTES_MAX - BATCH_BYTES)
  await holder.broker.close()
})

test.run()
