// What an iteration fetched and didn't deliver stays for the next one, for as long as it is what comes next: a program
// that begins an iteration for each record reads each batch once.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Consumer } from '../../bindings/client/consumer/consumer-type.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { type EmbeddedLog, openMemory } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { decodedBy } from './decodes.ts'
import { FakePort, settle } from './fake-port.ts'
import { overBrokers, setup, take, text } from './support.ts'

const BATCHES = 20
const RECORDS = 50 * BATCHES

const at = (partition: number) => ({ topic: 't', partition })
const values = (count: number) => Array.from({ length: count }, (_, index) => `${index}`)

/** The values of the next records, an iteration for each. */
async function oneByOne(consumer: Consumer, count: number): Promise<(string | null)[]> {
  const taken: (string | null)[] = []
  while (taken.length < count) for (const { value } of await take(consumer, 1)) taken.push(text(value))
  return taken
}

async function filled(batches = BATCHES): Promise<EmbeddedLog> {
  const log = await openMemory()
  await log.admin.createTopic('t')
  const producer = log.producer()
  const each = values(RECORDS / BATCHES).map((value) => ({ topic: 't', value }))
  for (let batch = 0; batch < batches; batch++) await producer.send(each)
  return log
}

const WAYS: Readonly<Record<string, (consumer: Consumer) => Promise<number | undefined>>> = {
  records: async (consumer) => (await take(consumer, 1))[0]?.offset,
  'batches of one': async (consumer) => (await take(consumer.batches({ maxRecords: 1 }), 1))[0]?.baseOffset,
}

for (const [way, next] of Object.entries(WAYS)) {
  test(`${way}: with an iteration for each, every batch is decoded once`, async () => {
    const log = await filled()
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await consumer.lag()
    const all = async () => {
      for (let offset = 0; offset < RECORDS; offset++) {
        assert.is(await next(consumer), offset)
        assert.is(consumer.position(at(0)), offset + 1)
      }
    }
    assert.is(await decodedBy(all), BATCHES)
    await log.close()
  })
}

test('the next iteration fetches nothing while something is left, and goes on with the same partition', async () => {
  const { log, broker } = setup({ t: 2 })
  broker.write('t', ['a', 'b'], 0)
  broker.write('t', ['x', 'y'], 1)
  const inOne = (await take(log.consumer({ groupId: 'other', topics: ['t'] }), 4)).map(({ value }) => text(value))
  const before = broker.fetches
  assert.equal(await oneByOne(log.consumer({ groupId: 'g', topics: ['t'] }), 4), inOne)
  assert.is(broker.fetches, before + 1)
})

overBrokers('a seek between two iterations wins over what is left', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', values(5))
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.equal(await oneByOne(consumer, 2), ['0', '1'])
  await consumer.seek({ ...at(0), nextOffset: 4 })
  assert.equal(await oneByOne(consumer, 1), ['4'])
  await consumer.seek({ ...at(0), nextOffset: 1 })
  assert.equal(await oneByOne(consumer, 2), ['1', '2'])
})

overBrokers('what is left of a partition that is paused between two iterations waits for its resume', async (setup) => {
  const { log, broker } = await setup({ t: 2 })
  await broker.write('t', ['a', 'b'], 0)
  await broker.write('t', ['x', 'y'], 1)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const [first] = await take(consumer, 1)
  consumer.pause([at(first?.partition ?? 0)])
  const isFirst = first?.partition === 0
  assert.equal(await oneByOne(consumer, 2), isFirst ? ['x', 'y'] : ['a', 'b'])
  consumer.resume()
  assert.equal(await oneByOne(consumer, 1), [isFirst ? 'b' : 'y'])
})

test('with a pause and a resume for each record, every batch is decoded once', async () => {
  const log = await filled()
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await consumer.lag()
  const all = async () => {
    let expected = 0
    for await (const { offset } of consumer) {
      assert.is(offset, expected)
      if (++expected === RECORDS) break
      consumer.pause()
      assert.is(consumer.position(at(0)), expected)
      consumer.resume()
    }
  }
  assert.is(await decodedBy(all), BATCHES)
  await log.close()
})

test('batches are as large as their own iteration asks for, whatever an earlier one fetched', async () => {
  const log = await filled(4)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const sizesOf = async (options: object, count: number) =>
    (await take(consumer.batches(options), count)).map(({ size }) => size)
  assert.equal(await sizesOf({ maxRecords: 10 }, 1), [10])
  assert.equal(await sizesOf({ maxBytes: 1 }, 1), [40])
  assert.equal(await sizesOf({ maxBytes: 1 }, 1), [50])
  assert.equal(await sizesOf({}, 1), [100])
  await log.close()
})

test('what is left of a partition that goes to another member between two iterations comes to that one alone', async () => {
  const log = await openLog(new MemoryStore(), new FakePort())
  await log.admin.createTopic('t', { partitions: 2 })
  for (const partition of [0, 1]) await log.producer().send(values(3).map((value) => ({ ...at(partition), value })))
  const member = () => log.consumer({ groupId: 'g', topics: ['t'] })
  const [first, second] = [member(), member()]
  const [taken] = await take(first, 1)
  await second.lag()
  await settle()
  const [kept, ...more] = first.assignment()
  assert.equal(more, [])
  const others = second.assignment()[0]?.partition
  assert.is(others, 1 - (kept?.partition ?? 0))
  const left = kept?.partition === taken?.partition ? 2 : 3
  for (const { partition } of await take(first, left)) assert.is(partition, kept?.partition)
  assert.equal(
    (await take(second, 3)).map(({ partition, offset }) => [partition, offset]),
    [0, 1, 2].map((offset) => [others, offset]),
  )
  await log.close()
})

test('of a topic that is made again between two iterations come its own records', async () => {
  const log = await openLog(new MemoryStore(), new FakePort())
  await log.admin.createTopic('t')
  await log.producer().send(values(3).map((value) => ({ topic: 't', value })))
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.equal(await oneByOne(consumer, 1), ['0'])
  await log.admin.deleteTopic('t')
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'new' })
  await settle()
  assert.equal(await oneByOne(consumer, 1), ['new'])
  await log.close()
})

test('an abort between two iterations leads back to what its transaction would have committed', async () => {
  const log = await openLog(new MemoryStore(), new FakePort())
  await log.admin.createTopic('t')
  await log.producer().send(values(3).map((value) => ({ topic: 't', value })))
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const [record] = await take(consumer, 1)
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  assert.ok(record)
  await transaction.sendOffsets(consumer, record)
  assert.equal(await oneByOne(consumer, 1), ['1'])
  await transaction.abort()
  assert.equal(await oneByOne(consumer, 3), ['0', '1', '2'])
  await log.close()
})

test.run()
