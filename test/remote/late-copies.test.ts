// What a producer was told of a batch must stay true: no later copy of its request may be taken, since the producer has
// gone on by the answer. A channel may bring a request twice, and what an old channel still brings after its client has
// a new one comes too late.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import { nextCall } from '../../bindings/engine/remote/call-numbers.ts'
import type { Channel, OnMessage } from '../../bindings/engine/remote/channel.ts'
import { readError } from '../../bindings/engine/remote/errors.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { joinPieces, type MessagePieces } from '../../bindings/engine/remote/message-pieces.ts'
import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { ANSWER_OK, PROTOCOL_VERSION } from '../../bindings/engine/remote/protocol.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { writeValue } from '../../bindings/engine/remote/values.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { Held } from '../../bindings/entry/embedded/serving.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { failure, text } from '../client/support.ts'
import { held, turns } from './support.ts'

type Message = Uint8Array<ArrayBuffer>

/** A holder to which each client connects as the test wants; its disk may be full for an append. */
class Stage {
  readonly log: BrokerLog
  readonly #holder: Held
  readonly #served: Set<ServedChannel> = new Set()
  readonly #broker: EmbeddedBroker
  isFull = false

  constructor(holder: Held) {
    this.#holder = holder
    this.log = new BrokerLog(holder.broker, nodePort)
    this.#broker = new Proxy(holder.broker, {
      get: (broker, name) => {
        const own = Reflect.get(broker, name)
        if (name === 'ask') return (command: Parameters<EmbeddedBroker['ask']>[0]) => this.#ask(command)
        return typeof own === 'function' ? own.bind(broker) : own
      },
    })
  }

  static async begin(): Promise<Stage> {
    const stage = new Stage(await held(new MemoryStore()))
    await stage.log.admin.createTopic('t')
    return stage
  }

  #ask(command: Parameters<EmbeddedBroker['ask']>[0]): Promise<unknown> {
    if (!this.isFull) return this.#holder.broker.ask(command)
    this.isFull = false
    return Promise.reject(new LogError('STORAGE_FULL', 'by the test', {}))
  }

  serve(channel: Channel): void {
    new ServedChannel(channel, this.#broker, this.#holder.recovery, this.#served)
  }

  get servedCount(): number {
    return this.#served.size
  }

  async values(): Promise<(string | null)[]> {
    const values: (string | null)[] = []
    for await (const record of this.log.read('t', { until: 'end' })) values.push(text(record.value))
    return values
  }
}

/** The holder's end: it hears of the client's end only when the test lets it, and may be handed anything again. */
class LateChannel implements Channel {
  readonly requests: Message[] = []
  hand: (message: Message) => void = () => {}
  /** Requests are kept back. */
  isStuck = false
  answering: (answer: Message) => void = () => {}
  /** Tells the holder that the channel has ended. */
  tellEnd: () => void = () => {}
  readonly #channel: Channel

  constructor(channel: Channel) {
    this.#channel = channel
  }

  start(onMessage: OnMessage, onEnd: () => void): void {
    this.tellEnd = onEnd
    this.hand = (message) => onMessage(message, () => {})
    const take: OnMessage = (message, release) => {
      this.requests.push(message.slice())
      if (!this.isStuck) onMessage(message, release)
    }
    this.#channel.start(take, () => {})
  }

  send(message: MessagePieces): void {
    this.answering(joinPieces(message))
    this.#channel.send(message)
  }

  keepAlive(): void {}

  end(): void {
    this.#channel.end()
  }

  get appends(): Message[] {
    return this.requests.filter((request) => methodOf(request) === 'append')
  }
}

function methodOf(request: Message): string {
  const reader = new MessageReader(request)
  reader.int32()
  return reader.text()
}

function codeOf(answer: Message): string | undefined {
  const reader = new MessageReader(answer)
  if (reader.int32() === 0 || reader.uint8() === ANSWER_OK) return undefined
  reader.int32()
  return readError(reader).code
}

