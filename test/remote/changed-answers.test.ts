// An answer that was changed on the way, so that it is none of its call, counts as lost: the call is asked again over the
// next channel, or rejects with an error of the log.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { joinPieces } from '../../bindings/engine/remote/message-pieces.ts'
import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { ANSWER_ERROR, ANSWER_OK } from '../../bindings/engine/remote/protocol.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { writeValue } from '../../bindings/engine/remote/values.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { take } from '../client/support.ts'
import { held } from './support.ts'

const RECORDS = 3
const place = { topic: 't', partition: 0 }

const holder = await held(new MemoryStore())
const served = new Set<ServedChannel>()
const own = new BrokerLog(holder.broker, nodePort)

test.before(async () => {
  await own.admin.createTopic('t')
  await own.producer().send(Array.from({ length: RECORDS }, (_, index) => ({ topic: 't', value: `${index}` })))
})
test.after(() => own.close())

type Write = (writer: MessageWriter) => unknown

/** The first answer to `method` is another one. */
function changing(channel: Channel, method: string, status: number, write: Write, changed: () => boolean): Channel {
  const asked = new Map<number, string>()
  return {
    start: (onMessage, onEnd) =>
      channel.start((answer, release) => {
        const call = new MessageReader(answer).int32()
        if (asked.get(call) !== method || !changed()) return onMessage(answer, release)
        const writer = new MessageWriter().int32(call).uint8(status).int32(1)
        write(writer)
        onMessage(joinPieces(writer.finish()), release)
      }, onEnd),
    send: (message, sent) => {
      const reader = new MessageReader(joinPieces(message))
      asked.set(reader.int32(), reader.text())
      channel.send(message, sent)
    },
    keepAlive: (isWanted) => channel.keepAlive(isWanted),
    end: () => channel.end(),
  }
}

const value = (given: unknown) => (writer: MessageWriter) => writeValue(writer, given)
const numbers =
  (...given: readonly number[]) =>
  (writer: MessageWriter) => {
    for (const each of given) writer.float64(each)
    writer.uint8(0)
  }
const fetched = (nextOffset: number) => (writer: MessageWriter) => {
  writer.int32(1).text('t').int32(0).float64(nextOffset).float64(0).float64(RECORDS).uint8(0).int32(0)
}

const values = async (log: BrokerLog) => (await take(log.read('t'), RECORDS)).length

async function consumed(log: BrokerLog): Promise<number> {
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const taken = await take(consumer, RECORDS)
  await consumer.close()
  return taken.length
}

const send = async (log: BrokerLog) => (await log.producer().send({ topic: 't', value: 'x' })).partition
const inTransaction = async (log: BrokerLog) => {
  const producer = log.producer({ transactionalId: 'id' })
  return producer.transaction(async (transaction) => (await transaction.send({ topic: 't', value: 'x' })).partition)
}
const describe = async (log: BrokerLog) => (await log.admin.describeTopic('t')).partitions

type Call = (log: BrokerLog) => Promise<unknown>

const ANSWERS: readonly (readonly [method: string, wrong: Write, call: Call, right: unknown])[] = [
  ['openProducer', value(undefined), send, 0],
  ['openProducer', value({ producerId: 1, producerEpoch: 2 ** 15 }), send, 0],
  ['append', numbers(Number.NaN, 0), send, 0],
  ['openTransactionalProducer', value({ producerId: 'one' }), inTransaction, 0],
  ['endTransaction', value(null), inTransaction, 0],
  ['describeTopic', value(['t']), describe, 1],
  ['describeTopic', value({ topic: 't', topicId: 't', partitions: -1, config: {} }), send, 0],
  ['offsets', value(undefined), async (log) => (await log.admin.offsets([place])).length, 1],
  ['listTopics', value([null]), (log) => log.admin.listTopics(), ['t']],
  ['fetch', fetched(Number.NaN), values, RECORDS],
  ['join', value({ generation: 1, assignor: 'range' }), consumed, RECORDS],
  ['sync', value([{ topic: 't' }]), consumed, RECORDS],
  ['committed', value('none'), consumed, RECORDS],
]

/** The outcome of `call` where the first answer to `method` is another one. */
async function outcome(method: string, status: number, write: Write, call: Call): Promise<unknown> {
  let isChanged = false
  const changed = () => {
    if (isChanged) return false
    isChanged = true
    return true
  }
  const broker = new AttachedBroker(async () => {
    const [mine, theirs] = loopback()
    new ServedChannel(theirs, holder.broker, holder.recovery, served)
    return changing(mine, method, status, write, changed)
  }, nodePort)
  await broker.open()
  const log = new BrokerLog(broker, nodePort)
  try {
    return await call(log)
  } finally {
    assert.ok(isChanged, `${method} was asked`)
    await log.close()
  }
}

for (const [index, [method, wrong, call, right]] of ANSWERS.entries()) {
  test(`${method} is asked again where its answer was changed (${index})`, async () => {
    assert.equal(await outcome(method, ANSWER_OK, wrong, call), right)
  })
}

test('a call that can not be asked again rejects with an error of the log, also where the error was changed', async () => {
  const wrong = (writer: MessageWriter) => writeValue(writer.text('INVALID_REQUEST').text('no'), 'no details')
  const told = await outcome('createTopic', ANSWER_ERROR, wrong, (log) => {
    return log.admin.createTopic('u').catch((error: unknown) => error)
  })
  assert.ok(LogError.is(told, 'NETWORK_EXCEPTION'), String(told))
})

test.run()
