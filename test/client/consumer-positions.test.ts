// Where a consumer stands: past offsets that nobody reads, beyond the end, and after a record that was committed by
// itself.
import * as assert from 'uvu/assert'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import { type OpenLog, test } from './stores.ts'

const at = { topic: 't', partition: 0 }

async function withLog(open: OpenLog, run: (log: EmbeddedLog) => Promise<void>): Promise<void> {
  const log = await open()
  try {
    await log.admin.createTopic('t')
    await log.producer().send(['0', '1', '2'].map((value) => ({ topic: 't', value })))
    await run(log)
  } finally {
    await log.close()
  }
}

/** A consumer that has read all there is and waits for more, and a transaction that begins then. */
async function behindAll(log: EmbeddedLog) {
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const records = consumer[Symbol.asyncIterator]()
  for (let count = 0; count < 3; count++) await records.next()
  const waiting = records.next()
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  return { consumer, waiting, transaction }
}

test('a consumer that waits after an aborted transaction stands at the end, and has no lag', (open) =>
  withLog(open, async (log) => {
    const { consumer, waiting, transaction } = await behindAll(log)
    await transaction.send({ topic: 't', value: 'aborted' })
    await transaction.abort()
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.is(consumer.position(at), 5)
    assert.is((await consumer.lag()).get('t/0'), 0)
    await consumer.close()
    await waiting
  }))

test('a waiting consumer is delivered the records that an aborted transaction would have acknowledged', (open) =>
  withLog(open, async (log) => {
    const { consumer, waiting, transaction } = await behindAll(log)
    await transaction.sendOffsets(consumer, [{ ...at, nextOffset: 3 }])
    await transaction.abort()
    assert.is((await waiting).value?.offset, 0)
  }))

test('a position beyond the end has no lag', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await consumer.seek({ ...at, nextOffset: 100 })
    assert.is((await consumer.lag()).get('t/0'), 0)
  }))

test('a record that was committed, and at which its iteration ended, keeps no later commit from passing', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    for await (const record of consumer) {
      await consumer.commit(record)
      break
    }
    for await (const { offset } of consumer) {
      if (offset === 2) break
    }
    await consumer.commit([{ ...at, nextOffset: 2 }])
    assert.is(await consumer.committed(at), 2)
  }))

test.run()
