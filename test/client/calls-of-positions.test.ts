// The program is asked where its partitions begin (`positions`), and asks its consumer something before it answers.
import * as assert from 'uvu/assert'
import { type Consumer, LogError } from '../../bindings/entry/node.ts'
import { type OpenLog, test } from './stores.ts'
import { text } from './support.ts'

const AT = { topic: 't', partition: 0 }

async function turns(): Promise<void> {
  for (let count = 0; count < 40; count++) await new Promise((resolve) => setImmediate(resolve))
}

/** Its partition has two records and begins at the second, once `ask` is answered; `told` has how. */
async function asking(open: OpenLog, ask: (consumer: Consumer) => Promise<unknown>) {
  const log = await open()
  await log.admin.createTopic('t')
  await log.producer().send(['a', 'b'].map((value) => ({ ...AT, value })))
  const told: unknown[] = []
  const consumer: Consumer = log.consumer({
    ...{ groupId: 'g', topics: ['t'] },
    async positions(assigned) {
      const answer = ask(consumer).catch((error: unknown) => (LogError.is(error) ? error.code : error))
      told.push(await Promise.race([answer, turns().then(() => 'it waits')]))
      return assigned.map((at) => ({ ...at, nextOffset: 1 }))
    },
  })
  return { log, consumer, told }
}

async function firstOf(consumer: Consumer): Promise<string | null | undefined> {
  for await (const { value } of consumer) return text(value)
  return undefined
}

// Regression: a lag and a seek waited for where the partition begins, which waited for them, until the consumer closed.
test('its lag: that of no partition, since none has a position yet', async (open) => {
  const { log, consumer, told } = await asking(open, (own) => own.lag())
  assert.is(await firstOf(consumer), 'b')
  assert.equal(told, [new Map()])
  await log.close()
})

test('a seek: refused, since what it answers is where the partition begins', async (open) => {
  const { log, consumer, told } = await asking(open, (own) => own.seek({ ...AT, nextOffset: 0 }))
  assert.is(await firstOf(consumer), 'b')
  assert.equal(told, ['INVALID_REQUEST'])
  await log.close()
})

test('what its group committed: that is known', async (open) => {
  const { log, consumer, told } = await asking(open, (own) => own.committed(AT))
  assert.is(await firstOf(consumer), 'b')
  assert.equal(told, [undefined])
  await log.close()
})

test('a lag that waited for the answer already has the partition', async (open) => {
  const { log, consumer, told } = await asking(open, (own) => own.lag())
  assert.equal(await consumer.lag(), new Map([['t/0', 1]]))
  assert.equal(told, [new Map()])
  await log.close()
})

test.run()
