// Records that a share group gives up: when, and what their dead letters tell.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { json, LogError, topic } from '../../bindings/entry/node.ts'
import type { DirectoryImage } from '../damage/directory-image.ts'
import { FakePort, settle } from './fake-port.ts'
import { dead, type Job, jobs, refused, releaseAll, setup, slowSetup, take, values } from './share-support.ts'

test('no dead letter is written of a record whose lock ended, neither by a rejection nor by the last release', async () => {
  const { log, port } = await setup(1)
  const options = { groupId: 'g', topics: [jobs], lockMs: 500, maxDeliveries: 1, deadLetter: 'dead' } as const
  const [first, second] = [log.shareConsumer(options), log.shareConsumer({ ...options, maxDeliveries: 9 })]
  const [job] = await take(first, 1)
  const waiting = take(second, 1)
  await port.advance(500)
  const [again] = await waiting
  for (const type of ['reject', 'release'] as const) {
    const error = await refused(first.acknowledge(job as Job, type))
    assert.ok(LogError.is(error, 'INVALID_RECORD_STATE'), `${type}: ${error}`)
  }
  await second.acknowledge(again as Job, 'accept')
  const [letters] = await log.admin.offsets([{ topic: 'dead', partition: 0 }])
  assert.is(letters?.highWatermark, 0)
  await log.close()
})

for (const type of ['reject', 'release'] as const) {
  test(`${type}: while its dead letter is being written a record keeps its lock, however little was left of it`, async () => {
    const { log, port, ...slow } = await slowSetup(1, { slow: 'dead' })
    const options = { groupId: 'g', topics: [jobs], lockMs: 500, maxDeliveries: 1, deadLetter: 'dead' } as const
    const [first, second] = [log.shareConsumer(options), log.shareConsumer({ ...options, maxDeliveries: 9 })]
    const [job] = await take(first, 1)
    let isTaken = false
    const next = second[Symbol.asyncIterator]().next()
    const ended = next.then(
      ({ done }) => {
        isTaken = done !== true
      },
      () => {},
    )
    await port.advance(499)
    const given = first.acknowledge(job as Job, type)
    await settle()
    await port.advance(499)
    assert.is(isTaken, false, 'nobody else gets it while its letter is on its way')
    slow.let()
    await given
    const { offsets } = await log.admin.describeShareGroup('g')
    assert.equal([offsets.map(({ lag }) => lag), isTaken], [[0, 0], false])
    const letters: (string | null)[] = []
    for await (const { value } of log.read(dead, { until: 'end' })) letters.push(value)
    assert.equal(letters, ['0'])
    await log.close()
    await ended
  })
}

test('a rejection whose dead letter is refused has renewed the lock: it can be repeated as long as that lasts', async () => {
  const { log, port } = await setup(1)
  const options = { groupId: 'g', topics: [jobs], lockMs: 500, deadLetter: 'dead' } as const
  const consumer = log.shareConsumer(options)
  const [job] = await take(consumer, 1)
  await log.admin.deleteTopic('dead')
  await port.advance(499)
  const error = await refused(consumer.acknowledge(job as Job, 'reject'))
  assert.ok(LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION'), String(error))
  await log.admin.createTopic('dead')
  await port.advance(499)
  await consumer.acknowledge(job as Job, 'reject')
  const [letters] = await log.admin.offsets([{ topic: 'dead', partition: 0 }])
  assert.is(letters?.highWatermark, 1)
  await log.close()
})

test('too many deliveries, or a rejection: the record goes to the dead letters with what is known', async () => {
  const { log } = await setup(2)
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], maxDeliveries: 2, deadLetter: 'dead' })
  let deliveries = 0
  for await (const job of consumer) {
    if (job.value === '1') await consumer.acknowledge(job, 'reject', { error: new RangeError('no such account') })
    else await consumer.acknowledge(job, 'release')
    deliveries++
    if (deliveries === 3) break
  }
  const rest = take(consumer, 1)
  const letters: unknown[] = []
  for await (const { value, headers } of log.read(dead)) {
    const text = (name: string) => Buffer.from(headers.get(name) ?? []).toString()
    letters.push([value, ...['group', 'error', 'error-message', 'attempts'].map((name) => text(`oncelog-${name}`))])
    if (letters.length === 2) break
  }
  assert.equal(letters, [
    ['1', 'g', 'RangeError', 'no such account', '1'],
    ['0', 'g', 'DeliveredTooOften', 'it was delivered as often as it may be', '2'],
  ])
  await log.producer().send(jobs.record({ value: '9' }))
  assert.equal(values(await rest), [9], 'neither comes again')
  await log.close()
})

