// ingest: a foreign store's rows, each once, whatever ends in the middle.
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type IngestItem, type Log, LogError } from '../../bindings/entry/node.ts'
import { FakePort, settle } from '../client/fake-port.ts'
import { test } from '../client/stores.ts'
import { gate } from '../client/support.ts'
import { until } from '../until.ts'
import { fetchesOf } from './support.ts'

async function* rows(after: number | undefined, to: number, failAt = -1): AsyncGenerator<IngestItem<number>> {
  for (let id = (after ?? 0) + 1; id <= to; id++) {
    if (id === failAt) throw new RangeError(`row ${id}`)
    yield { position: id, records: { topic: 'orders', key: `${id}`, value: `row ${id}` } }
  }
}

async function ids(log: Log): Promise<number[]> {
  const seen: number[] = []
  for await (const { key } of log.read('orders', { until: 'end' })) seen.push(Number(Buffer.from(key ?? []).toString()))
  return seen
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

test('rows come once, over runs that end, fail and are closed', async (open) => {
  const log = await open()
  await log.admin.createTopic('orders')
  const starts: (number | undefined)[] = []
  const run = (to: number, failAt = -1) =>
    log.ingest<number>({
      source: 'db',
      read(after) {
        starts.push(after)
        return rows(after, to, failAt)
      },
    })
  await run(1500).done
  assert.equal(await ids(log), upTo(1500))
  const failed = await run(3000, 1800).done.catch((error: unknown) => error)
  assert.ok(failed instanceof RangeError)
  const before = (await ids(log)).length
  assert.ok(before >= 1500 && before < 1800)
  await run(2000).done
  assert.equal(await ids(log), upTo(2000))
  assert.equal(starts, [undefined, 1500, before === 1500 ? 1500 : before])
  await log.close()
})

test('a position without records is kept too; a record that is refused ends the run', async (open) => {
  const log = await open()
  const starts: (number | undefined)[] = []
  const run = (item: IngestItem<number>) => {
    return log.ingest<number>({
      source: 'db',
      async *read(after) {
        starts.push(after)
        yield item
      },
    }).done
  }
  await run({ position: 7, records: [] })
  const refused = await run({ position: 8, records: { topic: 'nowhere', value: 'x' } }).catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'UNKNOWN_TOPIC_OR_PARTITION'), String(refused))
  await run({ position: 9, records: [] })
  assert.equal(starts, [undefined, 7, 7])
  await log.close()
})

test('a source that waits for rows is written as far as it came, and can be closed', async (open) => {
  const log = await open()
  await log.admin.createTopic('orders')
  const ingest = log.ingest<number>({
    source: 'db',
    async *read(after) {
      yield* rows(after, 3)
      await new Promise(() => {})
    },
  })
  await until(async () => (await ids(log)).length >= 3)
  await ingest.close()
  await ingest.done
  await log.close()
})

test('two of one source: the newer one ends the older', async (open) => {
  const log = await open()
  await log.admin.createTopic('orders')
  const held = gate()
  const older = log.ingest<number>({
    source: 'db',
    async *read(after) {
      yield* rows(after, 2)
      await held.opened
      yield* rows(2, 4)
    },
  })
  await until(async () => (await ids(log)).length >= 2)
  await log.ingest<number>({ source: 'db', read: (after) => rows(after, 6) }).done
  held.open()
  const error = await older.done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(error, 'PRODUCER_FENCED'), String(error))
  assert.match(error.message, 'a newer ingest has the source "db"')
  assert.is(error.details['source'], 'db')
  assert.equal(await ids(log), upTo(6))
  await log.close()
})

test('a newer run goes on behind what the older one commits until the newer one has fenced it', async (_, openBroker) => {
  const broker = await openBroker()
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('orders')
  const begun = gate()
  const held = gate()
  const older = log.ingest<number>({
    source: 'db',
    async *read(after) {
      yield* rows(after, 2)
      begun.open()
      await held.opened
      yield* rows(2, 4)
    },
  })
  await begun.opened
  const openProducer = broker.openTransactionalProducer.bind(broker)
  broker.openTransactionalProducer = async (options) => {
    held.open()
    await older.done
    return openProducer(options)
  }
  const starts: (number | undefined)[] = []
  const read = (after: number | undefined) => {
    starts.push(after)
    return rows(after, 6)
  }
  await log.ingest<number>({ source: 'db', read }).done
  assert.equal(starts, [4])
  assert.equal(await ids(log), upTo(6))
  await log.close()
})

