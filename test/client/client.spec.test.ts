// What a program sees of the client, from the first topic to the last commit, over a log in memory.
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { json, type Log, LogError, type RecordMetadata, string, topic } from '../../bindings/entry/node.ts'
import { until } from '../until.ts'
import { test } from './stores.ts'

const orders = topic('orders', {
  key: string,
  value: json(z.object({ item: z.string(), count: z.number().default(1) })),
  partitions: 3,
})

const text = (value: Uint8Array | null) => Buffer.from(value ?? []).toString()

async function valuesOf(log: Log, topicName: string): Promise<string[]> {
  const values: string[] = []
  for await (const { value } of log.read(topicName, { until: 'end' })) values.push(text(value))
  return values
}

test('declared topics are created, typed records go in and come out, and a group resumes', async (open) => {
  const log = await open({ topics: [orders] })
  assert.equal(await log.admin.listTopics(), ['orders'])

  const producer = log.producer()
  const sent = await producer.send(
    Array.from({ length: 30 }, (_, index) => orders.record({ key: `k${index % 5}`, value: { item: `i${index}` } })),
  )
  const partitions = new Map(sent.map(({ partition }, index) => [`k${index % 5}`, partition]))
  sent.forEach(({ partition }, index) => {
    assert.is(partition, partitions.get(`k${index % 5}`), 'equal keys go together')
  })

  const first = log.consumer({ groupId: 'shop', topics: [orders] })
  const done = new Set<string>()
  for await (const record of first) {
    done.add(`${record.partition}/${record.offset}`)
    assert.is(record.value?.count, 1)
    await first.commit(record)
    if (done.size === 12) break
  }
  await first.close()

  const second = log.consumer({ groupId: 'shop', topics: [orders] })
  for await (const batch of second.batches()) {
    for (const { partition, offset } of batch) {
      assert.not(done.has(`${partition}/${offset}`), 'committed records do not come again')
      done.add(`${partition}/${offset}`)
    }
    await second.commit(batch)
    if (done.size === 30) break
  }
  assert.equal([...(await second.lag()).values()], [0, 0, 0])
  await log.close()
})

test('uncommitted records are delivered again, refused ones are not there', async (open) => {
  const log = await open()
  await log.admin.createTopic('t', { config: { 'max.message.bytes': 200 } })
  const producer = log.producer()
  const refused = await producer.send({ topic: 't', value: 'x'.repeat(300) }).catch((error) => error)
  assert.ok(LogError.is(refused, 'MESSAGE_TOO_LARGE'))
  await producer.send(['a', 'b'].map((value) => ({ topic: 't', value })))
  for (let round = 0; round < 2; round++) {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const seen: string[] = []
    for await (const { value } of consumer) if (seen.push(text(value)) === 2) break
    assert.equal(seen, ['a', 'b'])
    await consumer.close()
  }
  await log.close()
})

test('many sends at once, unawaited, keep their order, and a reader sees them to the end', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const producer = log.producer({ batchSizeBytes: 500, bufferBytes: 20_000 })
  const sent = Array.from({ length: 2000 }, (_, index) => producer.send({ topic: 't', value: `${index}` }))
  await producer.flush()
  const offsets = (await Promise.all(sent)).map(({ offset }) => offset)
  assert.equal(
    offsets,
    Array.from({ length: 2000 }, (_, index) => index),
  )
  let next = 0
  for await (const record of log.read('t', { until: 'end' })) {
    assert.is(Number(text(record.value)), next++)
  }
  assert.is(next, 2000)
  await log.close()
})

test('closing the log ends every wait: a consumer’s loop ends, a reader rejects with LOG_CLOSED', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const consumed = (async () => {
    for await (const record of log.consumer({ groupId: 'g', topics: ['t'] })) throw new Error(`offset ${record.offset}`)
    return 'ended'
  })()
  const read = (async () => {
    for await (const record of log.read('t')) throw new Error(`offset ${record.offset}`)
  })().catch((error) => error)
  await new Promise((resolve) => setTimeout(resolve, 20))
  await log.close()
  assert.is(await consumed, 'ended')
  assert.ok(LogError.is(await read, 'LOG_CLOSED'))
})

test('records and offsets of a transaction are seen together, those of an aborted one by nobody', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.admin.createTopic('out', { partitions: 2 })
  await log.producer().send({ topic: 'in', value: 'work' })
  const consumer = log.consumer({ groupId: 'workers', topics: ['in'] })
  const producer = log.producer({ transactionalId: 'worker' })
  let run = 0
  for await (const record of consumer) {
    run++
    const work = producer.transaction(async (transaction) => {
      await transaction.sendOffsets(consumer, record)
      await transaction.send([0, 1].map((partition) => ({ topic: 'out', partition, value: `run ${run}` })))
      assert.equal(await valuesOf(log, 'out'), [], 'nobody sees them before the commit')
      if (run === 1) throw new Error('the first run fails')
    })
    if (run === 1) assert.match(String(await work.catch((error: unknown) => error)), 'the first run fails')
    else {
      await work
      break
    }
  }
  assert.equal(await valuesOf(log, 'out'), ['run 2', 'run 2'])
  assert.is(await consumer.committed({ topic: 'in', partition: 0 }), 1)
  await log.close()
})

test('members of a group share its partitions, and one that leaves gives its own to the others', async (open) => {
  const log = await open({ topics: [orders] })
  const [first, second] = [0, 1].map(() => log.consumer({ groupId: 'shop', topics: [orders] }))
  const iterations = [first, second].map(async (member) => {
    for await (const { offset } of member ?? []) throw new Error(`offset ${offset}`)
  })
  const held = () => [first, second].map((member) => member?.assignment().length).sort()
  await until(() => String(held()) === '1,2')
  await first?.close()
  await until(() => second?.assignment().length === 3)
  await log.close()
  await Promise.all(iterations)
})

test('a record of a share group goes to one consumer at a time, and comes again until it is accepted or rejected', async (open) => {
  const log = await open()
  await log.admin.createTopic('jobs')
  await log.admin.createTopic('dead')
  await log.producer().send(['a', 'b', 'c'].map((value) => ({ topic: 'jobs', value })))
  const consumer = log.shareConsumer({ groupId: 'workers', topics: ['jobs'], deadLetter: 'dead' })
  const deliveries: string[] = []
  for await (const record of consumer) {
    const job = text(record.value)
    deliveries.push(`${job}, ${record.deliveryCount}`)
    if (job === 'a') await consumer.acknowledge(record, 'accept')
    else if (job === 'b') await consumer.acknowledge(record, 'reject')
    else await consumer.acknowledge(record, record.deliveryCount === 1 ? 'release' : 'accept')
    if (deliveries.length === 4) break
  }
  assert.equal(deliveries, ['a, 1', 'b, 1', 'c, 1', 'c, 2'])
  assert.equal(await valuesOf(log, 'dead'), ['b'])
  await log.close()
})

test('a record is read by its place, and the newest value of each key by a table', async (open) => {
  const prices = topic('prices', { value: string, config: { 'cleanup.policy': 'compact' } })
  const log = await open({ topics: [prices] })
  const [first] = await log.producer().send(['2', '3'].map((value) => prices.record({ key: 'tea', value })))
  assert.is((await log.get(prices, first as RecordMetadata))?.value, '2')
  const table = await log.table(prices)
  assert.equal([...table.entries()], [['tea', '3']])
  await log.close()
})

test.run()
