// process: a batch is handled while the transaction of the one before commits, and counts only if that does.
import { setTimeout as wait } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { LogError, type ProcessOptions } from '../../bindings/entry/node.ts'
import { test } from '../client/stores.ts'
import { gate } from '../client/support.ts'
import {
  abortable,
  changeSessions,
  type Numbers,
  numbers,
  openedOver,
  out,
  type State,
  soon,
  summing,
  sumsOf,
} from './sums.ts'

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
  changeSessions(broker, (session) => {
    const begin = session.begin.bind(session)
    session.begin = async () => {
      const sends = await begin()
      Object.assign(sends, { appendBorrowed: undefined })
      const append = sends.append.bind(sends)
      sends.append = (request) => (++sent === 1 ? Promise.reject(abortable()) : append(request))
      return sends
    }
  })
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
  const error = await processor.done.catch((each: unknown) => each)
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
