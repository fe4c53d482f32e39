// process: a batch is handled while the transaction of the one before commits, and counts only if that does.
import { setTimeout as wait } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import {
  json,
  type Log,
  LogError,
  type ProcessOptions,
  store,
  string,
  topic,
  unchecked,
} from '../../bindings/entry/node.ts'
import { type OpenBroker, test } from '../client/stores.ts'
import { gate } from '../client/support.ts'

const numbers = topic('numbers', { value: unchecked<number>(json()) })
const others = topic('others', { value: unchecked<number>(json()) })
const sums = topic('sums', {
  key: string,
  value: unchecked<number>(json()),
  config: { 'cleanup.policy': 'compact' },
})
const out = topic('out', { value: unchecked<number>(json()) })

/** `commit` runs in place of the processor's own, which it is given. */
async function openedOver(
  openBroker: OpenBroker,
  commit: (own: () => Promise<void>, number: number) => Promise<void>,
  partitions = 1,
): Promise<Log> {
  const broker = await openBroker()
  let commits = 0
  const openProducer = broker.openTransactionalProducer.bind(broker)
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    const own = session.commit.bind(session)
    session.commit = () => commit(own, ++commits)
    return session
  }
  const log = new BrokerLog(broker, nodePort)
  for (const each of [numbers, others]) await log.admin.createTopic(each.name, { partitions })
  await log.admin.createTopic(out.name)
  await log.admin.createTopic(sums.name, { partitions, config: { 'cleanup.policy': 'compact' } })
  return log
}

type Numbers = typeof numbers | typeof others
type State = { sums: ReturnType<typeof store<'sums', string, number>> }

/** Gives the sum of all numbers so far. */
function summing(
  handled: number[],
  more: Partial<ProcessOptions<Numbers, State>> = {},
): ProcessOptions<Numbers, State> {
  return {
    groupId: 'group',
    topics: [numbers],
    state: { sums: store(sums) },
    maxRecords: 2,
    async handle({ value }, { state }) {
      const sum = ((await state.sums.get('all')) ?? 0) + (value as number)
      state.sums.set('all', sum)
      handled.push(value as number)
      return out.record({ value: sum })
    },
    ...more,
  }
}

async function sumsOf(log: Log): Promise<number[]> {
  const seen: number[] = []
  for await (const { value } of log.read(out, { until: 'end' })) seen.push(value as number)
  return seen
}

/** Within two seconds, or not at all. */
async function soon(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let turn = 0; turn < 400; turn++) {
    if (await condition()) return true
    await wait(5)
  }
  return false
}

const abortable = () => new LogError('TRANSACTION_ABORTABLE', 'by the test')

test('a batch is handled while the one before commits; a close waits for both', async (_, openBroker) => {
  const held = gate()
  const log = await openedOver(openBroker, async (own) => {
    await held.opened
    await own()
  })
  await log.producer().send([1, 2, 3, 4, 5, 6].map((value) => numbers.record({ value })))
  const handled: number[] = []
  const processor = log.process(summing(handled))
  assert.ok(await soon(() => handled.length === 4), `${handled}`)
  // One batch ahead, no further.
  await wait(20)
  assert.equal(handled, [1, 2, 3, 4])
  assert.equal(await sumsOf(log), [])
  const closed = processor.close()
  held.open()
  await closed
  assert.equal(await sumsOf(log), [1, 3, 6, 10])
  await log.close()
})

test('a batch that was handled on state of an aborted transaction counts for nothing, and comes again after it', async (_, openBroker) => {
  const handled: number[] = []
  const log = await openedOver(openBroker, async (own, number) => {
    if (number > 1) return own()
    await soon(() => handled.length === 4)
    throw abortable()
  })
  await log.producer().send([1, 2, 3, 4, 5].map((value) => numbers.record({ value })))
  const processor = log.process(summing(handled))
  assert.ok(await soon(async () => (await sumsOf(log)).length === 5))
  await processor.close()
  assert.equal(await sumsOf(log), [1, 3, 6, 10, 15])
  assert.equal(handled, [1, 2, 3, 4, 1, 2, 3, 4, 5])
  await log.close()
})

test('state of a batch counts for all that come after the next one, too', async (_, openBroker) => {
  const log = await openedOver(openBroker, (own) => own())
  const processor = log.process({
    ...summing([], { maxRecords: 1 }),
    async handle({ value }, { state }) {
      const key = `${(value as number) % 3}`
      const sum = ((await state.sums.get(key)) ?? 0) + (value as number)
      state.sums.set(key, sum)
      return out.record({ value: sum })
    },
  })
  await log.producer().send([0, 1, 2, 3, 4, 5, 6, 7, 8].map((value) => numbers.record({ value })))
  assert.ok(await soon(async () => (await sumsOf(log)).length === 9))
  await processor.close()
  assert.equal(await sumsOf(log), [0, 1, 2, 3, 5, 7, 9, 12, 15])
  await log.close()
})

