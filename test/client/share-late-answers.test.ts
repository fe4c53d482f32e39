// An acknowledgement counts only for the delivery that it was made for, not for a later one to the same consumer.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { settle } from './fake-port.ts'
import { type Job, jobs, range, refused, setup, take, values } from './share-support.ts'

const options = { groupId: 'g', topics: [jobs], lockMs: 1000 } as const

// A record of the new topic had the same offset: it was accepted, and nobody ever got it.
test('a record of a topic that was made again since is not accepted in the new one', async () => {
  const { log } = await setup(1)
  const consumer = log.shareConsumer(options)
  const iteration = consumer[Symbol.asyncIterator]()
  const { value: old } = await iteration.next()
  assert.ok(old)
  await log.admin.deleteTopic('jobs')
  const gone = await refused(consumer.acknowledge(old, 'accept'))
  assert.is(gone.code, 'INVALID_RECORD_STATE')
  await log.admin.createTopic('jobs', { partitions: 2 })
  await log.producer().send(jobs.record({ value: 'new', partition: 0 }))
  const { value: fresh } = await iteration.next()
  assert.equal([fresh?.value, fresh?.offset], ['new', old.offset])
  assert.is((await refused(consumer.acknowledge(old, 'accept'))).code, 'INVALID_RECORD_STATE')
  await consumer.close()
  const [again] = await take(log.shareConsumer(options), 1)
  assert.is(again?.value, 'new')
  await log.close()
})

test('records that were locked in a topic that is gone are not read from the one that has its name', async () => {
  const { broker } = await openHeld(new MemoryStore(), nodePort, {})
  const log = new BrokerLog(broker, nodePort)
  const make = async (value: string) => {
    await log.admin.createTopic('jobs', { partitions: 1 })
    await log.producer().send(jobs.record({ value }))
  }
  await make('old')
  const openShare = broker.openShare.bind(broker)
  broker.openShare = async (groupId) => {
    const session = await openShare(groupId)
    const fetch = session.fetch.bind(session)
    session.fetch = async (request) => {
      session.fetch = fetch
      await log.admin.deleteTopic('jobs')
      await make('new')
      return fetch(request)
    }
    return session
  }
  const consumer = log.shareConsumer(options)
  const [job] = await take(consumer, 1)
  assert.is(job?.value, 'new')
  // Read under the old topic's lock, it would be another consumer's too.
  await consumer.acknowledge(job as Job, 'accept')
  await log.close()
})

// Accepted, the record came a second time all the same; released, its lock ended while it was worked on.
test('a consumer that has a record again cannot acknowledge the delivery whose lock ended', async () => {
  const { log, port } = await setup(2)
  const consumer = log.shareConsumer(options)
  const iteration = consumer[Symbol.asyncIterator]()
  const late = [(await iteration.next()).value, (await iteration.next()).value]
  await port.advance(1500)
  const again = [(await iteration.next()).value, (await iteration.next()).value]
  for (const job of late) {
    for (const type of ['release', 'accept'] as const) {
      assert.is((await refused(consumer.acknowledge(job, type))).code, 'INVALID_RECORD_STATE')
    }
  }
  const other = log.shareConsumer(options)
  const stolen = other[Symbol.asyncIterator]().next()
  await settle()
  assert.equal(values(again), range(2))
  for (const job of again) await consumer.acknowledge(job, 'accept')
  await other.close()
  assert.is((await stolen).done, true)
  await log.close()
})

// Counts begin at 1 again where a group does: the delivery before was a first one, too.
for (const begin of ['resetShareGroup', 'deleteShareGroup'] as const) {
  test(`an acknowledgement of a delivery from before ${begin} counts for none after it`, async () => {
    const { log, port } = await setup(1)
    const consumer = log.shareConsumer(options)
    const iteration = consumer[Symbol.asyncIterator]()
    const { value: old } = await iteration.next()
    await port.advance(2000)
    if (begin === 'deleteShareGroup') await log.admin.deleteShareGroup('g')
    else await log.admin.resetShareGroup('g', 'earliest')
    const { value: again } = await iteration.next()
    assert.equal([old?.deliveryCount, again?.deliveryCount], [1, 1])
    for (const type of ['accept', 'release'] as const) {
      assert.is((await refused(consumer.acknowledge(old as Job, type))).code, 'INVALID_RECORD_STATE')
    }
    await consumer.acknowledge(again as Job, 'accept')
    await log.close()
  })
}

test.run()
