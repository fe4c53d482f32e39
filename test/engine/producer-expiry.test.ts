// Producers that nobody uses for a day are forgotten, by time that passes, so that a partition's table doesn't grow for
// ever.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendRequest, AppendResult } from '../../bindings/broker/producer-session.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort } from '../client/fake-port.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const TOPIC = { partitions: 1, config: { 'message.timestamp.after.max.ms': Number.MAX_SAFE_INTEGER } }
const at = [{ topic: 't', partition: 0 }]

async function opened(port: FakePort, store = new MemoryStore()) {
  const { broker } = await openHeld(store, port, {})
  const known = async () => {
    const [{ producers = [] } = {}] = await broker.admin.describeProducers(at)
    return producers.map(({ producerId }) => producerId)
  }
  return { broker, known }
}

function batch(baseSequence: number, timestamp: number): AppendRequest {
  const record = { key: null, value: 'x', timestamp, headers: undefined }
  return { topic: 't', partition: 0, acks: 1, producerEpoch: 0, baseSequence, records: [record] }
}

for (const timestamp of [1, 4_000_000_000_000]) {
  test(`a day after its last batch a producer is forgotten, not before, whatever time its records carry (${timestamp})`, async () => {
    const port = new FakePort()
    const { broker, known } = await opened(port)
    await broker.admin.createTopic('t', TOPIC)
    const [first, second] = [await broker.openProducer(), await broker.openProducer()]
    await first.append(batch(0, timestamp))
    const place = await second.append(batch(0, timestamp))
    await port.advance(DAY_MS - HOUR_MS)
    port.jump(5 * DAY_MS)
    await port.advance(HOUR_MS / 2)
    assert.equal(await known(), [first.producerId, second.producerId])
    assert.is((await second.append(batch(0, timestamp))).baseOffset, place.baseOffset, 'a retry is known as such')
    await port.advance(2 * HOUR_MS)
    assert.equal(await known(), [second.producerId])
    await first.append(batch(1, timestamp))
    assert.equal(await known(), [second.producerId, first.producerId])
    await broker.close()
  })
}

test('a producer with an open transaction stays', async () => {
  const port = new FakePort()
  const { broker, known } = await opened(port)
  await broker.admin.createTopic('t', TOPIC)
  const producer = await broker.openTransactionalProducer({ transactionalId: 'id', timeoutMs: 900_000 })
  const sends = await producer.begin()
  await sends.append(batch(0, 1))
  broker.engine.topics.producerExpiry.sweep(port.now() + 2 * DAY_MS)
  assert.equal(await known(), [sends.producerId])
  await producer.commit()
  broker.engine.topics.producerExpiry.sweep(port.now() + 4 * DAY_MS)
  assert.equal(await known(), [])
  await broker.close()
})

test('producers found at the open have an hour to be used again; the next checkpoint does not have the others', async () => {
  const port = new FakePort()
  const store = new MemoryStore()
  const before = await opened(port, store)
  await before.broker.admin.createTopic('t', TOPIC)
  const producers = [await before.broker.openProducer(), await before.broker.openProducer()]
  const [first, second] = producers.map(({ producerId }) => producerId)
  await producers[0]?.append(batch(0, 1))
  const place = await producers[1]?.append(batch(0, 1))
  await before.broker.close()
  assert.is(port.timers, 0, 'a closed log looks for nothing')
  const next = await opened(port, store.reopen())
  const append = (producerId: number, baseSequence: number) =>
    next.broker.ask<AppendResult>((done) => {
      return { kind: 'append', producerId, request: batch(baseSequence, 1), isTransactional: false, done }
    })
  await port.advance(HOUR_MS / 2)
  assert.is((await append(second!, 0)).baseOffset, place?.baseOffset)
  await port.advance(HOUR_MS)
  assert.equal(await next.known(), [second])
  await append(second!, 1)
  await next.broker.close()
  const last = await opened(port, store.reopen().reopen())
  assert.equal(await last.known(), [second])
  assert.not.equal(first, second)
  await last.broker.close()
})

test('producers of a partition that nobody uses are forgotten as well', async () => {
  const port = new FakePort()
  const store = new MemoryStore()
  const before = await opened(port, store)
  const config = { ...TOPIC.config, 'retention.ms': -1 }
  await before.broker.admin.createTopic('t', { ...TOPIC, config })
  await (await before.broker.openProducer()).append(batch(0, 1))
  await before.broker.close()
  const next = await opened(port, store.reopen())
  const { topics } = next.broker.engine
  const id = [...topics.ids()].find(({ topic }) => topic === 't')
  assert.ok(id)
  assert.is(topics.stored(id)?.producers.length, 1)
  await port.advance(2 * HOUR_MS)
  assert.equal(topics.stored(id)?.producers, [])
  await next.broker.close()
})

test.run()
