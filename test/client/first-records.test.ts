// Reading one record of a partition full of tiny batches doesn't take the megabyte after it; to read all of it costs no
// more than before.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FetchSize } from '../../bindings/client/fetch-size.ts'
import { type EmbeddedLog, openMemory } from '../../bindings/entry/node.ts'
import { decodedBy } from './decodes.ts'

const BATCHES = 2000
/** 4 KiB of batches of 70 bytes, and what is read of the log's own topics. */
const FEW = 150

async function filled(partitions = 1): Promise<EmbeddedLog> {
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions })
  const producer = log.producer({ acks: 1 })
  for (let index = 0; index < BATCHES; index++)
    await producer.send({ topic: 't', partition: index % partitions, value: 'x' })
  return log
}

test('the first record of a reader or a consumer decodes a few batches, get one', async () => {
  const log = await filled()
  const first = async (records: AsyncIterable<unknown>) => {
    for await (const _ of records) break
  }
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], autoOffsetReset: 'earliest' })
  assert.ok((await decodedBy(() => first(log.read('t')))) < FEW)
  assert.ok((await decodedBy(() => first(consumer))) < FEW)
  assert.is(await decodedBy(() => log.get('t', { partition: 0, offset: 1000 })), 1)
  await log.close()
})

test('a share consumer decodes what it has locked', async () => {
  const log = await filled()
  const consumer = log.shareConsumer({ groupId: 's', topics: ['t'] })
  const ten = async () => {
    let count = 0
    for await (const _ of consumer) if (++count === 10) break
  }
  assert.ok((await decodedBy(ten)) < FEW)
  await log.close()
})

test('all of it is decoded once', async () => {
  const log = await filled(3)
  const all = async () => {
    let count = 0
    for await (const _ of log.read('t', { until: 'end' })) count++
    assert.is(count, BATCHES)
  }
  assert.is(await decodedBy(all), BATCHES)
  await log.close()
})

// What is fetched names the partitions that have something, and each is taken for itself.
test('a consumer of several partitions gets what comes to one of them', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions: 3 })
  const producer = log.producer({ acks: 1 })
  const signal = AbortSignal.timeout(10_000)
  const records = log
    .consumer({ groupId: 'g', topics: ['t'] })
    .batches({ signal })
    [Symbol.asyncIterator]()
  for (const [partition, offset] of [
    [1, 0],
    [1, 1],
    [2, 0],
    [1, 2],
  ] as const) {
    const next = records.next()
    await producer.send({ topic: 't', partition, value: 'x' })
    const { value: batch } = await next
    assert.equal([batch?.partition, batch?.baseOffset], [partition, offset])
  }
  await log.close()
})

test('fetches grow up to what is asked for at most', () => {
  const asked = (sizes: FetchSize) => Array.from({ length: 6 }, () => sizes.next())
  assert.equal(asked(new FetchSize(1_048_576, 4096)), [4096, 16_384, 65_536, 262_144, 1_048_576, 1_048_576])
  assert.equal(asked(new FetchSize(5000)), [5000, 5000, 5000, 5000, 5000, 5000])
})

test('a partition that always has more lets the others come too', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions: 3 })
  const producer = log.producer({ acks: 1 })
  const large = 'x'.repeat(600_000)
  for (let index = 0; index < 30; index++) await producer.send({ topic: 't', partition: index % 3, value: large })
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], autoOffsetReset: 'earliest' })
  const seen = [0, 0, 0]
  let count = 0
  for await (const { partition } of consumer) {
    seen[partition] = (seen[partition] ?? 0) + 1
    if (++count === 12) break
  }
  assert.ok(
    seen.every((each) => each >= 2),
    `${seen}`,
  )
  await log.close()
})

test.run()
