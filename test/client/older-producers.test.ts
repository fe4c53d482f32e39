// A producer of a transactional id that doesn't know what became of its transaction, and another one that opens the id
// meanwhile: the newer one goes on.
import * as assert from 'uvu/assert'
import type { Broker } from '../../bindings/broker/broker.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { FakePort } from './fake-port.ts'
import { type OpenBroker, test } from './stores.ts'
import { failure, text } from './support.ts'

const lost = () => new LogError('NETWORK_EXCEPTION', 'the answer is lost')

/** Its producer's first transaction ended as `fails` says, and it wasn't told how. */
async function unsure(openBroker: OpenBroker, isCommitted: boolean) {
  const port = new FakePort()
  const broker: Broker = await openBroker(port)
  const openProducer = broker.openTransactionalProducer.bind(broker)
  let failing = true
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    return {
      begin: () => session.begin(),
      sendOffsets: (...offsets) => session.sendOffsets(...offsets),
      async commit() {
        if (!failing || isCommitted) await session.commit()
        if (failing) throw lost()
      },
      async abort() {
        if (failing) throw lost()
        await session.abort()
      },
    }
  }
  const log = new BrokerLog(broker, port)
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id' })
  await failure('NETWORK_EXCEPTION', () => producer.transaction((tx) => tx.send({ topic: 't', value: 'first' })))
  failing = false
  const values = async () => {
    const seen: (string | null)[] = []
    for await (const { value } of log.read('t', { until: 'end' })) seen.push(text(value))
    return seen
  }
  return { log, producer, values }
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
  const port = new FakePort()
  const broker: Broker = await openBroker(port)
  const openProducer = broker.openTransactionalProducer.bind(broker)
  let isLosing = true
  broker.openTransactionalProducer = async (options) => {
    const session = await openProducer(options)
    return {
      begin: () => session.begin(),
      sendOffsets: (...offsets) => session.sendOffsets(...offsets),
      commit: () => session.commit(),
      async abort() {
        if (isLosing) throw lost()
        await session.abort()
      },
    }
  }
  const log = new BrokerLog(broker, port)
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id' })
  const transaction = await producer.beginTransaction()
  await transaction.send({ topic: 't', value: 'aborted' })
  await failure('NETWORK_EXCEPTION', () => transaction.abort())
  await failure('NETWORK_EXCEPTION', () => producer.beginTransaction())
  isLosing = false
  await producer.transaction((tx) => tx.send({ topic: 't', value: 'next' }))
  const seen: (string | null)[] = []
  for await (const { value } of log.read('t', { until: 'end' })) seen.push(text(value))
  assert.equal(seen, ['next'])
  await log.close()
})

test.run()
