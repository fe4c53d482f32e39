// A begin whose answer was lost, while the log aborted what it had begun: found by a swarm run. No later begin of the
// same producer came through, each was told TRANSACTION_ABORTABLE.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Broker } from '../../bindings/broker/broker.ts'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import type { TransactionalSession } from '../../bindings/broker/transactional-session.ts'
import { LogTransactionalProducer } from '../../bindings/client/transaction/transactional-producer.ts'
import type { ErrorCode } from '../../bindings/model/error-table.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { FakePort } from './fake-port.ts'

const TIMEOUT_MS = 60_000

/** As the log answers a producer of the epoch before: only an abort tells the epoch of now. */
class BehindSession implements TransactionalSession {
  readonly calls: string[] = []
  #isBehind = true
  readonly #refusal: ErrorCode

  constructor(refusal: ErrorCode) {
    this.#refusal = refusal
  }

  async begin(): Promise<ProducerSession> {
    this.calls.push('begin')
    if (this.#isBehind) throw new LogError(this.#refusal, 'of the epoch before')
    return {} as ProducerSession
  }

  async abort(): Promise<void> {
    this.calls.push('abort')
    this.#isBehind = false
  }

  async sendOffsets(): Promise<void> {}
  async commit(): Promise<void> {}
}

/** The wait before another run takes no time; the deadline of one never comes. */
class HastyPort extends FakePort {
  override setTimer(delayMs: number, callback: () => void): () => void {
    if (delayMs < TIMEOUT_MS) callback()
    return () => {}
  }
}

function producerOver(session: TransactionalSession): LogTransactionalProducer {
  const broker = { openTransactionalProducer: async () => session } as unknown as Broker
  const options = { transactionalId: 'id', transactionTimeoutMs: TIMEOUT_MS }
  return new LogTransactionalProducer(broker, new HastyPort(), options, () => {})
}

test('the next begin aborts what is left of it and goes on', async () => {
  const session = new BehindSession('TRANSACTION_ABORTABLE')
  await producerOver(session).beginTransaction()
  assert.equal(session.calls, ['begin', 'abort', 'begin'])
})

test('one that a newer producer has fenced goes on with nothing', async () => {
  const session = new BehindSession('PRODUCER_FENCED')
  try {
    await producerOver(session).beginTransaction()
    assert.unreachable()
  } catch (error) {
    assert.is((error as LogError).code, 'PRODUCER_FENCED')
  }
  assert.equal(session.calls, ['begin'])
})

test('one whose id the log has forgotten is finished', async () => {
  const session = new BehindSession('INVALID_PRODUCER_ID_MAPPING')
  const producer = producerOver(session)
  for (const expected of ['INVALID_PRODUCER_ID_MAPPING', 'PRODUCER_FENCED']) {
    assert.is(await producer.beginTransaction().catch((error: LogError) => error.code), expected)
  }
  assert.equal(session.calls, ['begin'])
})

/**
 * As the log answers where a commit that was asked twice is on its way: neither it nor the abort behind it is told how
 * that ends.
 */
class UndecidedSession implements TransactionalSession {
  commits = 0
  readonly #isUndone: boolean

  constructor(isUndone: boolean) {
    this.#isUndone = isUndone
  }

  async begin(): Promise<ProducerSession> {
    return {} as ProducerSession
  }

  async commit(): Promise<void> {
    if (this.commits++ === 0) throw new LogError('CONCURRENT_TRANSACTIONS', 'is in state PrepareCommit')
  }

  async abort(): Promise<void> {
    if (!this.#isUndone) throw new LogError('INVALID_TXN_STATE', 'is in state PrepareCommit')
  }

  async sendOffsets(): Promise<void> {}
}

test('work is run again behind a refused commit only where the abort behind it was done', async () => {
  for (const isUndone of [true, false]) {
    const session = new UndecidedSession(isUndone)
    let runs = 0
    const code = await producerOver(session)
      .transaction(async () => void runs++, { retries: 3 })
      .then(
        () => 'committed',
        (error: unknown) => (error as LogError).code,
      )
    assert.equal([runs, code], isUndone ? [2, 'committed'] : [1, 'CONCURRENT_TRANSACTIONS'])
  }
})

test('behind an end that failed the next transaction begins with a new session, but for one that is aborted', async () => {
  for (const [code, sessions] of [
    ['TRANSACTION_ABORTABLE', 1],
    ['NETWORK_EXCEPTION', 2],
  ] as const) {
    let opened = 0
    const commit = async () => {
      if (opened === 1) throw new LogError(code, 'by the test')
    }
    const openTransactionalProducer = async () => {
      opened++
      return { begin: async () => ({}), commit, abort: async () => {}, sendOffsets: async () => {} }
    }
    const broker = { openTransactionalProducer } as unknown as Broker
    const producer = new LogTransactionalProducer(broker, new HastyPort(), { transactionalId: 'id' }, () => {})
    const transaction = await producer.beginTransaction()
    assert.is(await transaction.commit().catch((error: LogError) => error.code), code)
    await producer.beginTransaction()
    assert.is(opened, sessions, code)
  }
})

test.run()
