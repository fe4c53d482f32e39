// Somebody sets the clock, or the machine sleeps: time limits count the time that passes.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { openMemory, string, topic } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort, settle } from '../client/fake-port.ts'
import { failure } from '../client/support.ts'
import { DirectoryImage } from '../damage/directory-image.ts'

const HOUR_MS = 3_600_000

for (const [how, jumpMs] of [
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
] as const) {
  test(`an hour ${how}: a transaction has its timeout all the same (P27)`, async () => {
    const port = new FakePort()
    const log = await openLog(new MemoryStore(), port)
    await log.admin.createTopic('t')
    const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 5000 })
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'x' })
    const state = async () => (await log.admin.listTransactions())[0]?.state
    await port.advance(2000)
    port.jump(jumpMs)
    await port.advance(2900)
    assert.is(await state(), 'Ongoing')
    await port.advance(200)
    assert.is(await state(), 'CompleteAbort')
    await failure('TRANSACTION_ABORTABLE', () => transaction.commit())
    await log.close()
  })

  test(`an hour ${how}: a member has its maxPollIntervalMs all the same`, async () => {
    const port = new FakePort()
    const log = await openLog(new MemoryStore(), port)
    await log.admin.createTopic('t')
    await log.producer().send({ topic: 't', value: 'x' })
    const consumer = log.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: 5000 })
    const iteration = consumer[Symbol.asyncIterator]()
    await iteration.next()
    await port.advance(2000)
    port.jump(jumpMs)
    await port.advance(2900)
    const members = async () => (await log.admin.describeGroup('g')).members.length
    assert.is(await members(), 1)
    await port.advance(200)
    await settle()
    assert.is(await members(), 0)
    await log.close()
  })
}

/** Somebody sets the clock back in the midst of an operation, of those since it was told to count. */
class SetBackStore extends MemoryStore {
  readonly #port: FakePort
  /** Operations that are left until then. */
  left: number = Number.POSITIVE_INFINITY

  constructor(port: FakePort) {
    super()
    this.#port = port
  }

  override open(path: string, options: { readonly create: boolean }) {
    const file = super.open(path, options)
    if (file === undefined) return undefined
    for (const operation of ['read', 'write', 'flush', 'size'] as const) {
      const own = file[operation].bind(file) as (...given: unknown[]) => unknown
      file[operation] = (...given: unknown[]) => {
        if (--this.left === 0) this.#port.jump(-HOUR_MS)
        return own(...given) as never
      }
    }
    return file
  }
}

// The timer was set by the deadline as it had been before, an hour late where nothing else came.
test('an hour back in the middle of any operation of a send: its transaction has its timeout all the same', async () => {
  let hasJumped = true
  for (let at = 1; hasJumped; at++) {
    const port = new FakePort()
    const store = new SetBackStore(port)
    const log = await openLog(store, port)
    await log.admin.createTopic('t')
    const transaction = await log.producer({ transactionalId: 'id', transactionTimeoutMs: 5000 }).beginTransaction()
    store.left = at
    await transaction.send({ topic: 't', value: 'x' })
    await settle()
    hasJumped = store.left <= 0
    store.left = Number.POSITIVE_INFINITY
    await port.advance(5200)
    assert.is((await log.admin.listTransactions())[0]?.state, 'CompleteAbort', `operation ${at}`)
    await log.close()
    assert.ok(at > 3 || hasJumped)
  }
})

test('a clock that a program put in its place, with fractions or with no time at all, takes nothing along', async () => {
  const real = Date.now
  const log = await openMemory({ topics: [topic('t', { value: string })] })
  try {
    const [before, producer] = [Date.now(), log.producer()]
    const transactional = log.producer({ transactionalId: 'id' })
    for (const time of [before + 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -1]) {
      Date.now = () => time
      const { timestamp } = await producer.send({ topic: 't', value: 'x' })
      assert.ok(Number.isSafeInteger(timestamp) && timestamp >= before && timestamp <= before + 60_000, `${time}`)
      await transactional.transaction((scope) => scope.send({ topic: 't', value: 'x' }))
      await log.admin.setOffsets('g', [{ topic: 't', partition: 0, nextOffset: 1 }])
    }
    assert.equal(await log.verify(), [])
  } finally {
    Date.now = real
    await log.close()
  }
})

