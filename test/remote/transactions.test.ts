// Transactions of an attached log: through the socket, and over the end of the process that held the log.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import { failure, take } from '../client/support.ts'

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-transactions-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

async function values(log: EmbeddedLog, topic: string): Promise<string[]> {
  const seen: string[] = []
  for await (const { value } of log.read(topic, { until: 'end' })) seen.push(Buffer.from(value ?? []).toString())
  return seen
}

test('records and offsets of an attached transaction become visible with its commit', async () => {
  const holder = await open(root)
  const attached = await open(root)
  for (const name of ['in', 'out']) await attached.admin.createTopic(name)
  await holder.producer().send({ topic: 'in', value: 'a' })
  const consumer = attached.consumer({ groupId: 'g', topics: ['in'] })
  const producer = attached.producer({ transactionalId: 'id' })
  const [record] = await take(consumer, 1)
  await producer.transaction(async (transaction) => {
    await transaction.send({ topic: 'out', value: 'b' })
    await transaction.sendOffsets(consumer, record!)
    assert.equal(await values(holder, 'out'), [])
  })
  assert.equal(await values(holder, 'out'), ['b'])
  assert.is(await consumer.committed({ topic: 'in', partition: 0 }), 1)
  await attached.close()
  await holder.close()
})

test('a wrong transactionTimeoutMs is told as where the log is held', async () => {
  const holder = await open(root)
  const attached = await open(root)
  for (const transactionTimeoutMs of [-1, 0, 1.5, Number.NaN, 900_001, '5' as never]) {
    const producer = attached.producer({ transactionalId: 'id', transactionTimeoutMs })
    await failure('INVALID_TRANSACTION_TIMEOUT', () => producer.beginTransaction())
  }
  await attached.close()
  await holder.close()
})

test('a transaction that was open when its holder went away is aborted, and the next one works', async () => {
  const holder = await open(root)
  const attached = await open(root)
  await attached.admin.createTopic('out')
  const producer = attached.producer({ transactionalId: 'id' })
  const open1 = await producer.beginTransaction()
  await open1.send({ topic: 'out', value: 'lost' })
  await holder.close()
  await failure('TRANSACTION_ABORTABLE', () => open1.commit())
  await producer.transaction((transaction) => transaction.send({ topic: 'out', value: 'kept' }))
  assert.is(attached.role, 'holder')
  assert.equal(await values(attached, 'out'), ['kept'])
  await attached.close()
})

test('what an attached process had open is aborted when it goes away', async () => {
  const holder = await open(root)
  const attached = await open(root)
  await attached.admin.createTopic('out')
  const left = await attached.producer({ transactionalId: 'id' }).beginTransaction()
  await left.send({ topic: 'out', value: 'lost' })
  await attached.close()
  await holder.producer().send({ topic: 'out', value: 'behind' })
  const [record] = await take(holder.read('out'), 1)
  assert.is(Buffer.from(record?.value ?? []).toString(), 'behind')
  await holder.close()
})

test.run()
