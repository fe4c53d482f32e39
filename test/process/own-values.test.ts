// What a handle is given is its own: what it does to a value changes neither state nor what the next try is given.
import * as assert from 'uvu/assert'
import { bytes, json, store, string, topic, unchecked } from '../../bindings/entry/node.ts'
import { test } from '../client/stores.ts'
import { until } from '../until.ts'

const counts = topic('counts', { key: string, value: bytes, config: { 'cleanup.policy': 'compact' } })
const payments = topic('in', { value: unchecked<{ amount: number }>(json()) })

// Regression: what a try that failed had done to the bytes stayed in the state.
test('a try that fails changes no state of bytes, though it changed those that it got', async (open) => {
  const log = await open({ topics: [counts, payments] })
  await log.producer().send([1, 2, 3].map((amount) => payments.record({ value: { amount } })))
  const processor = log.process({
    ...{ groupId: 'g', topics: [payments], state: { counts: store(counts) }, retries: 1, maxRecords: 1 },
    async handle(_, { state, attempt }) {
      const count = (await state.counts.get('n')) ?? new Uint8Array(1)
      count[0] = (count[0] ?? 0) + 1
      if (attempt === 1) throw new RangeError('by the test')
      state.counts.set('n', count)
    },
  })
  const table = await log.table(counts)
  await Promise.race([until(() => table.asOf[0]?.nextOffset === 6), processor.done])
  assert.equal(table.get('n'), new Uint8Array([3]))
  await processor.close()
  await log.close()
})

// Regression: the state of one key was what the program had put into its buffer for another one since.
for (const [maxRecords, sizeBytes] of [
  [1, 100],
  [2, 1],
  [2, 100],
] as const) {
  test(`${sizeBytes} bytes that were set are the program’s again, in batches of ${maxRecords}`, async (open) => {
    const log = await open({ topics: [counts, payments] })
    await log.producer().send([1, 2].map((amount) => payments.record({ value: { amount } })))
    const buffer = new Uint8Array(sizeBytes)
    const found: unknown[] = []
    const processor = log.process({
      ...{ groupId: 'g', topics: [payments], state: { counts: store(counts) }, maxRecords },
      delivery: 'at-least-once',
      async handle({ value }, { state }) {
        const { amount } = value as { amount: number }
        buffer.fill(amount)
        state.counts.set(`${amount}`, buffer)
        found.push(await state.counts.get('1'))
      },
    })
    await Promise.race([until(() => found.length === 2), processor.done])
    await processor.close()
    const first = new Uint8Array(sizeBytes).fill(1)
    assert.equal(found, [first, first])
    const table = await log.table(counts)
    assert.equal(table.get('1'), first)
    await table.close()
    await log.close()
  })
}

// Regression: the second try was given the value as the first one had left it.
test('a record that is handled again comes as it was, whatever the try before did to its value', async (open) => {
  const log = await open({ topics: [payments] })
  await log.producer().send(payments.record({ value: { amount: 1 } }))
  const amounts: number[] = []
  const processor = log.process({
    ...{ groupId: 'g', topics: [payments], retries: 2 },
    async handle({ value }, { attempt }) {
      const payment = value as { amount: number }
      amounts.push(++payment.amount)
      if (attempt < 3) throw new RangeError('by the test')
    },
  })
  await Promise.race([until(() => amounts.length === 3), processor.done])
  await processor.close()
  assert.equal(amounts, [2, 2, 2])
  await log.close()
})

test.run()
