// process: what one input, or one partition, has in hand stays as it is, whatever becomes of the commits of another one
// beside it.
import { setTimeout as wait } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import type { Log, ProcessOptions } from '../../bindings/entry/node.ts'
import { type OpenBroker, test } from '../client/stores.ts'
import { abortable, type Numbers, numbers, openedOver, others, out, type State, soon, summing, sumsOf } from './sums.ts'

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
      await soon(() => handled.length >= before + 2, 300)
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
    await soon(() => handled.length === 4, 300)
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

test.run()
