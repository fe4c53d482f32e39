// Topics may have the names of properties that every JavaScript object inherits: a plain object as a table of names
// would take them for something else.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { scratchDirectory } from '../scratch.ts'
import { FakePort } from './fake-port.ts'
import { take } from './support.ts'

const NAMES = Object.getOwnPropertyNames(Object.prototype).filter((name) => !name.startsWith('__'))

async function write(log: EmbeddedLog): Promise<void> {
  const producer = log.producer()
  const transactional = log.producer({ transactionalId: 'constructor' })
  for (const topic of NAMES) {
    await log.admin.createTopic(topic, { partitions: 2 })
    await producer.send({ topic, partition: 0, key: topic, value: 'plain' })
    await transactional.transaction((transaction) => transaction.send({ topic, partition: 1, value: 'transactional' }))
  }
  const consumer = log.consumer({ groupId: 'toString', topics: NAMES })
  for (const record of await take(consumer, 2 * NAMES.length)) await consumer.commit(record)
  await consumer.close()
}

async function assertWhole(log: EmbeddedLog): Promise<void> {
  assert.equal(log.recovery.damage, [])
  assert.equal([...(await log.admin.listTopics())].sort(), [...NAMES].sort())
  for (const topic of NAMES) assert.is((await take(log.read(topic, { until: 'end' }), 2)).length, 2, topic)
  const { offsets } = await log.admin.describeGroup('toString')
  assert.is(offsets.length, 2 * NAMES.length)
}

test('they are written, read, committed and there again after a clean and an unclean end', async () => {
  const image = new DirectoryImage()
  const log = await openLog(image, new FakePort())
  await write(log)
  const killed = image.fork()
  await log.close()
  for (const store of [image.fork(), killed]) {
    const again = await openLog(store, new FakePort())
    await assertWhole(again)
    await again.close()
  }
})

test('verify finds nothing wrong; deleted they leave nothing, and a member that reads them is described', async () => {
  const log = await open(scratchDirectory('inherited-names'))
  await write(log)
  assert.equal(await log.verify(), [])
  const consumer = log.consumer({ groupId: 'toString', topics: NAMES })
  await consumer.lag()
  for (const topic of NAMES) await log.admin.deleteTopic(topic)
  const { members, offsets } = await log.admin.describeGroup('toString')
  assert.equal([members.length, offsets], [1, []])
  assert.equal(await log.admin.listTopics(), [])
  await log.close()
})

test.run()