test('the last release is a rejection: the dead letter tells its error, and nobody waits for the delay', async () => {
  const { log } = await setup(1)
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], maxDeliveries: 2, deadLetter: 'dead' })
  for await (const job of consumer) {
    const error = new RangeError(`failure ${job.deliveryCount}`)
    const options = job.deliveryCount === 2 ? { error, delayMs: 60_000 } : { error }
    await consumer.acknowledge(job, 'release', options)
    if (job.deliveryCount === 2) break
  }
  const letters: unknown[] = []
  for await (const { value, headers } of log.read(dead, { until: 'end' })) {
    letters.push([value, Buffer.from(headers.get('oncelog-error-message') ?? []).toString()])
  }
  assert.equal(letters, [['0', 'failure 2']])
  const { offsets } = await log.admin.describeShareGroup('g')
  assert.is(
    offsets.reduce((total, { lag }) => total + lag, 0),
    0,
  )
  await log.close()
})

test('dead letters without a topic are refused before the first delivery', async () => {
  const { log } = await setup(1)
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], deadLetter: 'nowhere' })
  const error = await refused(take(consumer, 1))
  assert.ok(LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION'), String(error))
  assert.equal(error.details, { topic: 'nowhere', option: 'deadLetter' })
  await log.admin.createTopic('nowhere')
  assert.equal(values(await take(consumer, 1)), [0])
  await log.close()
})

test('a close while dead letters are being written ends the iteration, and loses none of their records', async () => {
  const { log, ...slow } = await slowSetup(4, { slow: 'dead', prepare: (before) => releaseAll(before, 4) })
  const options = { groupId: 'g', topics: [jobs], deadLetter: 'dead', maxDeliveries: 1 } as const
  const consumer = log.shareConsumer(options)
  const next = consumer[Symbol.asyncIterator]().next()
  await settle()
  const closed = consumer.close()
  await settle()
  slow.let()
  await closed
  assert.is((await next).done, true)
  const other = log.shareConsumer(options)
  const rest = other[Symbol.asyncIterator]().next()
  const lags = async () => (await log.admin.describeShareGroup('g')).offsets.map(({ lag }) => lag)
  while ((await lags()).some((lag) => lag > 0)) await settle()
  await other.close()
  await rest
  const letters = new Set<string>()
  for await (const { value } of log.read(dead, { until: 'end' })) letters.add(value ?? '')
  assert.is(letters.size, 4)
  await log.close()
})

test('a record that ends its consumers takes none of those along that were locked with it', async () => {
  const { log, image } = await setup(8)
  await log.close()
  const options = { groupId: 'g', topics: [jobs], deadLetter: 'dead', maxDeliveries: 3, maxRecords: 4 } as const
  const accepted: string[] = []
  const run = async (from: DirectoryImage): Promise<DirectoryImage | undefined> => {
    const life = await openLog(from, new FakePort())
    const consumer = life.shareConsumer(options)
    for await (const job of consumer) {
      // It ends the process: what it had written stays, nothing else does.
      if (job.value === '2') return from.fork()
      await consumer.acknowledge(job, 'accept')
      accepted.push(job.value ?? '')
      if (accepted.length === 7) break
    }
    const letters: (string | null)[] = []
    for await (const { value } of life.read(dead, { until: 'end' })) letters.push(value)
    assert.equal(letters, ['2'])
    await life.close()
    return undefined
  }
  let left: DirectoryImage | undefined = image
  for (let lives = 0; left !== undefined; lives++) {
    assert.ok(lives < 8)
    left = await run(left)
  }
  assert.equal(accepted.map(Number).sort(), [0, 1, 3, 4, 5, 6, 7])
})

