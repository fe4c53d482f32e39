// A member is assigned a partition of a topic that is deleted meanwhile: it gets all its other partitions as before.
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { test } from './stores.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a topic is deleted while the start of a newly assigned partition is asked for', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  await log.admin.createTopic('u')
  const told: string[] = []
  const consumer = log.consumer({
    ...{ groupId: 'g', topics: ['t', 'u'] },
    async positions(asked) {
      if (asked.some(({ partition }) => partition === 1)) await log.admin.deleteTopic('u')
      return []
    },
  })
  for (const event of ['assigned', 'revoked', 'lost'] as const) {
    consumer.on(event, (places) => {
      told.push(`${event} ${places.map(({ topic, partition }) => `${topic}-${partition}`).join(' ')}`)
    })
  }
  await log.producer().send([
    { topic: 't', value: 'first' },
    { topic: 't', value: 'second' },
  ])
  let count = 0
  for await (const record of consumer) {
    if (count === 0) {
      await log.admin.createPartitions('u', 2)
      for (let turns = 0; turns < 20; turns++) await turn()
    }
    assert.equal([record.topic, record.offset], ['t', count])
    if (++count === 2) break
  }
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.equal(told, ['assigned t-0 u-0', 'lost u-0'])
  await consumer.close()
  await log.close()
})

test('a partition without an offset is deleted before the member is told of it: its iteration goes on', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  await log.admin.createTopic('u')
  const consumer = log.consumer({
    ...{ groupId: 'g', topics: ['t', 'u'], autoOffsetReset: 'none' as const },
    async positions(asked) {
      if (asked.some(({ topic }) => topic === 'u')) await log.admin.deleteTopic('u')
      return [{ topic: 't', partition: 0, nextOffset: 0 }]
    },
  })
  await consumer.lag()
  assert.equal(consumer.assignment(), [{ topic: 't', partition: 0 }])
  await consumer.close()
  await log.close()
})

test('a close while handlers are told of the loss', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  let closing: Promise<void> | undefined
  const consumer = log.consumer({
    ...{ groupId: 'g', topics: ['t'] },
    async positions(asked) {
      if (asked.some(({ partition }) => partition === 1)) await log.admin.deleteTopic('t')
      return []
    },
  })
  consumer.on('lost', () => {
    closing = consumer.close()
  })
  await consumer.lag()
  await log.admin.createPartitions('t', 2)
  while (closing === undefined) await turn()
  await closing
  await log.close()
})

test('an assignment that comes as a topic is deleted has the other topics’ partitions', async (_, openBroker) => {
  const broker = await openBroker()
  for (const topic of ['t', 'u']) await broker.admin.createTopic(topic, { partitions: 1, config: {} })
  const member = { groupId: 'g', topics: ['t', 'u'], assignors: ['range'], maxPollIntervalMs: 1000 }
  const session = await broker.openConsumer(member)
  const { generation, members } = await session.join([])
  const [{ memberId } = { memberId: '' }] = members
  const partitions = ['t', 'u'].map((topic) => ({ topic, partition: 0 }))
  // Both are in one commit.
  const synced = session.sync(generation, [{ memberId, partitions }])
  await broker.admin.deleteTopic('u')
  assert.equal(
    (await synced).map(({ topic }) => topic),
    ['t'],
  )
  await session.close()
})

test('once the consumer is closed nobody asks where partitions begin', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  await log.admin.createTopic('u')
  let asked = 0
  let go = () => {}
  const gate = new Promise<void>((resolve) => (go = resolve))
  const consumer = log.consumer({
    ...{ groupId: 'g', topics: ['t', 'u'] },
    async positions() {
      asked++
      await gate
      return []
    },
  })
  const lag = consumer.lag().catch(() => {})
  while (asked === 0) await turn()
  await log.admin.deleteTopic('u')
  await consumer.close()
  await lag
  go()
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.is(asked, 1)
  await log.close()
})

// Regression: it ended the iteration.
test('a topic that is deleted while it is asked where reading goes on after an offset out of range is lost', async (_, openBroker) => {
  const broker = await openBroker()
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('t')
  await log.admin.createTopic('u')
  await log.admin.setOffsets('g', [
    { topic: 't', partition: 0, nextOffset: 5 },
    { topic: 'u', partition: 0, nextOffset: 0 },
  ])
  const consumer = log.consumer({ groupId: 'g', topics: ['t', 'u'] })
  const lost: unknown[] = []
  consumer.on('lost', async (places) => {
    lost.push(...places)
    await log.producer().send({ topic: 'u', value: 'first' })
  })
  const offsets = broker.admin.offsets.bind(broker.admin)
  broker.admin.offsets = async (places) => {
    broker.admin.offsets = offsets
    await log.admin.deleteTopic('t')
    return offsets(places)
  }
  const { value } = await consumer[Symbol.asyncIterator]().next()
  assert.equal([value?.topic, value?.offset], ['u', 0])
  assert.equal(lost, [{ topic: 't', partition: 0 }])
  await log.close()
})

test.run()
