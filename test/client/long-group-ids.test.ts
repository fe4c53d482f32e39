// A group id may be 32,767 bytes long, and stands in each of its offsets: more of these than a frame holds don't end
// the log.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openMemory } from '../../bindings/entry/node.ts'
import { failure } from './support.ts'

const PARTITIONS = 20
const groupId = 'g'.repeat(32_000)
const all = (nextOffset: number) =>
  Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 't', partition, nextOffset }))

async function filled(): Promise<EmbeddedLog> {
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions: PARTITIONS })
  await log.producer().send(all(0).map(({ topic, partition }) => ({ topic, partition, value: 'x' })))
  return log
}

async function committed(log: EmbeddedLog): Promise<(number | undefined)[]> {
  const { offsets } = await log.admin.describeGroup(groupId)
  return offsets.map(({ nextOffset }) => nextOffset)
}

test('its offsets are set, committed and deleted', async () => {
  const log = await filled()
  await log.admin.setOffsets(groupId, all(1))
  assert.equal(await committed(log), new Array(PARTITIONS).fill(1))
  const consumer = log.consumer({ groupId, topics: ['t'] })
  await log.producer().send(all(0).map(({ topic, partition }) => ({ topic, partition, value: 'y' })))
  let seen = 0
  for await (const _ of consumer) if (++seen === PARTITIONS) break
  await consumer.commit(all(2), { allowSkip: true })
  assert.equal(await committed(log), new Array(PARTITIONS).fill(2))
  await consumer.close()
  await log.admin.deleteGroup(groupId)
  await failure('GROUP_ID_NOT_FOUND', () => log.admin.describeGroup(groupId))
  await log.producer().send({ topic: 't', value: 'the log goes on' })
  await log.close()
})

test('a transaction refuses them in time', async () => {
  const log = await filled()
  const consumer = log.consumer({ groupId, topics: ['t'] })
  for await (const _ of consumer) break
  const producer = log.producer({ transactionalId: 'id' })
  await failure('RECORD_LIST_TOO_LARGE', () =>
    producer.transaction((transaction) => transaction.sendOffsets(consumer, all(1), { allowSkip: true })),
  )
  await log.producer().send({ topic: 't', value: 'the log goes on' })
  await log.close()
})

test.run()