test('a dead letter is cut to what its topic takes', async () => {
  const { log } = await setup(0)
  await log.admin.createTopic('small', { config: { 'max.message.bytes': 1000 } })
  await log.producer().send(jobs.record({ key: 'k', value: 'x'.repeat(5000) }))
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], deadLetter: 'small' })
  for await (const job of consumer) {
    await consumer.acknowledge(job, 'reject')
    break
  }
  for await (const { key, value, headers } of log.read('small', { until: 'end' })) {
    assert.equal([Buffer.from(key ?? []).toString(), value], ['k', null])
    assert.is(Buffer.from(headers.get('oncelog-omitted') ?? []).toString(), 'value, headers')
  }
  const [group] = await log.admin.listShareGroups()
  assert.is(
    group?.offsets.reduce((sum, { lag }) => sum + lag, 0),
    0,
  )
  await log.close()
})

test('a value that can’t be decoded can be rejected like any other', async () => {
  const { log } = await setup(1)
  const typed = topic('jobs', { value: json(), partitions: 2 })
  await log.producer().send({ topic: 'jobs', value: '{', partition: 0 })
  const consumer = log.shareConsumer({ groupId: 'g', topics: [typed], deadLetter: 'dead' })
  let refusals = 0
  for await (const job of consumer) {
    try {
      void job.value
      await consumer.acknowledge(job, 'accept')
    } catch (error) {
      await consumer.acknowledge(job, 'reject', { error })
      refusals++
      break
    }
  }
  assert.is(refusals, 1)
  await log.close()
})

/** The values of the dead letters. */
async function lettersOf(log: Awaited<ReturnType<typeof setup>>['log']): Promise<(string | null)[]> {
  const letters: (string | null)[] = []
  for await (const { value } of log.read(dead, { until: 'end' })) letters.push(value)
  return letters
}

const lagOf = async (log: Awaited<ReturnType<typeof setup>>['log']) =>
  (await log.admin.describeShareGroup('g')).offsets.reduce((sum, { lag }) => sum + lag, 0)

// Regression: the record was accepted and had a dead letter, or two of them.
for (const second of ['accept', 'reject', 'release'] as const) {
  test(`while a record is being rejected, a further ${second} of it is refused, and it has one dead letter`, async () => {
    const { log } = await setup(1)
    const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], deadLetter: 'dead' })
    const [job] = await take(consumer, 1)
    const rejected = consumer.acknowledge(job as Job, 'reject')
    const { code } = await refused(consumer.acknowledge(job as Job, second))
    await rejected
    assert.is(code, 'INVALID_RECORD_STATE')
    assert.equal([await lettersOf(log), await lagOf(log)], [['0'], 0])
    await log.close()
  })
}

// Regression: it released the record between the two steps, so that it had a dead letter and came again.
for (const [which, turns] of [
  ['the consumer', 0],
  ['the consumer', 1],
  ['the log', 0],
  ['the log', 1],
] as const) {
  test(`a close of ${which} waits for a rejection that ${turns === 0 ? 'was just called' : 'is under way'}`, async () => {
    const { log, image, ...slow } = await slowSetup(1, { slow: 'dead' })
    const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], deadLetter: 'dead' })
    const [job] = await take(consumer, 1)
    const rejected = consumer.acknowledge(job as Job, 'reject').catch((error: unknown) => error)
    if (turns > 0) await settle()
    const closed = which === 'the log' ? log.close() : consumer.close()
    await settle()
    slow.let()
    assert.is(await rejected, undefined)
    await closed
    if (which === 'the consumer') await log.close()
    const again = await openLog(image.fork(), new FakePort())
    assert.equal([await lettersOf(again), await lagOf(again)], [['0'], 0])
    await again.close()
  })
}

test.run()
