// What is left of a share group's deliveries when a consumer ends, or when the log is closed or killed.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { openHeld, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort, settle } from './fake-port.ts'
import { type Job, jobs, range, refused, releaseAll, setup, slowSetup, take, values } from './share-support.ts'
import { gate } from './support.ts'

// Each acknowledgement was stored as a snapshot of its own: 131 bytes a record where 50 are acknowledged at once.
test('what is acknowledged at once is stored as one snapshot, which brings all of it back', async () => {
  const { log, image, port } = await setup(100)
  const stored = async () => {
    const [at] = await log.admin.offsets([{ topic: '__share_group_state', partition: 0 }])
    return at?.highWatermark ?? 0
  }
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const taken = await take(consumer, 100)
  const before = await stored()
  const accepted = taken.filter((_, index) => index % 2 === 0)
  await Promise.all(accepted.map((job) => consumer.acknowledge(job, 'accept')))
  assert.ok((await stored()) - before <= 3, `${(await stored()) - before} records`)
  const killed = image.fork()
  await log.close()
  const reopened = await openLog(killed, port)
  const again = await take(reopened.shareConsumer({ groupId: 'g', topics: [jobs] }), 50)
  assert.equal(
    values(again),
    range(100).filter((each) => !values(accepted).includes(each)),
  )
  await reopened.close()
})

for (const end of ['close', 'kill'] as const) {
  test(`after a ${end}: what was accepted stays so, what was held comes again and is counted`, async () => {
    const { log, image, port } = await setup(8)
    const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
    const taken = await take(consumer, 8)
    const accepted = taken.filter((_, index) => index % 3 === 0)
    for (const job of accepted) await consumer.acknowledge(job, 'accept')
    const killed = image.fork()
    await log.close()
    const reopened = await openLog(end === 'kill' ? killed : image.fork(), port)
    const again = await take(reopened.shareConsumer({ groupId: 'g', topics: [jobs] }), 5)
    assert.equal(
      values(again),
      range(8).filter((each) => !values(accepted).includes(each)),
    )
    assert.ok(again.every(({ deliveryCount }) => deliveryCount === 2))
    await reopened.close()
  })
}

test('deliveries that a closed consumer’s program had not seen do not count; those that it had are there for others at once', async () => {
  const { log } = await setup(4)
  const first = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const [seen] = await take(first, 1)
  await first.close()
  const again = await take(log.shareConsumer({ groupId: 'g', topics: [jobs] }), 4)
  assert.equal(values(again), range(4))
  assert.equal(
    again.filter(({ deliveryCount }) => deliveryCount === 2).map(({ value }) => value),
    [seen?.value],
  )
  await log.close()
})

test('a consumer that is closed while its records are still being read acknowledges none of them as a gap', async () => {
  const { log, ...slow } = await slowSetup(6)
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const iteration = consumer[Symbol.asyncIterator]()
  const next = iteration.next()
  await settle()
  const left = iteration.return?.()
  await settle()
  slow.let()
  await Promise.all([next, left])
  assert.equal(values(await take(consumer, 6)), range(6))
  await log.close()
})

for (const rejection of ['ends', 'never ends'] as const) {
  test(`a rejection that ${rejection} keeps a closing consumer 5 s at most, and no other record from others`, async () => {
    const { log, port, ...slow } = await slowSetup(3, { slow: 'dead' })
    const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], deadLetter: 'dead' })
    const [rejected, accepted, held] = (await take(consumer, 3)) as [Job, Job, Job]
    const acknowledged = Promise.allSettled([
      consumer.acknowledge(rejected, 'reject'),
      consumer.acknowledge(accepted, 'accept'),
    ])
    await settle()
    let isClosed = false
    const closed = consumer.close().then(() => {
      isClosed = true
    })
    const others: string[] = []
    const other = log.shareConsumer({ groupId: 'g', topics: [jobs] })
    const iteration = (async () => {
      for await (const { value } of other) others.push(value as string)
    })()
    await settle()
    assert.equal([others, isClosed], [[held.value], false], 'at once')
    await port.advance(4000)
    if (rejection === 'ends') slow.let()
    await port.advance(999)
    assert.equal([others, isClosed], [[held.value], rejection === 'ends'], 'within the limit')
    await port.advance(1)
    assert.is(isClosed, true)
    const came = rejection === 'ends' ? [held.value] : [held.value, rejected.value]
    assert.equal(others, came)
    slow.let()
    await Promise.all([closed, acknowledged, other.close(), iteration])
    await log.close()
  })
}

test('a group that begins at the end stays there over a restart; a topic made again begins anew', async () => {
  const { log, image, port } = await setup(4)
  const waiting = take(log.shareConsumer({ groupId: 'g', topics: [jobs], autoOffsetReset: 'latest' }), 1)
  await settle()
  await log.close()
  assert.equal(await waiting, [])
  const reopened = await openLog(image.fork(), port)
  await reopened.producer().send(jobs.record({ value: '5', partition: 1 }))
  const consumer = reopened.shareConsumer({ groupId: 'g', topics: [jobs], autoOffsetReset: 'latest' })
  assert.equal(values(await take(consumer, 1)), [5])
  const gone = refused(take(consumer, 1))
  await settle()
  await reopened.admin.deleteTopic('jobs')
  assert.ok(LogError.is(await gone, 'UNKNOWN_TOPIC_OR_PARTITION'))
  await reopened.admin.createTopic('jobs', { partitions: 2 })
  await reopened.producer().send(jobs.record({ value: '6' }))
  assert.equal(values(await take(reopened.shareConsumer({ groupId: 'g', topics: [jobs] }), 1)), [6])
  await reopened.close()
})