/** Channels to the stage, one after the other, by their holder's ends. */
function client(
  stage: Stage,
  port: RuntimePort = nodePort,
): { broker: AttachedBroker; ends: LateChannel[]; cut(): void } {
  const ends: LateChannel[] = []
  let mine: Channel | undefined
  const broker = new AttachedBroker(async () => {
    const [near, far] = loopback()
    const end = new LateChannel(far)
    ends.push(end)
    stage.serve(end)
    mine = near
    return near
  }, port)
  return { broker, ends, cut: () => mine?.end() }
}

/** When the batch after a missing one is refused, its producer takes it as unwritten. */
function whenOutOfOrder(end: LateChannel, run: () => void): void {
  end.answering = (answer) => {
    if (codeOf(answer) !== 'OUT_OF_ORDER_SEQUENCE_NUMBER') return
    end.answering = () => {}
    run()
  }
}

test('a channel brings requests a second time, when there is room for what the disk had none for: none is taken', async () => {
  const stage = await Stage.begin()
  const { broker, ends } = client(stage)
  await broker.open()
  const producer = new BrokerLog(broker, nodePort).producer({ batchSizeBytes: 1 })
  await producer.send({ topic: 't', value: 'a' })
  const [end] = ends as [LateChannel]
  whenOutOfOrder(end, () => {
    for (const request of end.appends.slice(1)) end.hand(request)
  })
  stage.isFull = true
  const sends = [producer.send({ topic: 't', value: 'b' }), producer.send({ topic: 't', value: 'c' })]
  await failure('STORAGE_FULL', () => sends[0] as Promise<unknown>)
  assert.is((await sends[1])?.offset, 1)
  assert.ok(end.appends.length >= 4, 'the batch went out again')
  assert.equal(await stage.values(), ['a', 'c'])
  await broker.close()
  await stage.log.close()
})

test('the rest of a channel that its client has replaced comes after what was asked again: none is taken', async () => {
  const stage = await Stage.begin()
  const { broker, ends, cut } = client(stage)
  await broker.open()
  const producer = new BrokerLog(broker, nodePort).producer({ batchSizeBytes: 1 })
  await producer.send({ topic: 't', value: 'a' })
  const [first] = ends as [LateChannel]
  first.isStuck = true
  const sends = [producer.send({ topic: 't', value: 'b' }), producer.send({ topic: 't', value: 'c' })]
  const refused = failure('STORAGE_FULL', () => sends[0] as Promise<unknown>)
  await turns(2)
  assert.is(first.appends.length, 3)
  cut()
  stage.isFull = true
  while (ends.length < 2) await turns(1)
  whenOutOfOrder(ends[1] as LateChannel, () => {
    for (const request of first.appends.slice(1)) first.hand(request)
  })
  await refused
  assert.is((await sends[1])?.offset, 1)
  assert.equal(await stage.values(), ['a', 'c'])
  await broker.close()
  await stage.log.close()
})

// Regression: the abort of what was open on the old channel ended the transaction that came after it.
test('the end of a channel that its client has replaced, told late, ends no transaction of the new one', async () => {
  for (const isAsked of [true, false]) {
    const stage = await Stage.begin()
    const { broker, ends, cut } = client(stage)
    await broker.open()
    const producer = new BrokerLog(broker, nodePort).producer({ transactionalId: 'id' })
    const before = await producer.beginTransaction()
    cut()
    while (ends.length < 2) await turns(1)
    if (isAsked) await before.commit().catch(() => before.abort())
    else await before.abort()
    const next = await producer.beginTransaction()
    await next.send({ topic: 't', value: 'a' })
    ends[0]?.tellEnd()
    await turns(2)
    await next.commit()
    assert.equal(await stage.values(), ['a'])
    await broker.close()
    await stage.log.close()
  }
})

const hello = (link: string, connection: number) => (writer: MessageWriter) =>
  writer.int32(PROTOCOL_VERSION).text(link).int32(connection)

