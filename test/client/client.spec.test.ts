// What a program sees of the client, from the first topic to the last commit, over a log in memory.
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { json, LogError, string, topic } from '../../bindings/entry/node.ts'
import { test } from './stores.ts'

const orders = topic('orders', {
  key: string,
  value: json(z.object({ item: z.string(), count: z.number().default(1) })),
  partitions: 3,
})

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
    for await (const { value } of consumer) if (seen.push(String(Buffer.from(value ?? []))) === 2) break
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
    assert.is(Number(Buffer.from(record.value ?? [])), next++)
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

test.run()
