// process, while its topics are deleted and created again or get partitions.
import * as assert from 'uvu/assert'
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
import { test } from '../client/stores.ts'
import { gate } from '../client/support.ts'
import { soon } from './sums.ts'

const numbers = topic('numbers', { key: string, value: unchecked<number>(json()) })
const counts = topic('counts', {
  key: string,
  value: unchecked<number>(json()),
  config: { 'cleanup.policy': 'compact' },
})
const out = topic('out', { key: string, value: unchecked<string>(json()) })
const topics = [numbers, counts, out]

type State = { counts: ReturnType<typeof store<'counts', string, number>> }

/** Gives what each number is to its key: the first, the second. */
function counting(before: (value: number) => Promise<void> | undefined): ProcessOptions<typeof numbers, State> {
  return {
    groupId: 'group',
    topics: [numbers],
    state: { counts: store(counts) },
    async handle({ key, value }, { state }) {
      await before(value as number)
      const count = ((await state.counts.get(key as string)) ?? 0) + 1
      state.counts.set(key as string, count)
      return out.record({ key, value: `${key} ${value}: ${count}` })
    },
  }
}

async function outOf(log: Log, count: number): Promise<string[]> {
  let seen: string[] = []
  await soon(async () => {
    seen = []
    for await (const { value } of log.read(out, { until: 'end' })) seen.push(value as string)
    return seen.length >= count
  })
  return seen
}

const again = async (log: Log, name: 'numbers' | 'counts') => {
  await log.admin.deleteTopic(name)
  await log.admin.createTopic(name, { config: name === 'counts' ? { 'cleanup.policy': 'compact' } : {} })
}

// Regression: state was that of the changelog that is gone until the processor's next start, and went then.
test('state is what its changelog holds, also of one that is made again between two batches', async (open) => {
  const log = await open({ topics })
  const send = (key: string, value: number) => log.producer().send(numbers.record({ key, value }))
  const processor = log.process(counting(() => undefined))
  await send('a', 1)
  await send('b', 2)
  await outOf(log, 2)
  await again(log, 'counts')
  await send('a', 3)
  await outOf(log, 3)
  await processor.close()
  const next = log.process(counting(() => undefined))
  await send('b', 4)
  await send('a', 5)
  assert.equal(await outOf(log, 5), ['a 1: 1', 'b 2: 1', 'a 3: 1', 'b 4: 1', 'a 5: 2'])
  await next.close()
  await log.close()
})

test('a changelog that is made again while a batch is handled: the batch is handled anew on it', async (open) => {
  const log = await open({ topics })
  const send = (...values: number[]) => log.producer().send(values.map((value) => numbers.record({ key: 'a', value })))
  let isFirst = true
  const processor = log.process(
    counting(async (value) => {
      if (value === 3 && isFirst) await again(log, 'counts')
      if (value === 3) isFirst = false
    }),
  )
  await send(1)
  await outOf(log, 1)
  await send(2, 3)
  assert.equal(await outOf(log, 3), ['a 1: 1', 'a 2: 1', 'a 3: 2'])
  await processor.close()
  const table = await log.table(counts)
  assert.equal([...table.entries()], [['a', 2]])
  await log.close()
})

// Regression: the processor went on, and a week later retention took its state.
test('a changelog that is made again as one from which retention takes values ends the processor', async (open) => {
  const log = await open({ topics })
  const send = (value: number) => log.producer().send(numbers.record({ key: 'a', value }))
  const processor = log.process(counting(() => undefined))
  await send(1)
  await outOf(log, 1)
  await log.admin.deleteTopic('counts')
  await log.admin.createTopic('counts')
  await send(2)
  const error = await processor.done.catch((reason: unknown) => reason)
  assert.ok(LogError.is(error, 'INVALID_CONFIG'), String(error))
  assert.equal(error.details, { topic: 'counts', key: 'cleanup.policy' })
  assert.equal(await outOf(log, 1), ['a 1: 1'])
  await log.close()
})

// Regression: it gave up with UNKNOWN_TOPIC_ID, though it goes on where the same happens between two batches.
test('an input that is made again while a batch of it is handled: nothing of the batch counts, the new one is read', async (open) => {
  const log = await open({ topics })
  const send = (...values: number[]) => log.producer().send(values.map((value) => numbers.record({ key: 'a', value })))
  const { opened: madeAgain, open: tell } = gate()
  const processor = log.process(
    counting(async (value) => {
      if (value !== 3) return
      await again(log, 'numbers')
      tell()
    }),
  )
  await send(1)
  await outOf(log, 1)
  await send(2, 3)
  await madeAgain
  await send(4, 5)
  assert.equal(await outOf(log, 3), ['a 1: 1', 'a 4: 2', 'a 5: 3'])
  await processor.close()
  await processor.done
  await log.close()
})

test('partitions that are added to changelog and input are worked on', async (open) => {
  const log = await open({ topics })
  const processor = log.process(counting(() => undefined))
  await log.producer().send(numbers.record({ key: 'a', value: 1 }))
  await outOf(log, 1)
  await log.admin.createPartitions('counts', 4)
  await log.admin.createPartitions('numbers', 4)
  await log.producer().send([0, 1, 2, 3].map((partition) => ({ ...numbers.record({ key: 'b', value: 2 }), partition })))
  assert.equal(await outOf(log, 5), ['a 1: 1', ...Array(4).fill('b 2: 1')])
  await processor.close()
  await log.close()
})

test.run()