// The consumer goes back by the offsets that the transaction has, so these come before what may be refused.
test('a batch whose output is refused once its transaction has begun comes again', async (_, openBroker) => {
  const broker = await openBroker()
  let sent = 0
  const openProducer = broker.openTransactionalProducer.bind(broker)
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    const begin = session.begin.bind(session)
    session.begin = async () => {
      const sends = await begin()
      Object.assign(sends, { appendBorrowed: undefined })
      const append = sends.append.bind(sends)
      sends.append = (request) => (++sent === 1 ? Promise.reject(abortable()) : append(request))
      return sends
    }
    return session
  }
  const log = await openedOver(
    async () => broker,
    (own) => own(),
  )
  await log.producer().send([1, 2, 3, 4, 5].map((value) => numbers.record({ value })))
  const handled: number[] = []
  const processor = log.process(summing(handled))
  assert.ok(await soon(() => handled.includes(5)))
  await processor.close()
  assert.equal(await sumsOf(log), [1, 3, 6, 10, 15])
  await log.close()
})

// Regression: a batch that came between an abort and its mending was handled again over its own first changes. By
// chance, as the moment lies within the ten milliseconds of the mending, of which the client tells nobody: without the
// mend it failed in each of three runs.
test('two inputs of one state that never pause, while commits are refused at random: each number counts once', async (_, openBroker) => {
  const handled: number[] = []
  let refuses = true
  const log = await openedOver(openBroker, async (own) => {
    if (refuses && Math.random() < 0.4) throw abortable()
    return own()
  })
  const processor = log.process(summing(handled, { topics: [numbers, others], maxRecords: 100 }))
  let sent = 0
  const endMs = performance.now() + 2500
  const feed = async (input: Numbers): Promise<void> => {
    while (performance.now() < endMs) {
      sent++
      await log.producer().send(input.record({ value: 1 }))
      await wait(Math.random() * 12)
    }
  }
  await Promise.all([feed(numbers), feed(others)])
  refuses = false
  assert.ok(await soon(async () => (await sumsOf(log)).length >= sent))
  await processor.close()
  assert.equal(
    await sumsOf(log),
    Array.from({ length: sent }, (_each, at) => at + 1),
  )
  await log.close()
})

// By chance: it finds what the test of a partition that is got again finds, in about every second run. Without a seed,
// as timers and the turns of three members decide, too: none would bring a run back.
test('members that come and go, while commits are refused at random: each number counts once', async (_, openBroker) => {
  let refuses = true
  const log = await openedOver(
    openBroker,
    async (own) => {
      if (refuses && Math.random() < 0.3) throw abortable()
      return own()
    },
    2,
  )
  const endMs = performance.now() + 2500
  const sent: number[] = []
  const feed = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const value = sent.length
      sent.push(value)
      await log.producer().send(numbers.record({ value, partition: 0 }))
      await wait(Math.random() * 6)
    }
  }
  const handOn = async ({ value }: { readonly value: unknown }) => out.record({ value: value as number })
  const comeAndGo = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const member = log.process(summing([], { handle: handOn as never }))
      await wait(Math.random() * 100)
      await member.close()
    }
  }
  const stays = log.process(summing([], { handle: handOn as never }))
  await Promise.all([feed(), comeAndGo(), comeAndGo()])
  refuses = false
  await soon(async () => (await sumsOf(log)).length >= sent.length)
  await stays.close()
  assert.equal(
    (await sumsOf(log)).sort((a, b) => a - b),
    sent,
  )
  await log.close()
})

test('another input of the same state, handled on a transaction that is aborted, is handled anew', async (_, openBroker) => {
  const handled: number[] = []
  const log = await openedOver(openBroker, async (own, number) => {
    if (number > 1) return own()
    await soon(() => handled.length === 4)
    throw abortable()
  })
  await log.producer().send([1, 2].map((value) => numbers.record({ value })))
  await log.producer().send([10, 20].map((value) => others.record({ value })))
  const processor = log.process(summing(handled, { topics: [numbers, others] }))
  assert.ok(await soon(async () => (await sumsOf(log)).length === 4))
  await processor.close()
  assert.is((await sumsOf(log)).at(-1), 33)
  await log.close()
})

