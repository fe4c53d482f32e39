// One frame decides a transaction: over files it has room for as many partitions, and as many committed offsets, as
// docs/limits.md says.
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError, openMemory, type TransactionScope } from '../../bindings/entry/node.ts'

const PARTITIONS = 2000
const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8')

/** What the page says about one of them. */
function told(pattern: RegExp): number {
  return Number(pattern.exec(page)?.[1]?.replace(',', ''))
}

/** What the page says goes in together, and hardly more, one by one. */
async function assertMost(said: number, take: (from: number, to: number) => Promise<unknown>): Promise<void> {
  await take(0, said)
  for (let count = said; count < said * 1.05; count++) {
    try {
      await take(count, count + 1)
    } catch (error) {
      assert.ok(LogError.is(error, 'RECORD_LIST_TOO_LARGE'), String(error))
      return
    }
  }
  assert.unreachable(`more than ${said}, which is what the page says`)
}

const places = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({ topic: 't', partition: from + index }))

test('partitions: as many as the page says commit together', async () => {
  const said = told(/partitions of a transaction \| ([\d,]+) over files/)
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions: PARTITIONS })
  const producer = log.producer({ transactionalId: 'x' })
  const send = (each: TransactionScope, from: number, to: number) =>
    each.send(places(from, to).map((place) => ({ ...place, value: 'x' })))
  await producer.transaction((each) => send(each, 0, said))
  const full = await producer.beginTransaction()
  await assertMost(said, (from, to) => send(full, from, to))
  await full.abort()
  let seen = 0
  for await (const _ of log.read('t', { until: 'end' })) seen++
  assert.is(seen, said)
  await log.close()
})

test('committed offsets: as many as the page says commit together', async () => {
  const said = told(/([\d,]+) committed offsets/)
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions: PARTITIONS })
  await log.producer().send(places(0, PARTITIONS).map((place) => ({ ...place, value: 'x' })))
  const consumer = log.consumer({ groupId: 'ten-orders', topics: ['t'] })
  await consumer[Symbol.asyncIterator]().next()
  const producer = log.producer({ transactionalId: 'x' })
  const sendOffsets = (each: TransactionScope, from: number, to: number) =>
    each.sendOffsets(
      consumer,
      places(from, to).map((place) => ({ ...place, nextOffset: 1 })),
      { allowSkip: true },
    )
  await producer.transaction((each) => sendOffsets(each, 0, said))
  const full = await producer.beginTransaction()
  await assertMost(said, (from, to) => sendOffsets(full, from, to))
  await full.abort()
  const { offsets } = await log.admin.describeGroup('ten-orders')
  assert.is(offsets.filter(({ nextOffset }) => nextOffset === 1).length, said)
  await consumer.close()
  await log.close()
})

// Regression: it ended, and did so again after each start, as nothing sets how many rows a transaction of it takes.
test('ingest: rows for more than that go in several transactions, up to one that alone has too many', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t', { partitions: PARTITIONS })
  const row = (position: number, from: number, to: number) => {
    return { position, records: places(from, to).map((place) => ({ ...place, value: `${position}` })) }
  }
  const reads: (number | undefined)[] = []
  const ingest = log.ingest<number>({
    source: 'db',
    async *read(after) {
      reads.push(after)
      yield* [row(1, 0, 900), row(2, 900, PARTITIONS), row(3, 0, 900), row(4, 0, PARTITIONS), row(5, 0, 1)]
    },
  })
  const error = await ingest.done.catch((reason: unknown) => reason)
  assert.ok(LogError.is(error, 'RECORD_LIST_TOO_LARGE'), String(error))
  const counts = new Map<string, number>()
  for await (const { value } of log.read('t', { until: 'end' })) {
    const position = new TextDecoder().decode(value ?? undefined)
    counts.set(position, (counts.get(position) ?? 0) + 1)
  }
  assert.equal(Object.fromEntries(counts), { 1: 900, 2: PARTITIONS - 900, 3: 900 })
  const next = log.ingest<number>({
    source: 'db',
    async *read(after) {
      reads.push(after)
      yield* []
    },
  })
  await next.done
  assert.equal(reads, [undefined, 3])
  await log.close()
})

test.run()
