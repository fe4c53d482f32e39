// A signal outlives the calls that it is given to: a call that has ended, or an iteration that was dropped, no longer
// listens to it.
import { getEventListeners } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { FollowedTable } from '../../bindings/client/process/table.ts'
import { abortable } from '../../bindings/client/signals.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, openMemory, string, topic } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { held } from '../remote/support.ts'

const RECORDS = 3
const settings = topic('settings', { key: string, value: string })

interface Life {
  readonly log: EmbeddedLog
  readonly signal: AbortSignal
  abort(): void
  listeners(): number
}

async function begin(): Promise<Life> {
  const log = await openMemory()
  await log.admin.createTopic('t')
  await log.admin.createTopic('settings', { config: { 'cleanup.policy': 'compact' } })
  for (let index = 0; index < RECORDS; index++) await log.producer().send({ topic: 't', value: `${index}` })
  const controller = new AbortController()
  const { signal } = controller
  const listeners = () => getEventListeners(signal, 'abort').length
  return { log, signal, abort: () => controller.abort(new Error('given up')), listeners }
}

type Iterate = (life: Life) => AsyncIterator<unknown>

const ITERATIONS: Record<string, Iterate> = {
  read: ({ log, signal }) => log.read('t', { signal })[Symbol.asyncIterator](),
  'batches of a read': ({ log, signal }) =>
    log.read('t', { signal }).batches({ maxRecords: 1 })[Symbol.asyncIterator](),
  consumer: ({ log, signal }) => log.consumer({ groupId: 'g', topics: ['t'], signal })[Symbol.asyncIterator](),
  'batches of a consumer': ({ log, signal }) =>
    log
      .consumer({ groupId: 'g', topics: ['t'] })
      .batches({ maxRecords: 1, signal })
      [Symbol.asyncIterator](),
  'share consumer': ({ log, signal }) =>
    log.shareConsumer({ groupId: 'g', topics: ['t'], signal })[Symbol.asyncIterator](),
}

/** Waits until it listens for what comes next. */
async function untilListening(life: Life): Promise<void> {
  while (life.listeners() === 0) await new Promise((resolve) => setImmediate(resolve))
}

/** A signal of a program's own class, whose reason can't be had. */
class Unreasonable extends EventTarget {
  aborted = false

  get reason(): never {
    throw new Error('no reason')
  }

  abort(): void {
    this.aborted = true
    this.dispatchEvent(new Event('abort'))
  }
}

test('who waits for a signal hears of it, though the reason throws for who heard before', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  const signal = new Unreasonable()
  const next = () => log.read('t', { signal })[Symbol.asyncIterator]().next()
  const waits = [abortable(new Promise(() => {}), signal), next(), next()]
  const working = log.producer({ transactionalId: 'id' }).transaction(() => new Promise(() => {}), { signal })
  const told = Promise.allSettled([...waits, working])
  // Until all four wait for the signal.
  await new Promise((resolve) => setTimeout(resolve, 0))
  signal.abort()
  assert.equal(
    (await told).map((each) => `${(each as PromiseRejectedResult).reason}`),
    Array.from({ length: 4 }, () => 'Error: no reason'),
  )
  await log.close()
})

const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: unknown) => `${error}`,
  )

for (const [name, iterate] of Object.entries(ITERATIONS)) {
  test(`${name}: pulled by hand and never returned, it listens only while it waits`, async () => {
    const life = await begin()
    const iterator = iterate(life)
    for (let index = 0; index < RECORDS; index++) {
      assert.not((await iterator.next()).done)
      assert.is(life.listeners(), 0, `after item ${index}`)
    }
    const waiting = iterator.next()
    await untilListening(life)
    await life.log.producer().send({ topic: 't', value: 'more' })
    assert.not((await waiting).done)
    assert.is(life.listeners(), 0)
    await life.log.close()
    assert.is(life.listeners(), 0)
  })

  test(`${name}: an abort while it waits, and a close`, async () => {
    const aborted = await begin()
    const iterator = iterate(aborted)
    for (let index = 0; index < RECORDS; index++) await iterator.next()
    const waiting = failed(iterator.next())
    await untilListening(aborted)
    aborted.abort()
    assert.is(await waiting, 'Error: given up')
    assert.is(aborted.listeners(), 0)
    await aborted.log.close()

    const closed = await begin()
    const other = iterate(closed)
    for (let index = 0; index < RECORDS; index++) await other.next()
    const ending = failed(other.next())
    await untilListening(closed)
    await closed.log.close()
    await ending
    assert.is(closed.listeners(), 0)
  })
}

test('a read that fails, and one that ends', async () => {
  const life = await begin()
  const { log, signal } = life
  assert.match(await failed(log.read('gone', { signal })[Symbol.asyncIterator]().next()), /gone/)
  assert.is(life.listeners(), 0)
  for await (const _ of log.read('t', { signal, until: 'end' }));
  for await (const _ of log.read('t', { signal })) break
  assert.is(life.listeners(), 0)
  await log.close()
})

