// A begin whose answer was lost, while the log aborted what it had begun: found by a swarm run. No later begin of the same
// producer came through, each was told TRANSACTION_ABORTABLE.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Broker } from '../../bindings/broker/broker.ts'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import type { TransactionalSession } from '../../bindings/broker/transactional-session.ts'
import { LogTransactionalProducer } from '../../bindings/client/transaction/transactional-producer.ts'
import type { ErrorCode } from '../../bindings/model/error-table.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { FakePort } from './fake-port.ts'

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

function producerOver(session: TransactionalSession): LogTransactionalProducer {
  const broker = { openTransactionalProducer: async () => session } as unknown as Broker
  return new LogTransactionalProducer(broker, new FakePort(), { transactionalId: 'id' }, () => {})
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

test.run()
