// Consumers of a share group over a real log: each record goes to one of them, and failing ones don't hold up the rest.
// How deliveries end is in share-endings.test.ts, dead letters are in share-dead-letters.test.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError, string, topic } from '../../bindings/entry/node.ts'
import { settle } from './fake-port.ts'
import { type Job, jobs, refused, setup, take, values } from './share-support.ts'

test('two consumers take each record once, from partitions that they share', async () => {
  const { log } = await setup(20)
  const [first, second] = [1, 2].map(() => log.shareConsumer({ groupId: 'g', topics: [jobs], maxRecords: 3 }))
  const taken = [...(await take(first as never, 10)), ...(await take(second as never, 7))]
  assert.is(new Set(values(taken)).size, 17)
  assert.ok(taken.every(({ deliveryCount }) => deliveryCount === 1))
  await log.close()
})

test('a record that fails does not hold up those after it, and is delivered again with its count', async () => {
  const { log } = await setup(6)
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const done: number[] = []
  const counts: number[] = []
  for await (const job of consumer) {
    if (job.value === '0' && job.deliveryCount < 3) {
      counts.push(job.deliveryCount)
      await consumer.acknowledge(job, 'release')
      continue
    }
    await consumer.acknowledge(job, 'accept')
    done.push(Number(job.value))
    if (done.length === 6) break
  }
  assert.equal(counts, [1, 2])
  assert.is(done.at(-1), 0, 'the others went on')
  await log.close()
})

test('a record waits for its delay; the others do not', async () => {
  const { log, port } = await setup(2)
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  for (const job of await take(consumer, 2)) {
    if (job.value === '0') await consumer.acknowledge(job, 'release', { delayMs: 1000 })
    else await consumer.acknowledge(job, 'accept')
  }
  const again: Job[] = []
  const waiting = take(consumer, 1).then((jobs) => again.push(...jobs))
  await port.advance(999)
  assert.equal(again, [])
  await port.advance(1)
  await waiting
  assert.equal(
    again.map(({ value, deliveryCount }) => [value, deliveryCount]),
    [['0', 2]],
  )
  await log.close()
})

test('when a lock ends another consumer gets the record, and the first one hears so', async () => {
  const { log, port } = await setup(1)
  const first = log.shareConsumer({ groupId: 'g', topics: [jobs], lockMs: 500 })
  const second = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const [job] = await take(first, 1)
  const waiting = take(second, 1)
  await port.advance(500)
  const [again] = await waiting
  assert.equal([again?.value, again?.deliveryCount], ['0', 2])
  const error = await refused(first.acknowledge(job as Job, 'accept'))
  assert.ok(LogError.is(error, 'INVALID_RECORD_STATE'), String(error))
  assert.equal([error.details['topic'], error.details['offset']], ['jobs', 0])
  await second.acknowledge(again as Job, 'accept')
  await log.close()
})

test('a record that comes after a long wait has its whole lock, however the clock was set meanwhile: it is delivered once', async () => {
  const { log, port } = await setup(0)
  const options = { groupId: 'g', topics: [jobs], lockMs: 500, maxDeliveries: 1 } as const
  const consumer = log.shareConsumer(options)
  const waiting = take(consumer, 2)
  await port.advance(2000)
  port.jump(-100_000)
  await port.advance(2000)
  await log.producer().send(['0', '1'].map((value) => jobs.record({ value, partition: 0 })))
  const taken = await waiting
  assert.equal(
    taken.map(({ value, deliveryCount }) => [value, deliveryCount]),
    [
      ['0', 1],
      ['1', 1],
    ],
  )
  await port.advance(400)
  for (const job of taken) await consumer.acknowledge(job, 'accept')
  await log.close()
})

test('records of aborted transactions and markers are delivered to nobody, and hold up nothing', async () => {
  const { log } = await setup(1)
  const producer = log.producer({ transactionalId: 'x' })
  const aborted = await producer.beginTransaction()
  await aborted.send(jobs.record({ value: '100', partition: 0 }))
  await aborted.abort()
  await producer.transaction((transaction) => transaction.send(jobs.record({ value: '1', partition: 0 })))
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const taken = await take(consumer, 2)
  assert.equal(values(taken), [0, 1])
  for (const job of taken) await consumer.acknowledge(job, 'accept')
  const rest = take(consumer, 1)
  await log.producer().send(jobs.record({ value: '2', partition: 0 }))
  assert.equal(values(await rest), [2])
  await log.close()
})