/** Calls by hand; what it answers are the calls that were answered. */
function caller(stage: Stage): { ask(call: number, method: string, write: Write): void; answered: number[] } {
  const [near, far] = loopback()
  const answered: number[] = []
  near.start(
    (answer) => answered.push(new MessageReader(answer).int32()),
    () => answered.push(-1),
  )
  stage.serve(far)
  const ask = (call: number, method: string, write: Write) => {
    const writer = new MessageWriter().int32(call).text(method).int32(0)
    write(writer)
    near.send(writer.finish())
  }
  return { ask, answered }
}

type Write = (writer: MessageWriter) => void
const none: Write = (writer) => writeValue(writer, [])

test('a client’s newest channel is the one it has, in whichever order they greet; others’ go on', async () => {
  const stage = await Stage.begin()
  const [older, newest, oldest, other] = [caller(stage), caller(stage), caller(stage), caller(stage)] as const
  other.ask(1, 'hello', hello('link 25', 1))
  older.ask(1, 'hello', hello('link 75', 2))
  newest.ask(2, 'hello', hello('link 75', 3))
  oldest.ask(3, 'hello', hello('link 75', 1))
  for (const each of [older, newest, oldest, other]) each.ask(4, 'listTopics', none)
  await turns(4)
  assert.equal(newest.answered, [2, 4])
  assert.equal(other.answered, [1, 4])
  assert.equal([older.answered.at(-1), oldest.answered], [-1, [-1]])
  assert.is(stage.servedCount, 2)
  await stage.log.close()
})

test('processes whose random numbers begin alike don’t take one another’s channel for their own', async () => {
  const stage = await Stage.begin()
  let startMs = 1000
  const clients = Array.from({ length: 3 }, () =>
    client(stage, { ...nodePort, random: () => 0.5, now: () => startMs++ }),
  )
  for (const { broker } of clients) await broker.open()
  for (const { broker } of clients) assert.equal(await broker.admin.listTopics({ internal: false }), ['t'])
  assert.is(stage.servedCount, 3)
  for (const { broker } of clients) await broker.close()
  await stage.log.close()
})

test('calls are numbered in their order, from one again after the last number; only a greeting may be ahead', async () => {
  const stage = await Stage.begin()
  const { ask, answered } = caller(stage)
  const last = 2 ** 31 - 1
  ask(last, 'hello', hello('link 5', 2))
  for (const call of [last - 5, last - 5, last - 2, last - 3, last, 1, last, 2, 1, 2]) ask(call, 'listTopics', none)
  await turns(6)
  assert.equal(
    answered.sort((a, b) => a - b),
    [1, 2, last - 5, last - 2, last, last].sort((a, b) => a - b),
  )
  await stage.log.close()
})

test('a read that waits is asked again on the next channel under a new number: after 2^30 calls its old one would be ahead of all others', async () => {
  const stage = await Stage.begin()
  const { broker, ends, cut } = client(stage)
  await broker.open()
  const reading = new BrokerLog(broker, nodePort).read('t')[Symbol.asyncIterator]().next()
  await turns(4)
  for (let call = 0; call < 3; call++) await broker.admin.listTopics({ internal: false })
  cut()
  while (ends.length < 2) await turns(1)
  await broker.admin.listTopics({ internal: false })
  const numbers = ends.map(({ requests }) => requests.map((request) => new MessageReader(request).int32()))
  assert.equal(ends[1]?.requests.map(methodOf), ['hello', 'fetch', 'listTopics'])
  const asked = numbers.flat()
  assert.equal(
    asked,
    [...new Set(asked)].sort((a, b) => a - b),
  )
  await stage.log.producer().send({ topic: 't', value: 'a' })
  assert.is(text((await reading).value?.value as Uint8Array), 'a')
  await broker.close()
  await stage.log.close()
})

test('a number isn’t given again while a call has it: a read may wait while the numbers go all the way round', () => {
  assert.is(nextCall(0, new Set()), 1)
  assert.is(nextCall(2 ** 31 - 2, new Set([1])), 2 ** 31 - 1)
  assert.is(nextCall(2 ** 31 - 1, new Set([2])), 1)
  assert.is(nextCall(2 ** 31 - 1, new Set([1, 2])), 3)
  assert.is(nextCall(6, new Set([7, 8, 10])), 9)
})

test.run()
