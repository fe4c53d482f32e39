// process: output, state and offsets together or not at all; partitions that move; what it refuses.

import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, json, LogError, store, string, topic, unchecked } from '../../bindings/entry/node.ts'
import { type OpenLog, test } from '../client/stores.ts'
import { until } from '../until.ts'
import { expected, fetchesOf, opened, type Payment, payments, receipts, totals, values } from './support.ts'

const options = { groupId: 'settle', topics: [payments], state: { totals: store(totals) } } as const

test('state, output and offsets of every record, once, over processors that come and go', async (open) => {
  const log = await opened(open, 500)
  let handled = 0
  const start = () =>
    log.process({
      ...options,
      async handle(record, { state }) {
        const { account, amount } = record.value as Payment
        const total = ((await state.totals.get(account)) ?? 0) + amount
        state.totals.set(account, total)
        // Some fail in the middle of a batch: what they did counts for nothing.
        if (++handled % 97 === 0) throw new Error('planted')
        return receipts.record({ value: { account, total } })
      },
      retries: 1,
    })
  for (let round = 0; round < 4; round++) {
    const processor = start()
    await new Promise((resolve) => setTimeout(resolve, 5))
    await processor.close()
    await processor.done
  }
  const last = start()
  await until(async () => (await values(log, receipts)).length === 500)
  await last.close()
  assert.is((await values(log, receipts)).length, 500)
  const table = await log.table(totals)
  assert.equal(new Map(table.entries()), expected(500))
  assert.is(table.get('a3'), expected(500).get('a3'))
  await table.close()
  await log.close()
})

/** A log in which every other commit of a transaction is refused, after its sends. */
function openWith(broker: EmbeddedBroker): OpenLog {
  const openProducer = broker.openTransactionalProducer.bind(broker)
  let commits = 0
  broker.openTransactionalProducer = async (settings) => {
    const session = await openProducer(settings)
    const commit = session.commit.bind(session)
    const refuse = () => Promise.reject(new LogError('MEMORY_CAP_REACHED', 'planted'))
    session.commit = () => (++commits % 2 === 1 ? refuse() : commit())
    return session
  }
  return async ({ topics = [] } = {}) => {
    const log = new BrokerLog(broker, nodePort)
    for (const { name, partitions, config } of topics) await log.admin.createTopic(name, { partitions, config })
    return log as unknown as EmbeddedLog
  }
}

test('a batch whose transaction failed comes again, and nothing of its first run is left', async (_, openBroker) => {
  const log = await opened(openWith(await openBroker()), 60)
  let handled = 0
  const processor = log.process({
    ...options,
    async handle(record, { state }) {
      const { account, amount } = record.value as Payment
      const total = ((await state.totals.get(account)) ?? 0) + amount
      state.totals.set(account, total)
      handled++
      return receipts.record({ value: { account, total } })
    },
  })
  await until(async () => (await values(log, receipts)).length >= 60)
  await processor.close()
  assert.ok(handled > 60, 'batches came again')
  assert.is((await values(log, receipts)).length, 60)
  const table = await log.table(totals)
  assert.equal(new Map(table.entries()), expected(60))
  await table.close()
  await log.close()
})

