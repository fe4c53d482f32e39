// What are at-least-once and exactly-once, and when is which useful?
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openMemory } from '../../bindings/entry/node.ts'
import { take } from '../client/support.ts'
import { example } from './support.ts'

test('the example: the same crash, with a copy too many and without', () => {
  assert.is(example('2-at-least-once-and-exactly-once'), 'at-least-once: a b b c\nexactly-once: a b c\n')
})

async function copied(log: EmbeddedLog): Promise<string[]> {
  return (await take(log.read('out', { until: 'end' }), 99)).map(({ value }) => Buffer.from(value ?? []).toString())
}

test('a failure at every point of ten transactions: each record comes out once, in order', async () => {
  const log = await openMemory()
  for (const name of ['in', 'out']) await log.admin.createTopic(name)
  const sent = Array.from({ length: 10 }, (_, index) => `${index}`)
  await log.producer().send(sent.map((value) => ({ topic: 'in', value })))
  let failures = 0
  for (let worker = 0; (await copied(log)).length < sent.length; worker++) {
    const consumer = log.consumer({ groupId: 'g', topics: ['in'] })
    const producer = log.producer({ transactionalId: 'id' })
    try {
      for await (const record of consumer) {
        await producer.transaction(async (transaction) => {
          const fail = (point: number) => {
            if (worker % 3 !== point || record.offset !== Math.floor(worker / 3)) return
            failures++
            throw new Error('this worker ends')
          }
          fail(0)
          await transaction.sendOffsets(consumer, record)
          fail(1)
          await transaction.send({ topic: 'out', value: record.value })
          fail(2)
        })
        if (record.offset === sent.length - 1) break
      }
    } catch (error) {
      assert.is((error as Error).message, 'this worker ends')
    }
    await consumer.close()
    await producer.close()
  }
  assert.is(failures, 3 * sent.length)
  assert.equal(await copied(log), sent)
  await log.close()
})

test.run()