/**
 * One member gives partition 0 up while its first commit is under way. False where the group leaves it with that
 * member.
 */
async function isGivenUpAndGotAgain(openBroker: OpenBroker, { isRefused = true } = {}): Promise<boolean> {
  const held = gate()
  const log = await openedOver(
    openBroker,
    async (own, number) => {
      if (number > 1) return own()
      await held.opened
      if (isRefused) throw abortable()
      return own()
    },
    2,
  )
  const send = (...values: number[]) => {
    return log.producer().send(values.map((value) => numbers.record({ value, partition: 0 })))
  }
  const areThere = (count: number) => soon(async () => (await sumsOf(log)).length === count)
  const [byWhoStays, byWhoGoes]: [number[], number[]] = [[], []]
  await send(1, 2)
  const stays = log.process(summing(byWhoStays))
  await soon(() => byWhoStays.length === 2)
  const goes = log.process(summing(byWhoGoes))
  await soon(async () => (await log.admin.describeGroup('group')).members.length === 2)
  held.open()
  assert.ok(await areThere(2))
  await send(3, 4)
  assert.ok(await areThere(4))
  await goes.close()
  await send(5, 6)
  await areThere(6)
  await send(7, 8)
  assert.ok(await areThere(8), `${await sumsOf(log)}`)
  assert.equal(await sumsOf(log), [1, 3, 6, 10, 15, 21, 28, 36])
  await stays.close()
  await log.close()
  return byWhoGoes.length > 0
}

/** Of each partition by itself. */
async function sumsByPartition(log: Log): Promise<number[][]> {
  const sums: number[][] = [[], []]
  for (const sum of await sumsOf(log)) sums[Math.floor(sum / 1000)]?.push(sum % 1000)
  return sums
}

/** Two batches of the second partition, one after the other, right after the first batch of the first one. */
async function besideAnother(
  openBroker: OpenBroker,
  refuse: (own: () => Promise<void>, number: number, handled: readonly number[]) => Promise<void>,
): Promise<number[][]> {
  const handled: number[] = []
  const log = await openedOver(openBroker, (own, number) => refuse(own, number, handled), 2)
  for (const partition of [0, 1]) {
    await log.producer().send([1, 2, 3, 4, 5, 6].map((value) => numbers.record({ value, partition })))
  }
  const processor = log.process({
    ...summing(handled),
    async handle({ value, partition }, { state }) {
      const sum = ((await state.sums.get('all')) ?? 0) + (value as number)
      state.sums.set('all', sum)
      handled.push(1000 * partition + (value as number))
      return out.record({ value: 1000 * partition + sum })
    },
  })
  assert.ok(await soon(async () => (await sumsOf(log)).length === 12))
  await processor.close()
  const sums = await sumsByPartition(log)
  await log.close()
  return sums
}

// Regression: members under random aborts and lost channels wrote sums over those of the batch before. The state of a
// partition whose neighbour was aborted was forgotten, and read again from the changelog before the batch that had it
// in hand was committed: what isn't durable isn't read there.
// Once both are in memory it was handled over its own first changes where it took the abort for one of its own.
for (const [when, aborted] of [
  ['before its first batch', 1],
  ['later', 3],
] as const) {
  test(`the abort of another partition takes nothing from the state that is in hand, ${when}`, async (_, openBroker) => {
    const sums = await besideAnother(openBroker, async (own, number, handled) => {
      if (number > aborted + 1) return own()
      const before = handled.length
      await Promise.race([soon(() => handled.length >= before + 2), wait(300)])
      if (number === aborted) throw abortable()
      return own()
    })
    assert.equal(sums, [
      [1, 3, 6, 10, 15, 21],
      [1, 3, 6, 10, 15, 21],
    ])
  })
}

test('an input that is made again takes nothing from the state that another one has in hand', async (_, openBroker) => {
  const handled: number[] = []
  const log = await openedOver(openBroker, async (own, number) => {
    if (number > 1) return own()
    // The member loses the partition of the old one meanwhile, and with it what it knows of partition 0.
    await wait(50)
    await log.producer().send([30, 40].map((value) => others.record({ value })))
    await Promise.race([soon(() => handled.length === 4), wait(300)])
    return own()
  })
  await log.producer().send([10, 20].map((value) => others.record({ value })))
  const { handle, ...options } = summing(handled, { topics: [numbers, others] })
  const processor = log.process({
    ...options,
    async handle(record, context) {
      if (handled.length === 0) {
        await log.admin.deleteTopic('numbers')
        await log.admin.createTopic('numbers')
      }
      return handle(record, context)
    },
  } as ProcessOptions<Numbers, State>)
  assert.ok(await soon(async () => (await sumsOf(log)).length === 4))
  await processor.close()
  assert.equal(await sumsOf(log), [10, 30, 60, 100])
  await log.close()
})

