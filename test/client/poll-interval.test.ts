// What counts as a poll: a program that asks for a record in time stays in its group, however much it has fetched
// ahead.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort } from './fake-port.ts'
import { setup, take } from './support.ts'

const RECORDS = 20
const MAX_POLL_INTERVAL_MS = 5000

async function opened() {
  const port = new FakePort()
  const log = await openLog(new MemoryStore(), port)
  await log.admin.createTopic('t')
  await log.producer().send(Array.from({ length: RECORDS }, (_, index) => ({ topic: 't', value: `${index}` })))
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: MAX_POLL_INTERVAL_MS })
  const lost: number[] = []
  consumer.on('lost', (partitions) => void lost.push(partitions.length))
  return { port, log, consumer, lost }
}

// Found by the simulation of groups.
for (const how of ['records', 'batches of one'] as const) {
  test(`${how}: work on each of them in time, on all that one fetch brought for longer`, async () => {
    const { port, log, consumer, lost } = await opened()
    const source = how === 'records' ? consumer : consumer.batches({ maxRecords: 1 })
    let count = 0
    for await (const each of source) {
      await port.advance(MAX_POLL_INTERVAL_MS * 0.4)
      assert.is((await log.admin.describeGroup('g')).members.length, 1, `${count} records later`)
      await consumer.commit(each)
      if (++count === RECORDS) break
    }
    assert.equal(lost, [])
    await consumer.close()
    await log.close()
    assert.is(port.timers, 0, 'nothing is left behind')
  })
}

test('an iteration for each record polls in time, though no timer can ring between them', async () => {
  const { log, broker, port } = setup()
  broker.write('t', ['a', 'b', 'c', 'd'])
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: MAX_POLL_INTERVAL_MS })
  for (const [offset, fetches] of [1, 2, 3].entries()) {
    assert.is((await take(consumer, 1))[0]?.offset, offset)
    assert.is(broker.fetches, fetches)
    port.time += MAX_POLL_INTERVAL_MS * 0.4
  }
  await log.close()
})

test('a poll that is due waits for nothing: what was fetched ahead comes at once', async () => {
  const { port, log, consumer } = await opened()
  const iteration = consumer[Symbol.asyncIterator]()
  for (let offset = 0; offset < RECORDS; offset++) {
    const { value } = await iteration.next()
    assert.is(value?.offset, offset)
    if (offset % 4 === 0) await port.advance(MAX_POLL_INTERVAL_MS * 0.6)
  }
  await log.close()
})

test('work on one record may take nine tenths of it, whenever the fetch was that brought it', async () => {
  const { port, log, consumer, lost } = await opened()
  const iteration = consumer[Symbol.asyncIterator]()
  await iteration.next()
  await port.advance(MAX_POLL_INTERVAL_MS * 0.45)
  await iteration.next()
  await port.advance(MAX_POLL_INTERVAL_MS * 0.88)
  await iteration.next()
  assert.equal(lost, [])
  await log.close()
})

test('a member that asks for nothing for maxPollIntervalMs is put out', async () => {
  const { port, log, consumer } = await opened()
  for await (const _ of consumer) break
  await port.advance(MAX_POLL_INTERVAL_MS * 0.9)
  assert.is((await log.admin.describeGroup('g')).members.length, 1)
  await port.advance(MAX_POLL_INTERVAL_MS * 0.2)
  assert.is((await log.admin.describeGroup('g')).members.length, 0)
  await log.close()
})

test('a close leaves nothing behind, also while the consumer waits for records', async () => {
  const { port, log, consumer } = await opened()
  const iteration = consumer[Symbol.asyncIterator]()
  for (let offset = 0; offset < RECORDS; offset++) await iteration.next()
  const waiting = iteration.next()
  await port.advance(0)
  await consumer.close()
  assert.ok((await waiting).done)
  await log.close()
  assert.is(port.timers, 0)
})

test.run()