test('sends, flushes and transactions', async () => {
  const life = await begin()
  const { log, signal } = life
  const producer = log.producer({ lingerMs: 1 })
  const sent = producer.send({ topic: 't', value: 'x' }, { signal })
  await producer.flush({ signal })
  await sent
  await failed(producer.send({ topic: 'gone', value: 'x' }, { signal }))
  const transactional = log.producer({ transactionalId: 'x' })
  await transactional.transaction((each) => each.send({ topic: 't', value: 'y' }), { signal })
  await failed(transactional.transaction(() => Promise.reject(new Error('no')), { signal }))
  assert.is(life.listeners(), 0)
  await log.close()
})

test('however much waits for one signal, it has one listener, and each hears of the abort', async () => {
  const life = await begin()
  const { log, signal } = life
  const producer = log.producer({ bufferBytes: 1 })
  const sends = Array.from({ length: 20 }, () => producer.send({ topic: 't', value: 'x' }, { signal }))
  await untilListening(life)
  assert.is(life.listeners(), 1, 'sends')
  await Promise.all(sends)
  assert.is(life.listeners(), 0)
  const work = Array.from({ length: 20 }, async (_, index) => {
    for await (const _ of log.read('t', { signal, from: 'latest' })) assert.unreachable(`read ${index}`)
  })
  const processors = Array.from({ length: 20 }, (_, index) =>
    log.process({ groupId: `g${index}`, topics: ['t'], handle: async () => {}, signal }),
  )
  const outcomes = Promise.all([...work, ...processors.map(({ done }) => done)].map(failed))
  await untilListening(life)
  for (let turn = 0; turn < 50; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    assert.is(life.listeners(), 1)
  }
  life.abort()
  assert.equal([...new Set(await outcomes)], ['Error: given up'])
  assert.is(life.listeners(), 0)
  await log.close()
})

test('a table that is closed, whose topic goes, or whose log closes', async () => {
  for (const end of ['close', 'deleteTopic', 'log'] as const) {
    const life = await begin()
    const { log, signal } = life
    const table = await log.table(settings, { signal })
    assert.is(life.listeners(), 1, 'it follows')
    if (end === 'close') await table.close()
    else if (end === 'log') await log.close()
    else {
      await log.admin.deleteTopic('settings')
      const read = () => [...table.entries()]
      for (let isThere = true; isThere; ) {
        await new Promise((resolve) => setImmediate(resolve))
        try {
          read()
        } catch {
          isThere = false
        }
      }
    }
    assert.is(life.listeners(), 0, end)
    await log.close()
  }
})

test('a table whose signal aborts as it is handed out rejects, for nothing would end it', async () => {
  const { broker } = await held(new MemoryStore())
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('settings', { config: { 'cleanup.policy': 'compact' } })
  const controller = new AbortController()
  const aborting = Object.create(broker, {
    openReader: {
      value: () => {
        const reader = broker.openReader()
        const close = reader.close.bind(reader)
        reader.close = () => close().then(() => controller.abort(new Error('given up')))
        return reader
      },
    },
  }) as typeof broker
  const { signal } = controller
  const admin = { get: () => broker.admin }
  Object.defineProperty(aborting, 'admin', admin)
  const parts = { broker: aborting, port: nodePort, topic: settings as never, closed: () => {} }
  assert.is(await failed(FollowedTable.open(parts, { signal })), 'Error: given up')
  await log.close()
})

test('process and ingest: aborted, closed, failed', async () => {
  for (const kind of ['process', 'ingest'] as const) {
    for (const end of ['abort', 'close', 'fail'] as const) {
      const life = await begin()
      const { log, signal } = life
      let isCalled = false
      const work = async () => {
        isCalled = true
        if (end === 'fail') throw new Error('no')
      }
      async function* rows() {
        await work()
        yield { position: 1, records: [] }
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      }
      const processor =
        kind === 'process'
          ? log.process({ groupId: 'g', topics: ['t'], handle: work, retries: 0, signal })
          : log.ingest({ source: 's', read: rows, signal })
      const before = life.listeners()
      const done = failed(processor.done)
      while (!isCalled) await new Promise((resolve) => setImmediate(resolve))
      assert.ok(before >= 1)
      if (end === 'abort') life.abort()
      if (end === 'close') await processor.close()
      await done
      // What the program's own rows wait for is theirs.
      const own = kind === 'ingest' && end === 'close' ? 1 : 0
      assert.is(life.listeners(), own, `${kind}, ${end}`)
      await log.close()
    }
  }
})

test('what is no longer waited for because of an abort fails for nobody', async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  const late = new Promise((_, reject) => setImmediate(() => reject(new Error('late'))))
  assert.is(await failed(abortable(late, AbortSignal.abort(new Error('before')))), 'Error: before')
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  assert.equal(unhandled, [])
})

test.run()