// Regression: five records of a log whose holders and workers were killed had neither output nor state, and the group
// had gone on after them. What a member still knew of an aborted transaction made it pass over the first batch of the
// partition when it got that again.
for (const isRefused of [true, false]) {
  const how = isRefused ? 'refused' : 'done'
  test(`a partition given up while its commit is ${how}, and got again after another member committed: nothing is passed over`, async (_, openBroker) => {
    let moves = 0
    // Which member gets it is chance.
    for (let round = 0; round < 20 && moves === 0; round++) {
      if (await isGivenUpAndGotAgain(openBroker, { isRefused })) moves++
    }
    assert.is(moves, 1)
  })
}

test('a failure in a batch that was handled on state of an aborted transaction does not count', async (_, openBroker) => {
  let isRefused = false
  const handled: number[] = []
  const log = await openedOver(openBroker, async (own, number) => {
    if (number > 1) return own()
    await soon(() => handled.length === 3)
    isRefused = true
    throw abortable()
  })
  await log.producer().send([1, 2, 3].map((value) => numbers.record({ value })))
  const { handle, ...options } = summing(handled)
  const processor = log.process({
    ...options,
    async handle(record, context) {
      const given = await handle(record, context)
      if (handled.length === 3 && !isRefused) throw new RangeError('of state that never was')
      return given
    },
  } as ProcessOptions<Numbers, State>)
  assert.ok(await soon(async () => (await sumsOf(log)).length === 3))
  await processor.close()
  assert.equal(await sumsOf(log), [1, 3, 6])
  await log.close()
})

test('the rest of a batch that took too long comes again with what was aborted of it', async (_, openBroker) => {
  const handled: number[] = []
  const log = await openedOver(openBroker, async (own, number) => {
    if (number !== 1) return own()
    await wait(20)
    throw abortable()
  })
  await log.producer().send([1, 2, 3].map((value) => numbers.record({ value })))
  const { handle, ...options } = summing(handled, { maxRecords: 3, transactionTimeoutMs: 200 })
  const processor = log.process({
    ...options,
    async handle(record, context) {
      await wait(handled.length === 0 ? 120 : 0)
      return handle(record, context)
    },
  } as ProcessOptions<Numbers, State>)
  assert.ok(await soon(async () => (await sumsOf(log)).length === 3))
  await processor.close()
  assert.equal(await sumsOf(log), [1, 3, 6])
  await log.close()
})

test('a commit that fails for good ends the processor, though it waits for records', async (_, openBroker) => {
  const log = await openedOver(openBroker, async () => {
    await wait(20)
    throw new LogError('KAFKA_STORAGE_ERROR', 'by the test')
  })
  await log.producer().send(numbers.record({ value: 1 }))
  const handled: number[] = []
  const processor = log.process(summing(handled))
  const error = await Promise.race([processor.done.catch((each: unknown) => each), wait(2000)])
  assert.ok(LogError.is(error, 'KAFKA_STORAGE_ERROR'), String(error))
  assert.equal(handled, [1])
  await log.close()
})

// Regression: a batch whose `handle` asked for state alone took microtasks, and the loop stood still from its first
// record to its last.
for (const concurrency of [1, 4]) {
  test(`timers run and commits go on while a batch is handled, concurrency ${concurrency}`, async (_, openBroker) => {
    const log = await openedOver(openBroker, (own) => own())
    await log.producer().send(Array.from({ length: 500 }, (_each, value) => numbers.record({ key: `${value}`, value })))
    let turns = 0
    const count = (): void => {
      turns++
      timer = setImmediate(count)
    }
    let timer = setImmediate(count)
    const seen = new Set<number>()
    const handled: number[] = []
    const { handle, ...options } = summing(handled, {
      maxRecords: 500,
      concurrency,
    })
    const processor = log.process({
      ...options,
      handle(record, context) {
        for (const until = performance.now() + 0.02; performance.now() < until; ) seen.add(turns)
        return handle(record, context)
      },
    } as ProcessOptions<Numbers, State>)
    assert.ok(await soon(() => handled.length >= 500))
    clearImmediate(timer)
    assert.ok(seen.size > 3, `${seen.size} turns`)
    await processor.close()
    await log.close()
  })
}

test.run()
