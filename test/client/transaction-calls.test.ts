// Calls inside a transaction that nobody awaits, and the time limit of its work.
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { type EmbeddedLog, LogError, type TransactionalProducer } from '../../bindings/entry/node.ts'
import { FakePort, settle } from './fake-port.ts'
import { type OpenLog, test } from './stores.ts'
import { failure, gate } from './support.ts'

const place = { topic: 't', partition: 0 }

async function withLog(open: OpenLog, run: (log: EmbeddedLog) => Promise<void>): Promise<void> {
  const log = await open()
  try {
    await log.admin.createTopic('t')
    await log.producer().send(['0', '1'].map((value) => ({ topic: 't', value })))
    await run(log)
  } finally {
    await log.close()
  }
}

// Its consumer isn't in its group yet: the offsets come long after the end of the work.
test('offsets that nobody awaited are in the transaction', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const producer = log.producer({ transactionalId: 'id' })
    await producer.transaction(async (transaction) => {
      transaction.sendOffsets(consumer, [{ ...place, nextOffset: 1 }]).catch(() => {})
    })
    assert.is(await consumer.committed(place), 1)
  }))

test('offsets that nobody awaited and that are refused fail the transaction', (open) =>
  withLog(open, async (log) => {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const producer = log.producer({ transactionalId: 'id' })
    await failure('INVALID_REQUEST', () =>
      producer.transaction(async (transaction) => {
        transaction.sendOffsets(consumer, [{ ...place, partition: 1, nextOffset: 1 }]).catch(() => {})
        await transaction.send({ topic: 't', value: '2' })
      }),
    )
    assert.is((await log.admin.offsets([place]))[0]?.lastStableOffset, 4)
    for await (const { value } of log.read('t', { until: 'end' })) assert.is.not(String(value), '2')
  }))

test('of several calls that failed the first one is told', (open) =>
  withLog(open, async (log) => {
    const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
    await failure('INVALID_RECORD', () => transaction.send({ topic: 't', value: 5 as never }))
    await failure('UNKNOWN_TOPIC_OR_PARTITION', () => transaction.send({ topic: 'none', value: '' }))
    await failure('INVALID_RECORD', () => transaction.commit())
  }))

/** Its timers are early, as those of a system that slept may be. */
class EarlyPort extends FakePort {
  override setTimer(delayMs: number, callback: () => void): () => void {
    return super.setTimer(Math.ceil(delayMs / 2), callback)
  }
}

/** Work that never ends, and whether it was told that its time is over. */
function hungWork(producer: TransactionalProducer) {
  const work = { isTold: false }
  const running = failure('TRANSACTION_ABORTABLE', () =>
    producer.transaction((_transaction, { signal }) => {
      signal.addEventListener('abort', () => {
        work.isTold = true
      })
      return new Promise(() => {})
    }),
  )
  return { work, running }
}

test('work isn’t told that its time is over before it is', async (_, openBroker) => {
  const port = new EarlyPort()
  const log = new BrokerLog(await openBroker(port), port)
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 10_000 })
  const { work, running } = hungWork(producer)
  await settle()
  await port.advance(9999)
  assert.not(work.isTold)
  await port.advance(1)
  assert.ok(work.isTold)
  await running
  await log.close()
})

test('each run has the whole of transactionTimeoutMs, though they share a timer, which soon ends after the last one', async (_, openBroker) => {
  const port = new FakePort()
  const log = new BrokerLog(await openBroker(port), port)
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 10_000 })
  let told = 0
  const run = (work: Promise<void>) =>
    producer.transaction((_transaction, { signal }) => {
      signal.addEventListener('abort', () => {
        if ((signal.reason as { code?: string }).code === 'TRANSACTION_ABORTABLE') told++
      })
      return work
    })
  const timers = port.timers
  await run(Promise.resolve())
  await run(Promise.resolve())
  assert.is(port.timers, timers + 1)
  await port.advance(100)
  assert.is(port.timers, timers)
  await failure('INVALID_REQUEST', () => run(Promise.reject(new LogError('INVALID_REQUEST', 'by the test'))))
  await port.advance(100)
  assert.is(port.timers, timers)
  await run(Promise.resolve())
  await port.advance(50)
  const hanging = failure('TRANSACTION_ABORTABLE', () => run(new Promise(() => {})))
  await settle()
  await port.advance(9999)
  assert.is(told, 0)
  await port.advance(1)
  assert.is(told, 1)
  await hanging
  await port.advance(20_000)
  assert.is(told, 1)
  await log.close()
})

test('work that goes on after its deadline, with calls that nobody awaits, does not end the program', async (_, openBroker) => {
  const unhandled: unknown[] = []
  const hear = (error: unknown) => void unhandled.push(error)
  process.on('unhandledRejection', hear)
  const port = new FakePort()
  const log = new BrokerLog(await openBroker(port), port)
  await log.admin.createTopic('t')
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 1000 })
  const { opened, open: goOn } = gate()
  const unawaited: unknown[] = []
  const running = failure('TRANSACTION_ABORTABLE', () =>
    producer.transaction(async (transaction) => {
      await opened
      unawaited.push(transaction.send({ topic: 't', value: 'late' }))
      unawaited.push(transaction.sendOffsets(consumer, [{ ...place, nextOffset: 0 }]))
      await failure('INVALID_TXN_STATE', () => transaction.send({ topic: 't', value: 'late' }))
    }),
  )
  await settle()
  await port.advance(1000)
  await running
  goOn()
  await settle()
  // Of a call that comes after a commit the program hears, as what it was given isn't written.
  const transaction = await producer.beginTransaction()
  await transaction.commit()
  unawaited.push(transaction.send({ topic: 't', value: 'after the commit' }))
  await settle()
  process.off('unhandledRejection', hear)
  assert.equal(
    unhandled.map((error) => (error as LogError).code),
    ['INVALID_TXN_STATE'],
  )
  await log.close()
})

test('ended by the partitioner of its send, it waits for that send', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  for (const event of ['commit', 'abort'] as const) {
    let end: (() => Promise<void>) | undefined
    let ending: Promise<void> | undefined
    const partitioner = () => {
      ending = end?.()
      end = undefined
      return 0
    }
    const producer = log.producer({ transactionalId: event, partitioner })
    const transaction = await producer.beginTransaction()
    end = () => transaction[event]()
    const sent = transaction.send({ topic: 't', value: event })
    await sent
    await ending
    await producer.transaction((next) => next.send({ topic: 't', value: `after ${event}` }))
    await producer.close()
  }
  const found: string[] = []
  for await (const { value } of log.read('t', { until: 'end' })) found.push(Buffer.from(value ?? []).toString())
  assert.equal(found, ['commit', 'after commit', 'after abort'])
  await log.close()
})

// By the wall clock, an hour ahead, its time was over at once.
test('the time of work is that which passes, whatever is done to the wall clock', async (_, openBroker) => {
  for (const jumpMs of [3_600_000, -3_600_000]) {
    const port = new FakePort()
    const log = new BrokerLog(await openBroker(port), port)
    await log.admin.createTopic('t')
    const producer = log.producer({ transactionalId: 'id', transactionTimeoutMs: 10_000 })
    const { work, running } = hungWork(producer)
    await settle()
    await port.advance(5000)
    port.jump(jumpMs)
    await port.advance(4900)
    assert.is(work.isTold, false, `${jumpMs}`)
    await port.advance(200)
    assert.is(work.isTold, true, `${jumpMs}`)
    await running
    await log.close()
  }
})

test.run()
