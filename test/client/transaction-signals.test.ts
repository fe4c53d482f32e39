// Signals of transactions where the log doesn't answer, as while its holder is stopped. The clock stands still.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Broker } from '../../bindings/broker/broker.ts'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import type { TransactionalSession } from '../../bindings/broker/transactional-session.ts'
import { LogTransactionalProducer } from '../../bindings/client/transaction/transactional-producer.ts'
import { FakePort, settle } from './fake-port.ts'
import { failure } from './support.ts'

const LIMIT_MS = 5000

type Call = 'open' | 'begin' | 'commit' | 'abort'

/** A log that answers all calls but one kind, which it answers when it is told to. */
class SilentBroker {
  readonly calls: Call[] = []
  silent: Call | undefined
  answer = (): void => {}

  async #called<T>(call: Call, result: T): Promise<T> {
    this.calls.push(call)
    if (this.silent === call) {
      await new Promise<void>((resolve) => {
        this.answer = resolve
      })
    }
    return result
  }

  openTransactionalProducer(): Promise<TransactionalSession> {
    return this.#called('open', {
      begin: () => this.#called('begin', {} as ProducerSession),
      commit: () => this.#called('commit', undefined),
      abort: () => this.#called('abort', undefined),
      sendOffsets: async () => {},
    })
  }
}

function producerOf(silent: Call) {
  const port = new FakePort()
  const broker = new SilentBroker()
  broker.silent = silent
  const producer = new LogTransactionalProducer(
    broker as unknown as Broker,
    port,
    { transactionalId: 'id', transactionTimeoutMs: 900_000 },
    () => {},
  )
  const controller = new AbortController()
  const reason = new Error('enough')
  return { port, broker, producer, signal: controller.signal, reason, stop: () => controller.abort(reason) }
}

function outcomeOf(running: Promise<unknown>): { now: unknown } {
  const outcome: { now: unknown } = { now: 'none' }
  running.then(
    (result) => {
      outcome.now = result
    },
    (error: unknown) => {
      outcome.now = error
    },
  )
  return outcome
}

for (const silent of ['open', 'begin', 'commit', 'abort'] as const) {
  test(`transaction() ends with its reason where the log doesn't answer ${silent}, and the next one works once it does`, async () => {
    const { port, broker, producer, signal, reason, stop } = producerOf(silent)
    const work = () => (silent === 'abort' ? new Promise<void>(() => {}) : Promise.resolve())
    const outcome = outcomeOf(producer.transaction(work, { signal }))
    await settle()
    stop()
    await port.advance(LIMIT_MS - 1)
    assert.is(outcome.now, 'none')
    await port.advance(1)
    assert.is(outcome.now, reason)
    assert.is(port.timers, 0)
    await failure('INVALID_TXN_STATE', () => producer.transaction(async () => {}))
    broker.silent = undefined
    broker.answer()
    await settle()
    assert.is(broker.calls.at(-1), silent === 'commit' ? 'commit' : 'abort')
    await producer.transaction(async () => {})
  })
}

for (const silent of ['open', 'begin'] as const) {
  test(`beginTransaction() ends with its reason where the log doesn't answer ${silent}`, async () => {
    const { port, broker, producer, signal, reason, stop } = producerOf(silent)
    const outcome = outcomeOf(producer.beginTransaction({ signal }))
    await settle()
    stop()
    await port.advance(LIMIT_MS)
    assert.is(outcome.now, reason)
    assert.is(port.timers, 0)
    broker.silent = undefined
    broker.answer()
    await settle()
    assert.is(broker.calls.at(-1), 'abort')
    await producer.beginTransaction()
  })
}

test('a commit that is answered within the limit is told, though the signal aborted meanwhile', async () => {
  const { port, broker, producer, signal, stop } = producerOf('commit')
  const outcome = outcomeOf(producer.transaction(async () => 'result', { signal }))
  await settle()
  stop()
  await port.advance(LIMIT_MS - 1)
  broker.answer()
  await settle()
  assert.is(outcome.now, 'result')
  assert.is(port.timers, 0)
})

test.run()
