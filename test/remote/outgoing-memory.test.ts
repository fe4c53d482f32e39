// What an attached process fetched is answered in memory that is used again, but never before the socket has the
// answer.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchedPartition, FetchRequest, WholeBatch } from '../../bindings/broker/reader-session.ts'
import type { Channel, OnMessage } from '../../bindings/engine/remote/channel.ts'
import { attachTo, listenForAttached } from '../../bindings/engine/remote/local-socket.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { OutgoingMemory } from '../../bindings/engine/remote/outgoing-memory.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { writeValue } from '../../bindings/engine/remote/values.ts'
import { turns } from './support.ts'

const MEBIBYTE = 1024 * 1024

/** Both ends of a socket; at the far one nobody reads yet. */
async function withSocket(use: (near: Channel, far: Channel) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'oncelog-outgoing-'))
  let attached = (_: Channel) => {}
  const near = new Promise<Channel>((resolve) => {
    attached = resolve
  })
  const listener = await listenForAttached(root, (channel) => attached(channel))
  const far = await attachTo(root)
  assert.ok(far)
  try {
    await use(await near, far)
  } finally {
    far.end()
    listener.close()
    await rm(root, { recursive: true, force: true })
  }
}

/** Fills memory of this size with a number and sends it; says which memory that was. */
function sendFilled(channel: Channel, sizeBytes: number, filling: number): ArrayBuffer {
  const loan = channel.outgoing?.lend()
  assert.ok(loan)
  const bytes = loan.take(sizeBytes).fill(filling)
  channel.send([bytes], () => loan.end())
  return bytes.buffer
}

function lentNext(channel: Channel): ArrayBuffer | undefined {
  return channel.outgoing?.lend().take(16).buffer
}

test('a large answer keeps its memory until the other end has read it', async () => {
  await withSocket(async (near, far) => {
    const first = sendFilled(near, MEBIBYTE, 1)
    await turns(20)
    const second = sendFilled(near, MEBIBYTE, 2)
    await turns(20)
    assert.is.not(second, first)
    const came: Uint8Array[] = []
    await new Promise<void>((resolve) => {
      far.keepAlive(true)
      far.start(
        (message) => {
          if (came.push(message) === 2) resolve()
        },
        () => resolve(),
      )
    })
    assert.equal(
      came.map((message) => [message.length, new Set(message)]),
      [
        [MEBIBYTE, new Set([1])],
        [MEBIBYTE, new Set([2])],
      ],
    )
    await turns(20)
    const free = new Set([lentNext(near), lentNext(near)])
    assert.equal([free.has(first), free.has(second)], [true, true])
  })
})

test('what small answers lay in is free as soon as they are copied', async () => {
  await withSocket(async (near) => {
    const first = sendFilled(near, 1000, 1)
    await turns(2)
    assert.is(lentNext(near), first)
  })
})

test('a few blocks are kept, and none that grew large', () => {
  const memory = new OutgoingMemory()
  const loans = Array.from({ length: 6 }, () => memory.lend())
  const blocks = loans.map((loan) => loan.take(16).buffer)
  for (const loan of loans) loan.end()
  const again = loans.map((loan) => loan.take(16).buffer)
  assert.is(again.filter((block) => blocks.includes(block)).length, 4)
  const large = memory.lend()
  const block = large.take(3 * MEBIBYTE).buffer
  large.end()
  assert.is.not(memory.lend().take(16).buffer, block)
})

const BATCH_BYTES = 300_000

/** A holder whose reader's fetches come out when the test says so, each with a batch of its own number. */
class Served {
  readonly fetches: (() => void)[] = []
  readonly answers: { readonly bytes: Uint8Array; readonly sent: (() => void) | undefined }[] = []
  readonly lent: Uint8Array<ArrayBuffer>[] = []
  #request: OnMessage = () => {}

  constructor() {
    const channel: Channel = {
      outgoing: new OutgoingMemory(),
      start: (onMessage) => {
        this.#request = onMessage
      },
      send: ([bytes], sent) => this.answers.push({ bytes: bytes as Uint8Array, sent }),
      keepAlive: () => {},
      end: () => {},
    }
    const openReader = () => ({ fetch: (request: FetchRequest) => this.#fetch(request) })
    const broker = { admin: {}, engine: { topicCommands: { version: 0 } }, openReader, served: new Set() }
    new ServedChannel(channel, broker as never, {} as never, new Set())
  }

  ask(call: number): void {
    const request: FetchRequest = { positions: [], isolationLevel: 'read_committed', maxBytes: 1000, wait: true }
    const writer = new MessageWriter().int32(call).text('fetch').int32(1)
    writeValue(writer, { ...request })
    this.#request(writer.finish()[0] as Uint8Array<ArrayBuffer>, () => {})
  }

  #fetch({ memory }: FetchRequest): Promise<readonly FetchedPartition[]> {
    const number = this.fetches.length + 1
    return new Promise((resolve) => {
      this.fetches.push(() => {
        const bytes = memory?.take(BATCH_BYTES).fill(number)
        assert.ok(bytes)
        this.lent.push(bytes)
        const pack = (words: Int32Array<ArrayBuffer>, at: number) =>
          new Uint8Array(words.buffer, words.byteOffset + at * 4).set(bytes)
        const batch = { baseOffset: 0, nextOffset: 1, recordCount: 0, plainBytes: BATCH_BYTES, pack }
        const batches = [batch as unknown as WholeBatch]
        const offsets = { nextOffset: 1, logStartOffset: 0, endOffset: 1 }
        resolve([{ topic: 'orders', partition: 0, batches, ...offsets, error: undefined }])
      })
    })
  }

  holds(answer: number, filling: number): boolean {
    const bytes = this.answers[answer]?.bytes
    return bytes?.subarray(-BATCH_BYTES).every((byte) => byte === filling) ?? false
  }
}

test('fetches of one process at a time lie apart, each with its answer', async () => {
  const served = new Served()
  for (const call of [1, 2, 3]) served.ask(call)
  served.fetches[1]?.()
  await turns(1)
  served.fetches[0]?.()
  await turns(1)
  assert.equal([served.holds(0, 2), served.holds(1, 1)], [true, true])
  served.answers[0]?.sent?.()
  served.fetches[2]?.()
  await turns(1)
  assert.equal([served.holds(1, 1), served.holds(2, 3)], [true, true])
})

test('once grown, a block holds both the batches and the answer', async () => {
  const served = new Served()
  for (const call of [1, 2, 3, 4]) {
    served.ask(call)
    served.fetches[call - 1]?.()
    await turns(1)
    served.answers[call - 1]?.sent?.()
  }
  const [, , third, fourth] = served.lent.map(({ buffer }) => buffer)
  assert.equal([fourth === third, served.answers[3]?.bytes.buffer === fourth], [true, true])
})

test.run()