/** Time passes in fractions of a millisecond, as performance.now() tells it; the wall clock has none. */
class FractionPort extends FakePort {
  #reads = 0

  override elapsed(): number {
    return super.elapsed() + (this.#reads++ % 8) / 8
  }
}

test('the clock is set in the middle of a transaction: it can be committed', async () => {
  const port = new FractionPort()
  const log = await openLog(new MemoryStore(), port)
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id' })
  for (let round = 0; round < 8; round++) {
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'x' })
    port.jump(HOUR_MS)
    await transaction.commit()
  }
  await log.close()
})

const DAY_MS = 24 * HOUR_MS
const at = { topic: 't', partition: 0 }

for (const [how, jumpMs] of [
  ['back a day', -DAY_MS],
  ['ahead a year', 365 * DAY_MS],
] as const) {
  test(`${how} while a log is open: records have the time of their append, and are found by it`, async () => {
    const port = new FakePort()
    const disk = new DirectoryImage()
    const log = await openLog(disk, port)
    await log.admin.createTopic('t', { config: { 'segment.ms': HOUR_MS, 'index.interval.bytes': 0 } })
    const producer = log.producer()
    const send = (value: string) => producer.send({ topic: 't', value })
    const before = await send('before')
    port.jump(jumpMs)
    const jumped = await send('jumped')
    assert.equal([jumped.offset, jumped.timestamp], [1, before.timestamp + jumpMs])
    port.jump(-jumpMs)
    await port.advance(1000)
    const after = await send('after')
    assert.equal([after.offset, after.timestamp], [2, before.timestamp + 1000])
    const firstFrom = async (timestamp: number) => (await log.admin.offsetsForTimestamp([at], timestamp))[0]?.nextOffset
    // The first in offset order whose time is not before, however times go up and down.
    const times = [before, jumped, after].map(({ timestamp }) => timestamp)
    for (const time of times.flatMap((each) => [each - 1, each, each + 1])) {
      const expected = times.findIndex((each) => each >= time)
      assert.is(await firstFrom(time), expected < 0 ? 3 : expected, `${time - before.timestamp} ms after the first`)
    }
    await log.close()
    // Only record time rolls (Kafka's rule): ahead by more than segment.ms it does, back it never does.
    const segments = disk.list('t-0').filter((name) => name.endsWith('.log')).length
    assert.is(segments, jumpMs > 0 ? 2 : 1)
    const again = await openLog(disk, port)
    assert.equal(await again.admin.offsetsForTimestamp([at], before.timestamp + 1), [
      { ...at, nextOffset: jumpMs > 0 ? 1 : 2 },
    ])
    await again.close()
  })

  test(`${how}: what lingers goes out, the producer is known, a reader is told, lag counts records`, async () => {
    const port = new FakePort()
    const log = await openLog(new MemoryStore(), port)
    await log.admin.createTopic('t')
    const producer = log.producer({ lingerMs: 100 })
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const iteration = consumer[Symbol.asyncIterator]()
    const seen = iteration.next()
    const sending = producer.send({ topic: 't', value: '0' })
    await settle()
    port.jump(jumpMs)
    await port.advance(101)
    assert.is((await sending).offset, 0)
    assert.is((await seen).value?.offset, 0)
    const next = producer.send({ topic: 't', value: '1' })
    await port.advance(101)
    assert.is((await next).offset, 1)
    // A partition that had forgotten it would tell: the producer goes on in its sequence.
    const [known] = await log.admin.describeProducers([at])
    assert.equal(
      known?.producers.map(({ producerEpoch, lastSequence }) => [producerEpoch, lastSequence]),
      [[0, 1]],
    )
    assert.equal([...(await consumer.lag()).values()], [1])
    await consumer.close()
    await log.close()
  })
}

test.run()
