// Records handled beside each other, and work that takes long: order by key, nothing lost.

import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, store } from '../../bindings/entry/node.ts'
import { test } from '../client/stores.ts'
import { until } from '../until.ts'
import { type Payment, payments, receipts, totals, values } from './support.ts'

test('concurrency: records of one key in order and one at a time, of several keys at once', async (open) => {
  const log = await open({ topics: [payments, receipts] })
  const records = Array.from({ length: 60 }, (_, index) => {
    return payments.record({ key: `k${index % 4}`, partition: 0, value: { account: `k${index % 4}`, amount: index } })
  })
  await log.producer().send(records)
  const running = new Set<string>()
  const seen = new Map<string, number[]>()
  let most = 0
  const processor = log.process({
    groupId: 'g',
    topics: [payments],
    concurrency: 3,
    async handle(record) {
      const { account, amount } = record.value as Payment
      assert.not(running.has(account), 'one key, one at a time')
      running.add(account)
      most = Math.max(most, running.size)
      await new Promise((resolve) => setImmediate(resolve))
      running.delete(account)
      seen.set(account, [...(seen.get(account) ?? []), amount])
    },
  })
  await until(() => [...seen.values()].flat().length === 60)
  await processor.close()
  assert.is(most, 3)
  for (const amounts of seen.values())
    assert.equal(
      amounts,
      [...amounts].sort((a, b) => a - b),
    )
  await log.close()
})

test('concurrency: records without a key have no order, and are handled beside each other', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.producer().send(Array.from({ length: 12 }, (_, index) => ({ topic: 'in', value: `${index}` })))
  const done: number[] = []
  let running = 0
  let most = 0
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    concurrency: 3,
    async handle({ offset }) {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      done.push(offset)
    },
  })
  await until(() => done.length === 12)
  await processor.close()
  assert.is(most, 3)
  assert.is(new Set(done).size, 12)
  await log.close()
})

/** Each record has counted, and none saw a total that another one saw: output has 1 to `count`, each once. */
async function assertEachTotalOnce(log: EmbeddedLog, count: number): Promise<void> {
  const seen = (await values<{ total: number }>(log, receipts)).map(({ total }) => total)
  assert.equal(
    seen.sort((a, b) => a - b),
    Array.from({ length: count }, (_, n) => n + 1),
  )
}

test('concurrency: records of different keys that change one key of the state lose nothing', async (open) => {
  const log = await open({ topics: [totals, receipts] })
  for (const name of ['in', 'none']) await log.admin.createTopic(name)
  const count = 40
  await log.producer().send(Array.from({ length: count }, (_, n) => ({ topic: 'in', key: `${n}`, value: '' })))
  const tries: number[] = []
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    concurrency: 4,
    deadLetter: 'none',
    state: { totals: store(totals) },
    async handle(record, { state, attempt }) {
      const first = (await state.totals.get('first')) ?? 0
      // So that others read and set the same state meanwhile, some sooner and some later.
      await new Promise((resolve) => setTimeout(resolve, record.offset % 3))
      const second = (await state.totals.get('second')) ?? 0
      tries.push(attempt)
      // Of two moments: never to be seen by what counts.
      if (first !== second) throw new RangeError('first and second are always changed together')
      state.totals.set('first', first + 1)
      state.totals.set('second', second + 1)
      return receipts.record({ value: { account: '', total: first + 1 } })
    },
  })
  await until(async () => (await values(log, receipts)).length === count)
  await processor.close()
  await assertEachTotalOnce(log, count)
  assert.ok(Math.max(...tries) > 1, 'they met')
  const table = await log.table(totals)
  assert.is(table.get('first'), count)
  await log.close()
})

test('concurrency: what a record sets by a value that another one has changed meanwhile does not count', async (open) => {
  const log = await open({ topics: [totals, receipts] })
  await log.admin.createTopic('in')
  const count = 40
  await log.producer().send(Array.from({ length: count }, (_, n) => ({ topic: 'in', key: `${n}`, value: '' })))
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    concurrency: 4,
    state: { totals: store(totals) },
    async handle(record, { state }) {
      const total = ((await state.totals.get('all')) ?? 0) + 1
      // So that others read and set the same state meanwhile, some sooner and some later.
      await new Promise((resolve) => setTimeout(resolve, record.offset % 3))
      state.totals.set('all', total)
      return receipts.record({ value: { account: '', total } })
    },
  })
  await until(async () => (await values(log, receipts)).length === count)
  await processor.close()
  await assertEachTotalOnce(log, count)
  await log.close()
})

for (const delivery of ['exactly-once', 'at-least-once'] as const) {
  for (const concurrency of [1, 3]) {
    test(`${delivery}, concurrency ${concurrency}: work that takes longer than a transaction and a poll may gets done`, async (_, openBroker) => {
      // Ten milliseconds of the clock are as long as it takes to handle a record.
      let time = 0
      const port = { ...nodePort, now: () => 1e12 + time, elapsed: () => time }
      const log = new BrokerLog(await openBroker(port), port)
      await log.admin.createTopic('in')
      const count = 100
      await log.producer().send(Array.from({ length: count }, (_, n) => ({ topic: 'in', key: `${n % 7}`, value: '' })))
      const times = { transactionTimeoutMs: 600, maxPollIntervalMs: 1000 }
      const handled: number[] = []
      const processor = log.process({
        ...{ groupId: 'g', topics: ['in'], delivery, concurrency, ...times },
        async handle({ offset }) {
          handled.push(offset)
          time += 10
          await new Promise((resolve) => setImmediate(resolve))
        },
      })
      const committed = async () => (await log.admin.describeGroup('g').catch(() => undefined))?.offsets[0]?.nextOffset
      await until(async () => (await committed()) === count)
      await processor.close()
      assert.equal(
        handled.sort((a, b) => a - b),
        Array.from({ length: count }, (_, n) => n),
      )
      await log.close()
    })
  }
}

test('a transaction is committed once half of its timeout was worked, whatever the group allows', async (_, openBroker) => {
  let time = 0
  const port = { ...nodePort, now: () => 1e12 + time, elapsed: () => time }
  const log = new BrokerLog(await openBroker(port), port)
  await log.admin.createTopic('in')
  const count = 60
  await log.producer().send(Array.from({ length: count }, () => ({ topic: 'in', value: '' })))
  let handled = 0
  const processor = log.process({
    ...{ groupId: 'g', topics: ['in'], transactionTimeoutMs: 200 },
    async handle() {
      handled++
      time += 10
      await new Promise((resolve) => setImmediate(resolve))
    },
  })
  const committed = async () => (await log.admin.describeGroup('g').catch(() => undefined))?.offsets[0]?.nextOffset
  await until(async () => (await committed()) === count)
  const epochs = (await log.admin.listTransactions()).map(({ producerEpoch }) => producerEpoch)
  assert.is(handled, count)
  assert.ok(Math.max(...epochs) >= 5, `${epochs} transactions`)
  await processor.close()
  await log.close()
})

test.run()
