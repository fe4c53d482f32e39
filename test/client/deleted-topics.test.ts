// A producer that lives long, and topics that come and go: it forgets what it knows of deleted topics, and nothing
// else.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RecordAccumulator } from '../../bindings/client/producer/record-accumulator.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { settle } from './fake-port.ts'
import { gate, setup } from './support.ts'

/** More topics than it remembers without checking. */
const MANY = 200

/** Every topic that is known was asked for. */
async function looked(): Promise<void> {
  for (let turns = 0; turns < MANY; turns++) await settle()
}

for (const answersLater of [false, true]) {
  const when = answersLater ? 'a turn later' : 'at once'

  test(`queues of deleted topics are forgotten, others stay; topics are answered ${when}`, async () => {
    const { broker, port } = setup()
    broker.answersLater = answersLater
    const accumulator = new RecordAccumulator(broker, port, { acks: 'all', batchSizeBytes: 1000 })
    await accumulator.open()
    for (let number = 0; number < MANY; number++) broker.create(`t${number}`, 1, {})
    const before = Array.from({ length: MANY }, (_, number) => accumulator.queue(`t${number}`, 0))
    await looked()
    for (let number = 0; number < MANY; number += 2) broker.topics.delete(`t${number}`)
    // The next check comes when there are twice as many as after the one before.
    for (let number = 0; number < 2 * MANY; number++) {
      broker.create(`later${number}`, 1, {})
      accumulator.queue(`later${number}`, 0)
    }
    await looked()
    const stays = before.map((queue, number) => accumulator.queue(`t${number}`, 0) === queue)
    assert.equal(
      stays,
      stays.map((_, number) => number % 2 === 1),
    )
    for (const [number, queue] of before.entries()) assert.is(queue.inUse, accumulator.queue(`t${number}`, 0))
  })

  test(`records of topics that come and go are written once and in order, whatever is forgotten; topics are answered ${when}`, async () => {
    const { log, broker } = setup()
    broker.answersLater = answersLater
    const producer = log.producer()
    for (let number = 0; number < 3 * MANY; number++) {
      const topic = `t${number % (MANY + 1)}`
      broker.topics.delete(topic)
      broker.create(topic, 1, {})
      const sends = ['a', 'b', 'c'].map((value) => producer.send({ topic, value }))
      await Promise.all(sends)
      await producer.send({ topic, value: 'd' })
      assert.equal(broker.texts(topic), ['a', 'b', 'c', 'd'], topic)
      if (number % 3 > 0) broker.topics.delete(topic)
      if (number % 50 === 0) await settle()
    }
    await producer.close()
  })
}

test('a send that waited while its topic was forgotten and made again is overtaken by no other of its partition', async () => {
  const { log, broker } = setup()
  const producer = log.producer({ bufferBytes: 50 })
  broker.create('again', 1, {})
  await producer.send({ topic: 'again', value: 'old' })
  const held = gate()
  broker.fault = (request) => (request.topic === 't' ? { kind: 'hold', until: held.opened } : undefined)
  const first = producer.send({ topic: 't', value: 'x'.repeat(49) })
  // The record has its partition, and waits for room.
  const second = producer.send({ topic: 'again', value: 'y'.repeat(20) })
  await settle()
  broker.topics.delete('again')
  const other = log.producer()
  for (let number = 0; number < MANY; number++) {
    broker.create(`t${number}`, 1, {})
    await other.send({ topic: `t${number}`, value: 'z' })
  }
  await settle()
  broker.create('again', 1, {})
  const third = await other.send({ topic: 'again', value: 'w' })
  held.open()
  await first
  await second
  await other.send({ topic: 'again', value: 'v' })
  assert.is(third.offset, 0)
  assert.equal(broker.texts('again'), ['w', 'y'.repeat(20), 'v'])
  assert.is(broker.epochsBumped, 0)
})

test('an answer that a topic is gone doesn’t count if records for the next topic of its name came before it', async () => {
  const { log, broker } = setup()
  broker.create('again', 1, {})
  const answer = gate()
  let isAsked = false
  const open = broker.openProducer.bind(broker)
  broker.openProducer = async () => {
    const session = await open()
    const known = session.topic.bind(session)
    session.topic = (name) => {
      if (name !== 'again' || broker.topics.has(name)) return known(name)
      isAsked = true
      return answer.opened.then(() => Promise.reject(new LogError('UNKNOWN_TOPIC_OR_PARTITION', 'it was not there')))
    }
    return session
  }
  const producer = log.producer()
  for (const value of ['a', 'b']) await producer.send({ topic: 'again', value })
  broker.topics.delete('again')
  for (let number = 0; number < MANY; number++) {
    broker.create(`t${number}`, 1, {})
    await producer.send({ topic: `t${number}`, value: 'z' })
  }
  await settle()
  assert.ok(isAsked)
  broker.create('again', 1, {})
  await producer.send({ topic: 'again', value: 'c' })
  answer.open()
  await settle()
  await producer.send({ topic: 'again', value: 'd' })
  assert.equal(broker.texts('again'), ['c', 'd'])
  assert.is(broker.epochsBumped, 0)
})

test('a topic that sends are under way to isn’t forgotten', async () => {
  const { log, broker } = setup()
  broker.create('busy', 1, {})
  const producer = log.producer()
  await producer.send({ topic: 'busy', value: 'first' })
  const held = gate()
  broker.fault = (request) => (request.topic === 'busy' ? { kind: 'hold', until: held.opened } : undefined)
  const sent = producer.send({ topic: 'busy', value: 'second' })
  await settle()
  const busy = broker.topics.get('busy')
  assert.ok(busy)
  broker.topics.delete('busy')
  for (let number = 0; number < MANY; number++) {
    broker.create(`t${number}`, 1, {})
    await producer.send({ topic: `t${number}`, value: 'z' })
  }
  broker.topics.set('busy', busy)
  held.open()
  assert.is((await sent).offset, 1)
  await producer.send({ topic: 'busy', value: 'third' })
  assert.equal(broker.texts('busy'), ['first', 'second', 'third'])
  await producer.send({ topic: 'gone', value: 'x' }).then(
    () => assert.unreachable(),
    (error) => assert.ok(LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')),
  )
  assert.is(broker.epochsBumped, 0)
})

test.run()