// Regression: only partitions that were used since the open told of their topic's end, and this one waited for ever.
test('who asks while its topic is being deleted hears of it, though nobody has used the topic since the open', async () => {
  const { log, image, port } = await setup(2)
  await releaseAll(log, 2)
  await log.close()
  const { broker } = await openHeld(image.fork(), port, {})
  const session = await broker.openShare('g')
  const deleting = broker.admin.deleteTopic('jobs')
  let told: unknown
  session.acquire({ topics: ['jobs'], maxOffsets: 1, lockMs: 1000, startAt: 'earliest' }).catch((error: unknown) => {
    told = error
  })
  await deleting
  await settle()
  assert.ok(LogError.is(told, 'UNKNOWN_TOPIC_OR_PARTITION'), String(told))
  await broker.close()
})

test('a signal, break and close end an iteration; a second one is refused', async () => {
  const { log } = await setup(0)
  const stop = new AbortController()
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], signal: stop.signal })
  const waiting = refused(take(consumer, 1))
  await settle()
  assert.ok(LogError.is(await refused(take(consumer, 1)), 'CONSUMER_BUSY'))
  stop.abort(new Error('enough'))
  assert.is((await waiting).message, 'enough')
  const other = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const ended = take(other, 1)
  await settle()
  await other.close()
  assert.equal(await ended, [])
  assert.ok(LogError.is(await refused(take(other, 1)), 'CONSUMER_CLOSED'))
  await log.close()
})

// Regression: a wait for records that began after the iteration was left, went on until one came.
test('left at any moment of its beginning, an iteration ends though no record comes, and locks none that comes later', async () => {
  for (let moments = 0; moments < 30; moments++) {
    const { log } = await setup(0)
    const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], deadLetter: 'dead' })
    const iteration = consumer[Symbol.asyncIterator]()
    const next = iteration.next()
    for (let moment = 0; moment < moments; moment++) await Promise.resolve()
    let isLeft = false
    const left = iteration.return?.().then(() => {
      isLeft = true
    })
    await settle()
    assert.ok(isLeft, `left ${moments} moments after its beginning`)
    await log.producer().send(jobs.record({ value: 'late' }))
    await settle()
    const groups = await log.admin.listShareGroups()
    assert.ok(!groups.some(({ offsets }) => offsets.some(({ acquired }) => acquired > 0)), `after ${moments} moments`)
    await log.close()
    await Promise.all([next, left])
  }
})

// Regression: they came once the rejection that they waited for had ended, or its 5 s.
test('records that wait for the dead letters of others are others’ at once when their consumer closes', async () => {
  const { log, ...slow } = await slowSetup(4, { slow: 'dead', prepare: (before) => releaseAll(before, 4) })
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], deadLetter: 'dead', maxDeliveries: 1 })
  const next = consumer[Symbol.asyncIterator]().next()
  await settle()
  const closed = consumer.close()
  await settle()
  const others: string[] = []
  const other = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const iteration = (async () => {
    for await (const { value, deliveryCount } of other) others.push(`${value} ${deliveryCount}`)
  })()
  await settle()
  assert.equal(others.sort(), ['1 2', '2 2', '3 2'], 'the first one is being rejected')
  slow.let()
  await Promise.all([closed, next, other.close(), iteration])
  await log.close()
})

// Regression: it waited for the answers for ever.
test('a holder that answers nothing keeps a closing consumer 5 s at most', async () => {
  const port = new FakePort()
  const { broker } = await openHeld(new MemoryStore(), port, {})
  const log = new BrokerLog(broker, port)
  await log.admin.createTopic('jobs', { partitions: 2 })
  await log.producer().send(jobs.record({ value: '0' }))
  const openShare = broker.openShare.bind(broker)
  broker.openShare = async (groupId) => {
    const session = await openShare(groupId)
    session.acknowledge = () => new Promise(() => {})
    return session
  }
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  await take(consumer, 1)
  let isClosed = false
  const closed = consumer.close().then(() => {
    isClosed = true
  })
  await port.advance(4999)
  assert.is(isClosed, false)
  await port.advance(1)
  assert.is(isClosed, true)
  await closed
  await log.close()
})

test('an iteration that begins while one that was left still opens its session goes on with that', async () => {
  const port = new FakePort()
  const { broker } = await openHeld(new MemoryStore(), port, {})
  const log = new BrokerLog(broker, port)
  await log.admin.createTopic('jobs', { partitions: 2 })
  await log.producer().send(jobs.record({ value: '0' }))
  const opens = gate()
  const openShare = broker.openShare.bind(broker)
  let sessions = 0
  broker.openShare = async (groupId) => {
    sessions++
    await opens.opened
    return openShare(groupId)
  }
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs] })
  const left = consumer[Symbol.asyncIterator]()
  const next = left.next()
  await left.return?.()
  assert.equal(await next, { done: true, value: undefined })
  const taking = take(consumer, 1)
  await settle()
  opens.open()
  assert.equal(values(await taking), [0])
  assert.is(sessions, 1)
  await log.close()
})

test.run()