test('a source finds its last position while another one has a transaction open before it', async (_, openBroker) => {
  const broker = await openBroker()
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('orders')
  // What the transaction of another source looks like while its commit is on its way.
  const other = await broker.openTransactionalProducer({ transactionalId: 'other', timeoutMs: 60_000 })
  const append = async () => {
    const sends = await other.begin()
    const place = { topic: '__oncelog_positions', partition: 0, producerEpoch: sends.producerEpoch, baseSequence: 0 }
    const record = { key: Buffer.from('other'), value: '1', timestamp: undefined, headers: undefined }
    await sends.append({ ...place, acks: 'all', records: [record] })
  }
  const starts: (number | undefined)[] = []
  const run = (to: number, before = async () => {}) =>
    log.ingest<number>({
      source: 'db',
      async *read(after) {
        starts.push(after)
        await before()
        yield* rows(after, to)
      },
    })
  // Its position lies after the other one's record, which committed readers don't reach yet.
  await run(3, append).done
  const fetches = fetchesOf(broker, '__oncelog_positions')
  const again = run(5)
  await until(() => fetches() > 0 || starts.length > 1)
  await other.commit()
  await again.done
  assert.equal(starts, [undefined, 3])
  assert.equal(await ids(log), upTo(5))
  await append()
  await run(5).close()
  await log.close()
})

test('after a transaction that failed the source is read anew, and the read before is told to end', async (_, openBroker) => {
  const broker = await openBroker()
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('orders')
  const waiting = new Set<number>()
  let reads = 0
  const openProducer = broker.openTransactionalProducer.bind(broker)
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    const commit = session.commit.bind(session)
    session.commit = () =>
      reads === 1 ? Promise.reject(new LogError('TRANSACTION_ABORTABLE', 'by the test')) : commit()
    return session
  }
  const ingest = log.ingest<number>({
    source: 'db',
    async *read(after, signal) {
      const number = ++reads
      yield* rows(after, 2 * number)
      // As a program waits for new rows: until it is told not to.
      waiting.add(number)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      waiting.delete(number)
    },
  })
  // The second read comes RETRY_MS after the first one: background work, that only the runner's own limit ends.
  await until(async () => (await ids(log)).length >= 4)
  assert.equal([...waiting], [2])
  await ingest.close()
  assert.equal([...waiting], [])
  assert.equal(await ids(log), upTo(4))
  await log.close()
})

test('of two runs of a source the newer one goes on, where the older one reads anew after a transaction that failed', async (_, openBroker) => {
  const port = new FakePort()
  const broker = await openBroker(port)
  const log = new BrokerLog(broker, port)
  await log.admin.createTopic('orders')
  const openProducer = broker.openTransactionalProducer.bind(broker)
  let isFailing = true
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    const commit = session.commit.bind(session)
    session.commit = () => (isFailing ? Promise.reject(new LogError('TRANSACTION_ABORTABLE', 'by the test')) : commit())
    return session
  }
  const older = log.ingest<number>({ source: 'db', read: (after) => rows(after, 9) })
  const fenced = older.done.catch((error: unknown) => error)
  // Before RETRY_MS are over.
  await port.advance(50)
  isFailing = false
  const held = gate()
  const newer = log.ingest<number>({
    source: 'db',
    async *read(after) {
      yield* rows(after, 2)
      await held.opened
      yield* rows(2, 4)
    },
  })
  await port.advance(20)
  assert.equal(await ids(log), upTo(2))
  await port.advance(1000)
  assert.ok(LogError.is(await fenced, 'PRODUCER_FENCED'))
  held.open()
  await port.advance(20)
  await newer.done
  assert.equal(await ids(log), upTo(4))
  await log.close()
})

test('a source without rows for a week goes on, unless a newer run of it came', async (_, openBroker) => {
  const port = new FakePort()
  const log = new BrokerLog(await openBroker(port), port)
  await log.admin.createTopic('orders', { config: { 'retention.ms': -1 } })
  const starts: (number | undefined)[] = []
  const started = (to: number) => {
    const held = gate()
    const { done } = log.ingest<number>({
      source: 'db',
      async *read(after) {
        starts.push(after)
        if (after === undefined) yield* rows(0, 2)
        await held.opened
        yield* rows(after ?? 2, to)
      },
    })
    return { done, release: held.open }
  }
  const HOUR_MS = 3_600_000
  const aWeek = async () => {
    // Ids are looked through once an hour.
    for (let hour = 0; hour < 24 * 7 + 2; hour++) await port.advance(HOUR_MS)
    assert.equal(await log.admin.listTransactions(), [])
  }
  const first = started(4)
  for (let turn = 0; turn < 20; turn++) await port.advance(10)
  await aWeek()
  first.release()
  for (let turn = 0; turn < 20; turn++) await port.advance(100)
  await first.done
  assert.equal(await ids(log), upTo(4))
  assert.equal(starts, [undefined, 2])

  const older = started(6)
  for (let turn = 0; turn < 20; turn++) await port.advance(10)
  await aWeek()
  const newer = started(6)
  for (let turn = 0; turn < 20; turn++) await port.advance(10)
  older.release()
  const ended = older.done.catch((error: unknown) => error)
  for (let turn = 0; turn < 20; turn++) await port.advance(100)
  const error = await ended
  assert.ok(LogError.is(error, 'PRODUCER_FENCED'), String(error))
  newer.release()
  for (let turn = 0; turn < 20; turn++) await port.advance(100)
  await newer.done
  assert.equal(await ids(log), upTo(6))
  await log.close()
})

