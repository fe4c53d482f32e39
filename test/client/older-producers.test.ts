// A producer of a transactional id that doesn't know what became of its transaction, and another one that opens the id
// meanwhile: the newer one goes on.
import * as assert from 'uvu/assert'
import type { Broker } from '../../bindings/broker/broker.ts'
import type { TransactionalSession } from '../../bindings/broker/transactional-session.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { FakePort } from './fake-port.ts'
import { type OpenBroker, test } from './stores.ts'
import { failure, text } from './support.ts'

const lost = () => new LogError('NETWORK_EXCEPTION', 'the answer is lost')

type Ends = Pick<TransactionalSession, 'commit' | 'abort'>

/**
 * A log whose producers end transactions as `ends` makes of the ends that the log has, and what is committed in `t`.
 */
async function logWith(openBroker: OpenBroker, ends: (session: TransactionalSession) => Partial<Ends>) {
  const port = new FakePort()
  const broker: Broker = await openBroker(port)
  const openProducer = broker.openTransactionalProducer.bind(broker)
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    return {
      begin: () => session.begin(),
      sendOffsets: (...offsets) => session.sendOffsets(...offsets),
      commit: () => session.commit(),
      abort: () => session.abort(),
      ...ends(session),
    }
  }
  const log = new BrokerLog(broker, port)
  await log.admin.createTopic('t')
  const values = async () => {
    const seen: (string | null)[] = []
    for await (const { value } of log.read('t', { until: 'end' })) seen.push(text(value))
    return seen
  }
  return { log, producer: log.producer({ transactionalId: 'id' }), values }
}

/** Its producer's first transaction was committed or not, and the producer wasn't told which. */
async function unsure(openBroker: OpenBroker, isCommitted: boolean) {
  let isLosing = true
  const opened = await logWith(openBroker, (session) => ({
    async commit() {
      if (!isLosing || isCommitted) await session.commit()
      if (isLosing) throw lost()
    },
    async abort() {
      if (isLosing) throw lost()
      await session.abort()
    },
  }))
  await failure('NETWORK_EXCEPTION', () => opened.producer.transaction((tx) => tx.send({ topic: 't', value: 'first' })))
  isLosing = false
  return opened
}

for (const isCommitted of [true, false]) {
  const first = isCommitted ? ['first'] : []
  const name = `an answer of a ${isCommitted ? 'commit' : 'transaction that was not committed'} is lost`

  test(`${name}: the producer is fenced by a newer one, and doesn't end it`, async (_, openBroker) => {
    const { log, producer, values } = await unsure(openBroker, isCommitted)
    const newer = log.producer({ transactionalId: 'id' })
    await newer.transaction((tx) => tx.send({ topic: 't', value: 'newer' }))
    await failure('PRODUCER_FENCED', () => producer.transaction((tx) => tx.send({ topic: 't', value: 'older' })))
    await newer.transaction((tx) => tx.send({ topic: 't', value: 'newer again' }))
    assert.equal(await values(), [...first, 'newer', 'newer again'])
    await log.close()
  })

  test(`${name}: the producer goes on, where there is no newer one`, async (_, openBroker) => {
    const { log, producer, values } = await unsure(openBroker, isCommitted)
    for (const value of ['second', 'third']) await producer.transaction((tx) => tx.send({ topic: 't', value }))
    assert.equal(await values(), [...first, 'second', 'third'])
    await log.close()
  })
}

test('what was aborted is never committed, however many answers to its abort are lost', async (_, openBroker) => {
  let isLosing = true
  const { log, producer, values } = await logWith(openBroker, (session) => ({
    async abort() {
      if (isLosing) throw lost()
      await session.abort()
    },
  }))
  const transaction = await producer.beginTransaction()
  await transaction.send({ topic: 't', value: 'aborted' })
  await failure('NETWORK_EXCEPTION', () => transaction.abort())
  await failure('NETWORK_EXCEPTION', () => producer.beginTransaction())
  isLosing = false
  await producer.transaction((tx) => tx.send({ topic: 't', value: 'next' }))
  assert.equal(await values(), ['next'])
  await log.close()
})

test.run()
