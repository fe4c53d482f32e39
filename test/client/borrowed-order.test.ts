// Calls whose records the log takes uncopied don't wait: where their batch must not go yet, they are copied.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { settle } from './fake-port.ts'
import { COUNT, filler, known, list, sendAndReuse } from './lent-lists.ts'
import { failure, gate, setup } from './support.ts'

test('no batch overtakes the producer’s first one while it is unknown whether that one is written', async () => {
  const { log, broker, port } = setup()
  broker.borrows = () => true
  const producer = log.producer()
  await producer.send([])
  broker.fault = (_, count) => (count === 0 ? { kind: 'drop' } : undefined)
  const first = producer.send({ topic: 't', value: 'first' })
  await settle()
  const sent = sendAndReuse(producer, list('a'))
  await port.advance(10)
  await Promise.all([first, sent])
  assert.equal(broker.borrowed, [])
  assert.equal(broker.texts('t').slice(0, 2), ['first', `a 0 ${filler}`])
})

test('no batch goes beside the first one of its producer, which the log may not take', async () => {
  const { log, broker, port } = setup()
  broker.borrows = () => true
  const refused = gate()
  const openProducer = broker.openProducer.bind(broker)
  broker.openProducer = async () => {
    const session = await openProducer()
    const append = session.append.bind(session)
    session.append = async () => {
      session.append = append
      await refused.opened
      throw new LogError('MEMORY_CAP_REACHED', 'not now')
    }
    return session
  }
  const producer = log.producer()
  await producer.send([])
  const first = producer.send({ topic: 't', value: 'first' })
  await settle()
  const sent = sendAndReuse(producer, list('a'))
  refused.open()
  await port.advance(10)
  await Promise.all([first, sent])
  assert.equal(broker.texts('t').slice(0, 2), ['first', `a 0 ${filler}`])
})

test('no batch goes before one that is asked for again, where the log would refuse it', async () => {
  const { log, broker, port } = setup()
  broker.borrows = () => true
  const producer = await known(log)
  broker.fault = (_, count) => (count === 1 ? { kind: 'drop' } : undefined)
  const dropped = producer.send({ topic: 't', value: 'dropped' })
  await settle()
  const sent = sendAndReuse(producer, list('a'))
  await port.advance(10)
  await Promise.all([dropped, sent])
  assert.equal(broker.texts('t').slice(0, 3), ['known', 'dropped', `a 0 ${filler}`])
})

test('no batch goes before one that is to be asked for again once the one before it is answered', async () => {
  const { log, broker, port } = setup()
  broker.borrows = () => true
  const producer = await known(log, log.producer({ batchSizeBytes: 100 }))
  const slow = gate()
  broker.fault = (_, count) => {
    if (count === 1 || count === 2) return { kind: 'drop' }
    return count === 3 ? { kind: 'hold', until: slow.opened } : undefined
  }
  const both = ['first', 'second'].map((name) => producer.send({ topic: 't', value: `${name} ${filler}` }))
  await port.advance(1000)
  assert.is(broker.appends.length, 4, 'the first one has been asked for again, and the second one waits')
  const sent = sendAndReuse(producer, list('a'))
  slow.open()
  await port.advance(10)
  await Promise.all([...both, sent])
  assert.equal(
    broker
      .texts('t')
      .slice(1, 4)
      .map((text) => text.slice(0, 3)),
    ['fir', 'sec', 'a 0'],
  )
})

test('no batch goes over the gap that a refused one has left, where the log would refuse it', async () => {
  const { log, broker, port } = setup()
  broker.borrows = () => true
  const producer = await known(log, log.producer({ batchSizeBytes: 100 }))
  const slow = gate()
  const error = new LogError('INVALID_TIMESTAMP', 'refused')
  broker.fault = (_, count) => {
    if (count === 1) return { kind: 'hold', until: slow.opened }
    return count === 2 ? { kind: 'refuse', error } : undefined
  }
  const one = (name: string) => producer.send({ topic: 't', value: `${name} ${filler}` })
  const before = one('before')
  const refused = failure('INVALID_TIMESTAMP', () => one('refused'))
  const behind = one('behind')
  await settle()
  const sent = sendAndReuse(producer, list('a'))
  slow.open()
  await port.advance(10)
  await Promise.all([before, refused, behind, sent])
  const [first, second, third, fourth] = broker.texts('t')
  assert.equal(
    [first, second?.slice(0, 6), third?.slice(0, 6), fourth?.slice(0, 3)],
    ['known', 'before', 'behind', 'a 0'],
  )
})

test('no batch follows one that may be written under its epoch: where it is not, the log would refuse it', async () => {
  const { log, broker } = setup()
  broker.borrows = () => true
  const producer = await known(log)
  const error = new LogError('STORAGE_FULL', 'no room')
  broker.fault = (_, count) => (count === 1 ? { kind: 'refuse', error } : undefined)
  await failure('STORAGE_FULL', () => producer.send({ topic: 't', value: 'maybe' }))
  await sendAndReuse(producer, list('a'))
  assert.equal(broker.texts('t').slice(0, 2), ['known', `a 0 ${filler}`])
  assert.is(broker.epochsBumped, 1)
})

test('no batch is sent under an epoch that is about to end', async () => {
  const { log, broker, port } = setup({ t: 2 })
  broker.borrows = () => true
  const producer = log.producer()
  for (const partition of [0, 1]) await producer.send({ topic: 't', partition, value: 'known' })
  const { opened, open } = gate()
  const error = new LogError('MEMORY_CAP_REACHED', 'failed')
  broker.fault = ({ partition }) => (partition === 0 ? { kind: 'fail', error } : { kind: 'hold', until: opened })
  const failed = producer.send(list('a', { partition: 0 }))
  const held = producer.send({ topic: 't', partition: 1, value: 'held' })
  await failure('MEMORY_CAP_REACHED', () => failed)
  broker.fault = () => undefined
  const behind = producer.send({ topic: 't', partition: 0, value: 'behind' })
  await settle()
  const sent = sendAndReuse(producer, list('b', { partition: 1 }))
  assert.equal(broker.borrowed, [COUNT])
  open()
  await port.advance(10)
  await Promise.all([held, behind, sent])
  assert.equal(
    broker.appends.map(({ producerEpoch }) => producerEpoch),
    [0, 0, 0, 0, 1, 1],
  )
})

test.run()