// Regression: it was taken in the middle of a transaction, and refused at its end.
test('an item without a position is refused wherever it stands', async (open) => {
  const log = await open()
  await log.admin.createTopic('orders')
  const item = { position: undefined as never, records: { topic: 'orders', value: 'x' } }
  const ingest = log.ingest<number>({
    source: 'db',
    async *read() {
      yield item
      yield { ...item, position: 2 }
    },
  })
  const error = await ingest.done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(error, 'INVALID_REQUEST'), String(error))
  assert.equal(await ids(log), [])
  await log.close()
})

test('a position that no JSON holds, or a source without a name, is refused', async (open) => {
  const log = await open()
  await log.admin.createTopic('orders')
  const error = await log
    .ingest<number>({
      source: 'db',
      async *read() {
        yield { position: Number.NaN, records: [] }
      },
    })
    .done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(error, 'INVALID_REQUEST'), String(error))
  for (const bad of [
    { source: '' },
    { source: 5 },
    { source: '\ud800' },
    { source: 'x'.repeat(32_753) },
    { read: 5 },
  ]) {
    let thrown: unknown
    try {
      log.ingest({ source: 's', read: () => rows(0, 0), ...bad } as never)
    } catch (failed) {
      thrown = failed
    }
    assert.ok(LogError.is(thrown, 'INVALID_REQUEST'), JSON.stringify(bad))
  }
  const listed = await log.ingest({ source: 's', read: () => [] as never }).done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(listed, 'INVALID_REQUEST'), String(listed))
  await log.close()
})

test('a source whose iterator ends without a promise works too', async (open) => {
  const log = await open()
  await log.admin.createTopic('orders')
  let left = 1
  const iterator = {
    next: async () =>
      left-- > 0 ? { value: { position: 1, records: { topic: 'orders', value: 'x' } } } : { done: true },
    return: () => ({ done: true }),
  }
  await log.ingest({ source: 's', read: () => ({ [Symbol.asyncIterator]: () => iterator }) as never }).done
  assert.is((await log.admin.offsets([{ topic: 'orders', partition: 0 }]))[0]?.lastStableOffset, 2)
  await log.close()
})

// A batch is filled where nobody waits: it was an unhandled rejection, which ends the program.
test('what an iterator made by hand throws, or gives in place of a result, ends it as what it rejects with does', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const unhandled: unknown[] = []
  const hear = (error: unknown) => void unhandled.push(error)
  process.on('unhandledRejection', hear)
  const mine = new Error('of the program')
  for (const how of ['throws', 'gives none'] as const) {
    let rows = 0
    const next = () => {
      if (++rows <= 3) {
        const records = { topic: 't', value: `${how} ${rows}` }
        return Promise.resolve({ done: false, value: { position: rows, records } })
      }
      // It throws once: if it were asked again, it would go on with the next row.
      if (rows === 4 && how === 'throws') throw mine
      return Promise.resolve(undefined)
    }
    const read = () => ({ [Symbol.asyncIterator]: () => ({ next }) }) as never
    const ended = await log.ingest({ source: how, read }).done.catch((error: unknown) => error)
    if (how === 'throws') assert.is(ended, mine)
    else assert.instance(ended, TypeError)
  }
  await settle()
  process.off('unhandledRejection', hear)
  assert.equal(unhandled, [])
  const seen: string[] = []
  for await (const { value } of log.read('t', { until: 'end' })) seen.push(new TextDecoder().decode(value ?? undefined))
  assert.equal(
    seen,
    ['throws', 'gives none'].flatMap((how) => [1, 2, 3].map((row) => `${how} ${row}`)),
  )
  await log.close()
})

// Regression: the source was read again and again, ten times a second and without a word.
test('what read fails with ends it as it was thrown, an error of a log that would pass too', async (open) => {
  const log = await open()
  await log.admin.createTopic('orders')
  for (const code of [
    'NETWORK_EXCEPTION',
    'STORAGE_FULL',
    'TRANSACTION_ABORTABLE',
    'INVALID_PRODUCER_ID_MAPPING',
  ] as const) {
    const mine = new LogError(code, 'of another log')
    let reads = 0
    const failing = (rowsBefore: number) => {
      // Fails here: a source that is read again and again would keep the test from ending.
      if (++reads === 3) throw new Error('read too often')
      return (async function* () {
        yield* rows(0, rowsBefore)
        throw mine
      })()
    }
    for (const rowsBefore of [0, 2]) {
      reads = 0
      const { done } = log.ingest<number>({ source: `${code} ${rowsBefore}`, read: () => failing(rowsBefore) })
      assert.is(await done.catch((error: unknown) => error), mine)
      assert.is(reads, 1)
    }
    const atOnce = () => {
      throw mine
    }
    assert.is(await log.ingest<number>({ source: code, read: atOnce }).done.catch((error: unknown) => error), mine)
  }
  assert.is((await ids(log)).length, 8, 'the rows before it are there')
  await log.close()
})

test.run()
