// process: output, state and offsets together or not at all; retries, dead letters, order by key, partitions that move.
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, json, LogError, store, string, topic, unchecked } from '../../bindings/entry/node.ts'
import { type OpenLog, test } from '../client/stores.ts'

interface Payment {
  readonly account: string
  readonly amount: number
}

const payments = topic('payments', { value: unchecked<Payment>(json()), partitions: 3 })
const totals = topic('totals', {
  key: string,
  value: unchecked<number>(json()),
  partitions: 3,
  config: { 'cleanup.policy': 'compact' },
})
const receipts = topic('receipts', { value: unchecked<{ account: string; total: number }>(json()) })

async function opened(open: OpenLog, count: number): Promise<EmbeddedLog> {
  const log = await open({ topics: [payments, totals, receipts] })
  const records = Array.from({ length: count }, (_, index) => {
    const account = `a${index % 11}`
    return payments.record({ key: account, value: { account, amount: index } })
  })
  await log.producer().send(records)
  return log
}

async function values<V>(log: EmbeddedLog, from: typeof receipts | typeof totals): Promise<V[]> {
  const seen: V[] = []
  for await (const { value } of log.read(from, { until: 'end' })) seen.push(value as V)
  return seen
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}

function expected(count: number): Map<string, number> {
  const sums = new Map<string, number>()
  for (let index = 0; index < count; index++) {
    const account = `a${index % 11}`
    sums.set(account, (sums.get(account) ?? 0) + index)
  }
  return sums
}

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
        // Some give up in the middle of a batch: what they did counts for nothing.
        if (++handled % 97 === 0) throw new LogError('MEMORY_CAP_REACHED', 'planted')
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