test('a record that is deleted between its lock and its delivery goes to nobody, and holds up nothing', async () => {
  const { log } = await setup(0)
  const records = log.shareConsumer({ groupId: 'g', topics: [jobs] })[Symbol.asyncIterator]()
  const first = records.next()
  await settle()
  const producer = log.producer()
  await producer.send(jobs.record({ value: '0', partition: 0 }))
  // The lock waits until its delivery is counted, which goes to the disk in one frame with the deletion.
  await log.admin.deleteRecords([{ topic: 'jobs', partition: 0, beforeOffset: -1 }])
  await producer.send(jobs.record({ value: '1', partition: 0 }))
  assert.is((await first).value?.value, '1')
  await log.close()
})

// The group once began at their end, after records that came before anybody looked.
test('a group that began at the end reads partitions that are added from their start', async () => {
  const { log } = await setup(4)
  const options = { groupId: 'g', topics: [jobs], autoOffsetReset: 'latest' } as const
  const first = take(log.shareConsumer(options), 1)
  await settle()
  await log.admin.createPartitions('jobs', 3)
  await log.producer().send(jobs.record({ value: '4', partition: 2 }))
  assert.equal(values(await first), [4])
  // Nobody waits for records now: the group hears of this partition from the next member that asks.
  await log.admin.createPartitions('jobs', 4)
  await log.producer().send(jobs.record({ value: '5', partition: 3 }))
  assert.equal(values(await take(log.shareConsumer(options), 1)), [5])
  await log.close()
})

test('wrong calls are refused by name', async () => {
  const { log } = await setup(1)
  const wrong = [
    { topics: [jobs] },
    { groupId: 'g', topics: [] },
    { groupId: 'g', topics: [jobs], lockMs: 0 },
    { groupId: 'g', topics: [jobs], maxDeliveries: 1.5 },
    { groupId: 'g', topics: [jobs], maxRecords: 2001 },
    { groupId: 'g', topics: [jobs], deadLetter: 7 },
    { groupId: 'g', topics: [jobs], deadLetter: 'jobs' },
    { groupId: 'g', topics: [jobs], autoOffsetReset: 'none' },
  ]
  for (const options of wrong) {
    assert.throws(
      () => log.shareConsumer(options as never),
      (error: unknown) => LogError.is(error, 'INVALID_REQUEST', 'INVALID_GROUP_ID'),
    )
  }
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const [job] = await take(consumer, 1)
  for (const call of [
    () => consumer.acknowledge(job as Job, 'done' as never),
    () => consumer.acknowledge({ ...(job as Job) }, 'accept'),
    () => consumer.acknowledge(job as Job, 'release', { delayMs: -1 }),
    () => consumer.acknowledge(job as Job, 'release', 5 as never),
  ]) {
    assert.ok(LogError.is(await refused(call()), 'INVALID_REQUEST'))
  }
  for (const [type, option, value] of [
    ['accept', 'delayMs', 0],
    ['accept', 'error', new Error('half done')],
    ['reject', 'delayMs', 1000],
  ] as const) {
    const refusal = await refused(consumer.acknowledge(job as Job, type, { [option]: value }))
    assert.ok(LogError.is(refusal, 'INVALID_REQUEST'), `${type} with ${option}: ${refusal}`)
    assert.is(refusal.details['option'], option)
  }
  await consumer.acknowledge(job as Job, 'accept')
  assert.ok(LogError.is(await refused(consumer.acknowledge(job as Job, 'accept')), 'INVALID_RECORD_STATE'))
  await log.close()
})

test('a group id that no record could hold is refused, and nothing of it is left', async () => {
  const { log } = await setup(1)
  for (const groupId of ['x'.repeat(40_000), 'half a pair \ud800']) {
    const refusal = await refused(take(log.shareConsumer({ groupId, topics: [jobs] }), 1))
    assert.ok(LogError.is(refusal, 'INVALID_GROUP_ID'), String(refusal))
  }
  assert.equal(await log.admin.listShareGroups(), [])
  await log.close()
})

// Regression: groups that asked in turns had the same partition first each time, and of the other one nothing.
test('groups that ask in turns read every topic and every partition, however busy one is', async () => {
  const { log } = await setup(40)
  const more = topic('more', { value: string })
  await log.admin.createTopic('more', { partitions: 1 })
  await log.producer().send(Array.from({ length: 40 }, () => more.record({ value: 'x' })))
  const consumers = ['g', 'h'].map((groupId) => log.shareConsumer({ groupId, topics: [jobs, more], maxRecords: 1 }))
  const seen = consumers.map(() => new Set<string>())
  for (let count = 0; count < 8; count++) {
    for (const [index, consumer] of consumers.entries()) {
      for await (const job of consumer) {
        seen[index]?.add(`${job.topic}-${job.partition}`)
        await consumer.acknowledge(job, 'accept')
        break
      }
    }
  }
  assert.equal(
    seen.map((each) => [...each].sort()),
    [1, 2].map(() => ['jobs-0', 'jobs-1', 'more-0']),
  )
  await log.close()
})

test.run()
