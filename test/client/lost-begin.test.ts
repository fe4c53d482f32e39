// The answer to a begin was lost, and the log aborted the transaction meanwhile: found by a swarm run. No later begin
// of the same producer succeeded, each rejected with TRANSACTION_ABORTABLE.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Broker } from '../../bindings/broker/broker.ts'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import type { TransactionalSession } from '../../bindings/broker/transactional-session.ts'
import { LogTransactionalProducer } from '../../bindings/client/transaction/transactional-producer.ts'
import type { ErrorCode } from '../../bindings/model/error-table.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { FakePort } from './fake-port.ts'
import { failure } from './support.ts'

/** Longer than the waits before three more runs. */
const WAITS_MS = 5000

/** As the log answers a producer of the epoch before: only an abort tells the present epoch. */
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

function producerOver(session: TransactionalSession, port: FakePort = new FakePort()): LogTransactionalProducer {
  const broker = { openTransactionalProducer: async () => session } as unknown as Broker
  return new LogTransactionalProducer(broker, port, { transactionalId: 'id' }, () => {})
}

test('the next begin aborts what is left of it and goes on', async () => {
  const session = new BehindSession('TRANSACTION_ABORTABLE')
  await producerOver(session).beginTransaction()
  assert.equal(session.calls, ['begin', 'abort', 'begin'])
})

test('a producer that a newer one has fenced can do nothing any more', async () => {
  const session = new BehindSession('PRODUCER_FENCED')
  const producer = producerOver(session)
  await failure('PRODUCER_FENCED', () => producer.beginTransaction())
  const later = await failure('PRODUCER_FENCED', () => producer.beginTransaction())
  assert.is(later.message, 'a newer producer has the transactional id "id", or it was fenced by hand')
  assert.equal(session.calls, ['begin'])
})

test('a producer whose transactional id the log has forgotten is finished', async () => {
  const session = new BehindSession('INVALID_PRODUCER_ID_MAPPING')
  const producer = producerOver(session)
  await failure('INVALID_PRODUCER_ID_MAPPING', () => producer.beginTransaction())
  const later = await failure('INVALID_PRODUCER_ID_MAPPING', () => producer.beginTransaction())
  assert.match(
    later.message,
    'the transactional id "id" no more: nobody used it for a week, or a newer producer has it',
  )
  assert.equal(session.calls, ['begin'])
})

/**
 * What a refused commit may leave open: it was asked twice and is on its way, or its answer was lost with the holder.
 */
const UNDECIDED = ['CONCURRENT_TRANSACTIONS', 'NETWORK_EXCEPTION'] as const

/** As the log answers in such a case: only the abort after the commit tells what became of that. */
class UndecidedSession implements TransactionalSession {
  commits = 0
  readonly #refusal: ErrorCode
  readonly #isUndone: boolean

  constructor(refusal: ErrorCode, isUndone: boolean) {
    this.#refusal = refusal
    this.#isUndone = isUndone
  }

  async begin(): Promise<ProducerSession> {
    return {} as ProducerSession
  }

  async commit(): Promise<void> {
    if (this.commits++ === 0) throw new LogError(this.#refusal, 'by the test')
  }

  async abort(): Promise<void> {
    if (!this.#isUndone) throw new LogError('INVALID_TXN_STATE', 'is in state PrepareCommit')
  }

  async sendOffsets(): Promise<void> {}
}

test('work is run again after a refused commit only if the abort that followed was done', async () => {
  for (const refusal of UNDECIDED) {
    for (const isUndone of [true, false]) {
      const session = new UndecidedSession(refusal, isUndone)
      const port = new FakePort()
      let runs = 0
      const outcome = producerOver(session, port)
        .transaction(async () => void runs++, { retries: 3 })
        .then(
          () => 'committed',
          (error: unknown) => (error as LogError).code,
        )
      await port.advance(WAITS_MS)
      const code = await outcome
      assert.equal([runs, code], isUndone ? [2, 'committed'] : [1, refusal])
    }
  }
})

test('where the answer to a commit was lost and the transaction is committed, the next begin asks for the commit once more', async () => {
  const session = new UndecidedSession('NETWORK_EXCEPTION', false)
  const producer = producerOver(session)
  const transaction = await producer.beginTransaction()
  await failure('NETWORK_EXCEPTION', () => transaction.commit())
  await producer.beginTransaction()
  assert.is(session.commits, 2)
})

test('once an end was asked again and done, later transactions begin without that', async () => {
  const calls: string[] = []
  const isLost = (call: string) => calls.filter((each) => each === call).length === 1
  const end = async (call: string) => {
    calls.push(call)
    if (isLost(call)) throw new LogError('NETWORK_EXCEPTION', 'by the test')
  }
  const session = {
    begin: async () => void calls.push('begin'),
    commit: () => end('commit'),
    abort: () => end('abort'),
    sendOffsets: async () => {},
  } as unknown as TransactionalSession
  const producer = producerOver(session)
  await failure('NETWORK_EXCEPTION', async () => (await producer.beginTransaction()).commit())
  for (let count = 0; count < 2; count++) await (await producer.beginTransaction()).commit()
  assert.equal(calls, ['begin', 'commit', 'abort', 'abort', 'begin', 'commit', 'begin', 'commit'])
})

test('after an end that failed the next transaction goes on with the same session', async () => {
  for (const code of ['TRANSACTION_ABORTABLE', 'NETWORK_EXCEPTION'] as const) {
    let opened = 0
    const commit = async () => {
      if (opened === 1) throw new LogError(code, 'by the test')
    }
    const openTransactionalProducer = async () => {
      opened++
      return { begin: async () => ({}), commit, abort: async () => {}, sendOffsets: async () => {} }
    }
    const broker = { openTransactionalProducer } as unknown as Broker
    const producer = new LogTransactionalProducer(broker, new FakePort(), { transactionalId: 'id' }, () => {})
    const transaction = await producer.beginTransaction()
    assert.is(await transaction.commit().catch((error: LogError) => error.code), code)
    await producer.beginTransaction()
    assert.is(opened, 1, code)
  }
})

test.run()
