// Consumers of a share group over a real log: one record to one of them, failing ones don't hold up the rest.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import {
  type EmbeddedLog,
  json,
  LogError,
  type ShareConsumer,
  type SharedRecordOf,
  string,
  topic,
} from '../../bindings/entry/node.ts'
import type { FileStore } from '../../bindings/storage/file-store.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { FakePort, settle } from './fake-port.ts'

const jobs = topic('jobs', { value: string, partitions: 2 })
const dead = topic('dead', { value: string })

interface Setup {
  readonly log: EmbeddedLog
  readonly port: FakePort
  readonly image: DirectoryImage
}

async function setup(count: number): Promise<Setup> {
  const [image, port] = [new DirectoryImage(), new FakePort()]
  const log = await openLog(image, port, { topics: [jobs, dead] })
  const records = Array.from({ length: count }, (_, at) => jobs.record({ value: `${at}`, partition: at % 2 }))
  if (count > 0) await log.producer().send(records)
  return { log, port, image }
}

type Job = SharedRecordOf<typeof jobs>

/** The next `count` records. */
async function take(consumer: ShareConsumer<typeof jobs>, count: number): Promise<Job[]> {
  const taken: Job[] = []
  for await (const record of consumer) if (taken.push(record) === count) break
  return taken
}

const values = (records: readonly Job[]) => records.map(({ value }) => Number(value)).sort((a, b) => a - b)
const range = (count: number) => Array.from({ length: count }, (_, at) => at)
const refused = (promise: Promise<unknown>) =>
  promise.then(
    (): never => {
      throw new Error('it was taken')
    },
    (error: unknown) => error as LogError,
  )

test('two consumers take each record once, from partitions that they share', async () => {
  const { log } = await setup(20)
  const [first, second] = [1, 2].map(() => log.shareConsumer({ groupId: 'g', topics: [jobs], maxRecords: 3 }))
  const taken = [...(await take(first as never, 10)), ...(await take(second as never, 7))]
  assert.is(new Set(values(taken)).size, 17)
  assert.ok(taken.every(({ deliveryCount }) => deliveryCount === 1))
  await log.close()
})

test('one that fails does not hold up those behind it, and comes again with its count', async () => {
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

test('no letter is written of a record whose lock ended, neither by a rejection nor by the last release', async () => {
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
    letters.push([value, text('oncelog-error'), text('oncelog-error-message'), text('oncelog-attempts')])
    if (letters.length === 2) break
  }
  assert.equal(letters, [
    ['1', 'RangeError', 'no such account', '1'],
    ['0', 'DeliveredTooOften', 'it was delivered as often as it may be', '2'],
  ])
  await log.producer().send(jobs.record({ value: '9' }))
  assert.equal(values(await rest), [9], 'neither comes again')
  await log.close()
})

test('the last release is a rejection: the letter tells its error, and nobody waits for the delay', async () => {
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

test('what a closed consumer held and nobody saw does not count; what it delivered is there for others at once', async () => {
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

test('records of aborted transactions and markers are nobody’s, and hold up nothing', async () => {
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

/** Files of the topic open only once they are let. */
function slowToOpen(image: DirectoryImage, name = 'jobs'): { readonly store: FileStore; let(): void } {
  let open = () => {}
  const isOpen = new Promise<void>((resolve) => {
    open = resolve
  })
  const store: FileStore = {
    capabilities: image.capabilities,
    open: (path, options) => {
      if (!path.startsWith(`${name}-`)) return image.open(path, options)
      return isOpen.then(() => image.open(path, options))
    },
    list: (directory) => image.list(directory),
    rename: (from, to) => image.rename(from, to),
    remove: (path) => image.remove(path),
    syncDirectory: () => image.syncDirectory(),
    lock: () => image.lock(),
    close: () => image.close(),
  }
  return { store, let: () => open() }
}

test('one that is left while its records are still being read counts none of them as not there', async () => {
  const { log: before, image } = await setup(6)
  await before.close()
  const slow = slowToOpen(image)
  const log = await openLog(slow.store, new FakePort())
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

test('a close while letters are being written ends the iteration, and loses none of their records', async () => {
  const { log: before, image } = await setup(4)
  const failing = before.shareConsumer({ groupId: 'g', topics: [jobs] })
  for (const job of await take(failing, 4)) await failing.acknowledge(job, 'release')
  await before.close()
  const slow = slowToOpen(image, 'dead')
  const log = await openLog(slow.store, new FakePort())
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

test('a letter is cut to what its topic takes', async () => {
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

test('what is deleted between its lock and its delivery is nobody’s, and holds up nothing', async () => {
  const { log } = await setup(0)
  const records = log.shareConsumer({ groupId: 'g', topics: [jobs] })[Symbol.asyncIterator]()
  const first = records.next()
  await settle()
  const producer = log.producer()
  await producer.send(jobs.record({ value: '0', partition: 0 }))
  // The lock waits for its delivery to be counted, and goes to the disk in one frame with the deletion.
  await log.admin.deleteRecords([{ topic: 'jobs', partition: 0, beforeOffset: -1 }])
  await producer.send(jobs.record({ value: '1', partition: 0 }))
  assert.is((await first).value?.value, '1')
  await log.close()
})

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

test('wrong calls are refused by name', async () => {
  const { log } = await setup(1)
  const wrong = [
    { topics: [jobs] },
    { groupId: 'g', topics: [] },
    { groupId: 'g', topics: [jobs], lockMs: 0 },
    { groupId: 'g', topics: [jobs], maxDeliveries: 1.5 },
    { groupId: 'g', topics: [jobs], maxRecords: 2001 },
    { groupId: 'g', topics: [jobs], deadLetter: 7 },
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
  await consumer.acknowledge(job as Job, 'accept')
  assert.ok(LogError.is(await refused(consumer.acknowledge(job as Job, 'accept')), 'INVALID_RECORD_STATE'))
  await log.close()
})

test('a group id that no record brings back is refused, and nothing stays of it', async () => {
  const { log } = await setup(1)
  for (const groupId of ['x'.repeat(40_000), 'half a pair \ud800']) {
    const refusal = await refused(take(log.shareConsumer({ groupId, topics: [jobs] }), 1))
    assert.ok(LogError.is(refusal, 'INVALID_GROUP_ID'), String(refusal))
  }
  assert.equal(await log.admin.listShareGroups(), [])
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

test.run()
