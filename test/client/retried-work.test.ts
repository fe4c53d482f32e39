// Between two runs of a transaction's work. The clock stands still, so that it waits until the test says otherwise.
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { LogError, type TransactionalProducer, type TransactionScope } from '../../bindings/entry/node.ts'
import { FakePort, settle } from './fake-port.ts'
import { type OpenBroker, test } from './stores.ts'
import { failure } from './support.ts'

/** A transaction whose first run failed, and which waits for the next one. */
async function waiting(openBroker: OpenBroker, signal?: AbortSignal) {
  const port = new FakePort()
  const log = new BrokerLog(await openBroker(port), port)
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id' })
  const timers = port.timers
  let attempts = 0
  const work = async (transaction: TransactionScope) => {
    attempts++
    await transaction.send({ topic: 't', value: `attempt ${attempts}` })
    if (attempts < 2) throw new Error('again')
    return attempts
  }
  const running = producer.transaction(work, { retries: 1, signal })
  running.catch(() => {})
  for (let turn = 0; turn < 20; turn++) await settle()
  assert.is(attempts, 1)
  // That of the wait, and the one that watches the producer's runs.
  assert.is(port.timers, timers + 2)
  return { port, log, producer, running, timers }
}

test('until its work is run again it is the transaction that is open: another one is refused, and not it', async (_, openBroker) => {
  const { port, log, producer, running } = await waiting(openBroker)
  await failure('INVALID_TXN_STATE', () => producer.beginTransaction())
  await failure('INVALID_TXN_STATE', () => producer.transaction(async () => {}))
  await port.advance(100)
  assert.is(await running, 2)
  await producer.transaction(async () => {})
  await log.close()
})

test('its signal ends the wait with its reason, and leaves neither a timer nor a transaction', async (_, openBroker) => {
  const controller = new AbortController()
  const { port, log, producer, running, timers } = await waiting(openBroker, controller.signal)
  const reason = new Error('enough')
  controller.abort(reason)
  assert.is(await running.catch((error: unknown) => error), reason)
  assert.is(port.timers, timers + 1)
  await port.advance(100)
  assert.is(port.timers, timers)
  await producer.transaction(async () => {})
  await log.close()
})

test('however often it was run, it waits for about a second before the next run', async (_, openBroker) => {
  const port = new FakePort()
  const log = new BrokerLog(await openBroker(port), port)
  const producer = log.producer({ transactionalId: 'id' })
  const began: number[] = []
  const work = async () => {
    began.push(port.elapsed())
    throw new Error('again')
  }
  const running = producer.transaction(work, { retries: 130 })
  running.catch(() => {})
  while (began.length < 131) await port.advance(1000)
  const waited = began.slice(20).map((at, index) => at - (began[19 + index] ?? 0))
  assert.ok(Math.min(...waited) >= 800, `${waited}`)
  assert.is(await running.catch((error: Error) => error.message), 'again')
  await log.close()
})

test('a close ends the wait', async (_, openBroker) => {
  const { port, log, producer, running, timers } = await waiting(openBroker)
  await producer.close()
  await failure('PRODUCER_CLOSED', () => running)
  assert.is(port.timers, timers)
  await log.close()
})

type Moment = 'a run is undone' | 'a begin is refused'

/** Phases in which `transaction()` has neither a transaction open nor begun to wait. */
async function betweenRuns(moment: Moment, openBroker: OpenBroker, then: (producer: TransactionalProducer) => void) {
  const port = new FakePort()
  const broker = await openBroker(port)
  const open = broker.openTransactionalProducer.bind(broker)
  let isFirst = true
  broker.openTransactionalProducer = async (options) => {
    const session = await open(options)
    const here = <R>(call: () => Promise<R>): Promise<R> => {
      if (!isFirst) return call()
      isFirst = false
      const called = call()
      called.then(
        () => then(producer),
        () => then(producer),
      )
      return called
    }
    const full = () => Promise.reject(new LogError('STORAGE_FULL', 'full'))
    return {
      begin: () => (moment === 'a begin is refused' && isFirst ? here(full) : session.begin()),
      sendOffsets: (...offsets) => session.sendOffsets(...offsets),
      commit: () => session.commit(),
      abort: () => here(() => session.abort()),
    }
  }
  const log = new BrokerLog(broker, port)
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id' })
  let runs = 0
  const work = async (transaction: TransactionScope) => {
    runs++
    await transaction.send({ topic: 't', value: 'x' })
    if (moment === 'a run is undone' && runs < 2) throw new Error('again')
    return runs
  }
  const timers = port.timers
  const running = producer.transaction(work, { retries: 1 })
  running.catch(() => {})
  for (let turn = 0; turn < 20; turn++) await settle()
  return { port, log, producer, running, timers }
}

for (const moment of ['a run is undone', 'a begin is refused'] as const) {
  test(`no other transaction begins while ${moment}, before the wait`, async (_, openBroker) => {
    const told: unknown[] = []
    // The moment to be caught lasts for some microtasks.
    const tryOften = (producer: TransactionalProducer, times: number) => {
      if (times === 0) return
      producer.beginTransaction().then(
        () => told.push('begun'),
        ({ code }) => told.push(code),
      )
      queueMicrotask(() => tryOften(producer, times - 1))
    }
    const { port, log, producer, running } = await betweenRuns(moment, openBroker, (of) => tryOften(of, 40))
    assert.equal(told, Array(40).fill('INVALID_TXN_STATE'))
    await port.advance(1000)
    assert.is(await running, moment === 'a run is undone' ? 2 : 1)
    await producer.transaction(async () => {})
    await log.close()
  })

  test(`a close while ${moment} leaves no wait`, async (_, openBroker) => {
    let closed = Promise.resolve()
    const { port, log, running, timers } = await betweenRuns(moment, openBroker, (producer) => {
      closed = producer.close()
    })
    await closed
    assert.is(port.timers, timers)
    await failure('PRODUCER_CLOSED', () => running)
    await log.close()
  })
}

// The signal aborted while the run before was being undone: the error of that run was told instead.
test('a signal that aborts while a run is undone has its reason told, where another run would follow', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id' })
  const ofWork = new Error('again')
  const reason = new Error('enough')
  for (const [retries, expected] of [
    [1, reason],
    [0, ofWork],
  ] as const) {
    const controller = new AbortController()
    const running = producer.transaction(
      async (transaction) => {
        await transaction.send({ topic: 't', value: 'x' })
        // The signal aborts after the work has rejected.
        setImmediate(() => controller.abort(reason))
        throw ofWork
      },
      { retries, signal: controller.signal },
    )
    assert.is(await running.catch((error: unknown) => error), expected)
  }
  await log.close()
})

test.run()