test('a batch whose transaction failed comes again, and nothing of its first run is left', async (open) => {
  const log = await opened(open, 60)
  let handled = 0
  const processor = log.process({
    ...options,
    async handle(record, { state }) {
      const { account, amount } = record.value as Payment
      const total = ((await state.totals.get(account)) ?? 0) + amount
      state.totals.set(account, total)
      if (++handled % 13 === 0 && handled < 60) throw new LogError('MEMORY_CAP_REACHED', 'planted')
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

test('a record that fails every try goes to the dead letters with its origin, the others go on', async (open) => {
  const log = await opened(open, 20)
  await log.admin.createTopic('dead')
  const attempts: number[] = []
  const processor = log.process({
    groupId: 'g',
    topics: [payments],
    deadLetter: 'dead',
    retries: 2,
    async handle(record, { attempt }) {
      if (record.value?.amount !== 7) return receipts.record({ value: { account: 'x', total: 1 } })
      attempts.push(attempt)
      throw new TypeError('cannot be')
    },
  })
  await until(async () => (await values(log, receipts)).length === 19)
  await processor.close()
  assert.equal(attempts, [1, 2, 3])
  const letters = []
  for await (const letter of log.read('dead', { until: 'end' })) letters.push(letter)
  const [letter, ...others] = letters
  assert.is(others.length, 0)
  const header = (name: string) => Buffer.from(letter?.headers.get(`oncelog-${name}`) ?? []).toString()
  assert.is(Buffer.from(letter?.value ?? []).toString(), '{"account":"a7","amount":7}')
  assert.equal([header('topic'), header('error'), header('attempts')], ['payments', 'TypeError', '3'])
  assert.is(header('error-message'), 'cannot be')
  await log.close()
})

test('dead letters fit into their topic, whatever the record and the error are', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.admin.createTopic('dead', { config: { 'max.message.bytes': 4000 } })
  const long = 'x'.repeat(3900)
  const inputs = [
    { topic: 'in', key: 'small', value: 'v', headers: { own: '1' } },
    { topic: 'in', key: 'large', value: long, headers: { own: '1' } },
    { topic: 'in', key: long, value: 'v' },
    { topic: 'in', key: 'hostile', value: 'v' },
  ]
  await log.producer().send(inputs)
  const hostile = new Proxy(new Error('no'), {
    get() {
      throw new Error('nor this')
    },
  })
  const errors = [new Error(`\ud800${'€'.repeat(400_000)}`), Object.create(null), new Error('no'), hostile]
  const processor = log.process({
    groupId: 'g',
    topics: ['in'],
    deadLetter: 'dead',
    async handle({ offset }) {
      throw errors[offset]
    },
  })
  const letters = async () => {
    const found = []
    for await (const { key, value, headers } of log.read('dead', { until: 'end' })) {
      const text = (bytes: Uint8Array | null | undefined) => bytes && Buffer.from(bytes).toString()
      const names = ['own', 'oncelog-offset', 'oncelog-omitted', 'oncelog-error-message']
      found.push([text(key), text(value), ...names.map((name) => text(headers.get(name)))])
    }
    return found
  }
  await until(async () => (await letters()).length === inputs.length)
  await processor.close()
  assert.equal(await letters(), [
    ['small', 'v', '1', '0', undefined, `\ufffd${'€'.repeat(340)}`],
    ['large', null, undefined, '1', 'value, headers', 'a value of type object'],
    [null, null, undefined, '2', 'key, value, headers', 'no'],
    ['hostile', 'v', undefined, '3', undefined, 'a value of type object'],
  ])
  await log.close()
})

test('state is whole though anybody has a transaction open in its changelog', async (open) => {
  const log = await open({ topics: [receipts, totals] })
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
  const second = start()
  await producer.send({ topic: 'in', value: '' })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await second.close()
  const third = start()
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
  const first = log.consumer({ groupId: 'g', topics: ['a', 'b'] })
  const waiting = first.batches()[Symbol.asyncIterator]().next()
  const second = start()
  await until(async () => (await log.admin.describeGroup('g')).members.length === 2)
  await log.admin.createPartitions('a', 3)
  await first.close()
  await waiting
  await refusal(second)
  await log.close()
})

test('without dead letters the processor gives up, and what it did not finish is there for the next one', async (open) => {
  const log = await opened(open, 5)
  const failing = log.process({
    groupId: 'g',
    topics: [payments],
    async handle() {
      throw new RangeError('no')
    },
  })
  const error = await failing.done.catch((failed: unknown) => failed)
  assert.ok(error instanceof RangeError)
  let handled = 0
  const next = log.process({
    groupId: 'g',
    topics: [payments],
    async handle() {
      handled++
    },
  })
  await until(async () => handled === 5)
  await next.close()
  await log.close()
})

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
  await until(async () => [...seen.values()].flat().length === 60)
  await processor.close()
  assert.is(most, 3)
  for (const amounts of seen.values())
    assert.equal(
      amounts,
      [...amounts].sort((a, b) => a - b),
    )
  await log.close()
})

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
  const seen = (await values<{ total: number }>(log, receipts)).map(({ total }) => total)
  assert.equal(
    seen.sort((a, b) => a - b),
    Array.from({ length: count }, (_, n) => n + 1),
  )
  assert.ok(Math.max(...tries) > 1, 'they met')
  const table = await log.table(totals)
  assert.is(table.get('first'), count)
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

test('a processor leaves no id behind at each start, and one whose id was taken goes on', async (open) => {
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
    [{ maxPollIntervalMs: -1 }, 'maxPollIntervalMs'],
    [{ deadLetter: 5 }, 'deadLetter'],
    [{ state: { x: 1 } }, 'state'],
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
  const few = topic('few', { key: string, value: unchecked<number>(json()) })
  await log.admin.createTopic('few')
  const refused = log.process({ groupId: 'g', topics: [payments], state: { few: store(few) }, handle })
  const error = await refused.done.catch((failed: unknown) => failed)
  assert.ok(LogError.is(error, 'INVALID_CONFIG'), String(error))
  await log.close()
})

test.run()