test('state of a transaction that was not committed is not in the changelog either', async (open) => {
  const log = await opened(open, 1)
  const processor = log.process({
    ...options,
    async handle(record, { state }) {
      state.totals.set((record.value as Payment).account, 1)
      return { topic: 'nowhere', value: 'x' }
    },
  })
  const error = await processor.done.catch((each: unknown) => each)
  assert.ok(LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION'), String(error))
  assert.equal(await values(log, totals), [])
  await log.close()
})

test('several processors of a group share the partitions, each with the state of its own', async (open) => {
  const log = await opened(open, 300)
  const workers = Array.from({ length: 3 }, () => {
    return log.process({
      ...options,
      async handle(record, { state }) {
        const { account, amount } = record.value as Payment
        state.totals.set(account, ((await state.totals.get(account)) ?? 0) + amount)
        return receipts.record({ value: { account, total: 0 } })
      },
    })
  })
  await until(async () => (await values(log, receipts)).length >= 300)
  await Promise.all(workers.map((worker) => worker.close()))
  assert.is((await values(log, receipts)).length, 300)
  const table = await log.table(totals)
  assert.equal(new Map(table.entries()), expected(300))
  await log.close()
})

test('state is whole though anybody has a transaction open in its changelog', async (_, openBroker) => {
  const broker = await openBroker()
  const restores = fetchesOf(broker, totals.name)
  const log = new BrokerLog(broker, nodePort)
  for (const { name, partitions, config } of [receipts, totals])
    await log.admin.createTopic(name, { partitions, config })
  await log.admin.createTopic('in')
  const producer = log.producer()
  const start = () =>
    log.process({
      groupId: 'g',
      topics: ['in'],
      state: { totals: store(totals) },
      async handle(_record, { state }) {
        const total = ((await state.totals.get('a')) ?? 0) + 1
        state.totals.set('a', total)
        return receipts.record({ value: { account: 'a', total } })
      },
    })
  const seen = async () => (await values<{ total: number }>(log, receipts)).map(({ total }) => total)
  const first = start()
  await producer.send({ topic: 'in', value: '' })
  await until(async () => (await seen()).length === 1)
  const other = await log.producer({ transactionalId: 'other' }).beginTransaction()
  await other.send({ ...totals.record({ key: 'b', value: 1 }), partition: 0 })
  await producer.send({ topic: 'in', value: '' })
  await until(async () => (await seen()).length === 2)
  await first.close()
  // One is closed while it waits, another one waits until the end.
  const before = restores()
  const second = start()
  await producer.send({ topic: 'in', value: '' })
  await until(() => restores() > before)
  await second.close()
  const between = restores()
  const third = start()
  await until(async () => restores() > between || (await seen()).length === 3)
  await other.commit()
  await until(async () => (await seen()).length === 3)
  await third.close()
  assert.equal(await seen(), [1, 2, 3])
  await log.close()
})

test('inputs of one state have equal partitions, at the start and at every assignment', async (open) => {
  const log = await open({ topics: [totals] })
  await log.admin.createTopic('a', { partitions: 2 })
  await log.admin.createTopic('b', { partitions: 1 })
  const start = () => {
    const topics = ['a', 'b']
    return log.process({ groupId: 'g', topics, state: { totals: store(totals) }, handle: async () => {} })
  }
  const refusal = async (processor: { done: Promise<void> }) => {
    const error = await processor.done.catch((failed: unknown) => failed)
    assert.ok(LogError.is(error, 'INVALID_CONFIG'), String(error))
  }
  await refusal(start())
  await log.admin.createPartitions('b', 2)
  const running = start()
  await until(async () => (await log.admin.describeGroup('g').catch(() => undefined))?.state === 'Stable')
  // One partition of b goes to a member that doesn't read a.
  const member = log.consumer({ groupId: 'g', topics: ['b'] })
  const joining = member.batches()[Symbol.asyncIterator]().next()
  await refusal(running)
  await member.close()
  await joining
  // It has that before the first one reads both.
  const before = log.consumer({ groupId: 'g', topics: ['b'] })
  const reading = before.batches()[Symbol.asyncIterator]().next()
  await until(async () => (await log.admin.describeGroup('g')).state === 'Stable')
  await refusal(start())
  await before.close()
  await reading
  const first = log.consumer({ groupId: 'g', topics: ['a', 'b'] })
  const waiting = first.batches()[Symbol.asyncIterator]().next()
  const second = start()
  await until(async () => (await log.admin.describeGroup('g')).members.length === 2)
  // From here on: it may end while the other one closes.
  const refused = refusal(second)
  await log.admin.createPartitions('a', 3)
  await first.close()
  await waiting
  await refused
  await log.close()
})

test('a processor does not leave a transactional id behind at each start, and goes on if its id was taken over', async (open) => {
  const log = await open({ topics: [receipts] })
  await log.admin.createTopic('in')
  let sent = 0
  const start = () =>
    log.process({
      groupId: 'g',
      topics: ['in'],
      handle: async () => receipts.record({ value: { account: '', total: 0 } }),
    })
  const one = async () => {
    await log.producer().send({ topic: 'in', value: '' })
    sent++
    await until(async () => (await values(log, receipts)).length === sent)
  }
  for (let round = 0; round < 3; round++) {
    const processor = start()
    await one()
    await processor.close()
  }
  const ids = (await log.admin.listTransactions()).map(({ transactionalId }) => transactionalId)
  assert.equal(ids, ['oncelog-process-g/in-0'])
  const processor = start()
  await one()
  // As a member does that had the partition before and hears late that it was given on.
  await log.admin.fenceProducers(['oncelog-process-g/in-0'])
  await one()
  await processor.close()
  await processor.done
  await log.close()
})

test('at-least-once: no transaction, nothing lost', async (open) => {
  const log = await opened(open, 50)
  const processor = log.process({
    groupId: 'g',
    topics: [payments],
    delivery: 'at-least-once',
    async handle(record) {
      return receipts.record({ value: { account: record.value?.account ?? '', total: 1 } })
    },
  })
  await until(async () => (await values(log, receipts)).length === 50)
  await processor.close()
  assert.equal(await log.admin.listTransactions(), [])
  assert.equal(
    (await log.admin.describeGroup('g')).offsets.map(({ lag }) => lag),
    [0, 0, 0],
  )
  await log.close()
})

test('wrong options are refused by name, a changelog with too few partitions too', async (open) => {
  const log = await opened(open, 1)
  const handle = async () => {}
  const wrong: [object, string][] = [
    [{ handle: 1 }, 'handle'],
    [{ delivery: 'maybe' }, 'delivery'],
    [{ retries: -1 }, 'retries'],
    [{ concurrency: 0 }, 'concurrency'],
    [{ maxRecords: 0 }, 'maxRecords'],
    [{ transactionTimeoutMs: '1' }, 'transactionTimeoutMs'],
    [{ transactionTimeoutMs: 900_001 }, 'transactionTimeoutMs'],
    [{ topics: null }, 'topics'],
    [{ topics: 'payments' }, 'topics'],
    [{ topics: [payments, payments] }, 'topics'],
    [{ maxPollIntervalMs: -1 }, 'maxPollIntervalMs'],
    [{ maxPollIntervalMs: 2 ** 31 }, 'maxPollIntervalMs'],
    [{ deadLetter: 5 }, 'deadLetter'],
    [{ deadLetter: 'payments' }, 'deadLetter'],
    [{ state: { x: 1 } }, 'state'],
    [{ state: null }, 'state'],
    [{ state: 1 }, 'state'],
    [{ state: { x: store(totals), y: store(totals) } }, 'state'],
  ]
  for (const [bad, option] of wrong) {
    try {
      log.process({ groupId: 'g', topics: [payments], handle, ...bad } as never)
      throw new Error(`${option} was taken`)
    } catch (error) {
      assert.ok(LogError.is(error, 'INVALID_REQUEST'), String(error))
      assert.is(error.details['option'], option)
    }
  }
  try {
    log.process({ groupId: '', topics: [payments], handle })
    throw new Error('a group without a name was taken')
  } catch (error) {
    assert.ok(LogError.is(error, 'INVALID_GROUP_ID'), String(error))
  }
  const few = topic('few', { key: string, value: unchecked<number>(json()) })
  await log.admin.createTopic('few', { config: { 'cleanup.policy': 'compact' } })
  const refused = log.process({ groupId: 'g', topics: [payments], state: { few: store(few) }, handle })
  const error = await refused.done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(error, 'INVALID_CONFIG'), String(error))
  assert.equal(error.details, { topic: 'few', partitions: 1, needed: 3 })
  await log.close()
})

test.run()
