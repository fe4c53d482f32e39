// Exactly once whatever the log answers: lost answers, refusals, gaps, and any mix of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import type { Fault } from './fake-broker.ts'
import { plainAppend } from './fake-partition.ts'
import { settle } from './fake-port.ts'
import { failure, gate, setup } from './support.ts'

const alone = { batchSizeBytes: 0 }

test('a lost answer is asked for again under the same sequence, and the record is there once', async () => {
  const { log, broker, port } = setup()
  broker.fault = (_, count) => (count === 0 ? { kind: 'lose' } : undefined)
  const sent = log.producer().send({ topic: 't', value: 'a' })
  await port.advance(10)
  assert.is((await sent).offset, 0)
  assert.equal(
    broker.appends.map((each) => each.baseSequence),
    [0, 0],
  )
  assert.equal(broker.texts('t'), ['a'])
})

test('batches after a dropped one keep their order', async () => {
  const { log, broker, port } = setup()
  broker.fault = (_, count) => (count === 1 ? { kind: 'drop' } : undefined)
  const producer = log.producer(alone)
  const sent = ['a', 'b', 'c', 'd'].map((value) => producer.send({ topic: 't', value }))
  await port.advance(10)
  assert.equal(
    (await Promise.all(sent)).map(({ offset }) => offset),
    [0, 1, 2, 3],
  )
  assert.equal(broker.texts('t'), ['a', 'b', 'c', 'd'])
  assert.is(broker.epochsBumped, 0)
})

// The new topic's partition takes any first sequence: with that of a later batch, the dropped one came last.
test('batches after a dropped one keep their order in a topic that was made again, too', async () => {
  const { log, broker, port } = setup()
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'first' })
  broker.topics.delete('t')
  broker.create('t', 1, {})
  broker.fault = (_, count) => (count === 1 ? { kind: 'drop' } : undefined)
  const sent = ['a', 'b', 'c'].map((value) => producer.send({ topic: 't', value }))
  await port.advance(10)
  assert.equal(
    (await Promise.all(sent)).map(({ offset }) => offset),
    [0, 1, 2],
  )
  assert.equal(broker.texts('t'), ['a', 'b', 'c'])
  assert.is(broker.epochsBumped, 0)
})

// The new partition takes any first sequence of the producer: it took the batch whose wait was shorter, or one that was
// sent meanwhile, for the first.
for (const which of ['one that was under way with it', 'what is sent meanwhile'] as const) {
  test(`a batch that is asked for again in a topic that was made again meanwhile comes before ${which}`, async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { log, broker, port } = setup({ t: 1 }, seed * 104_729)
      const producer = log.producer(alone)
      await producer.send({ topic: 't', value: 'first' })
      broker.fault = () => ({ kind: 'drop' })
      const send = (value: string) => producer.send({ topic: 't', value })
      const sent = [send('a')]
      if (which === 'one that was under way with it') sent.push(send('b'))
      await settle()
      const known = broker.facts('t')
      broker.topics.delete('t')
      broker.create('t', 1, {})
      // As a process sees it that is attached: no answer has told of the new topic.
      broker.outdated.set('t', known)
      broker.fault = () => undefined
      if (which === 'what is sent meanwhile') sent.push(send('b'))
      await port.advance(1000)
      assert.equal(
        (await Promise.all(sent)).map(({ offset }) => offset),
        [0, 1],
      )
      assert.equal(broker.texts('t'), ['a', 'b'], `seed ${seed}`)
      assert.is(broker.epochsBumped, 0)
    }
  })
}

// The new partition takes any first sequence of the producer: that of the batch which was under way was accepted, and
// the one that was refused before it came after it, in a new epoch.
for (const isKnownSince of [false, true]) {
  const when = isKnownSince ? 'as it knows by then' : 'of which it has not heard'
  test(`a topic that is made again between two batches, ${when}, gets them in their order`, async () => {
    const { log, broker, port } = setup()
    const producer = log.producer(alone)
    await producer.send({ topic: 't', value: 'first' })
    const known = broker.facts('t')
    broker.fault = (_, count) => {
      if (count === 1) return { kind: 'drop' }
      if (count !== 2) return undefined
      broker.topics.delete('t')
      broker.create('t', 1, {})
      if (!isKnownSince) broker.outdated.set('t', known)
      return undefined
    }
    const send = (value: string) => producer.send({ topic: 't', value })
    const sent = [send('a'), send('b')]
    await settle()
    sent.push(send('c'))
    await port.advance(1000)
    assert.equal(
      (await Promise.all(sent)).map(({ offset }) => offset),
      [0, 1, 2],
    )
    assert.equal(broker.texts('t'), ['a', 'b', 'c'])
    assert.is(broker.epochsBumped, 0)
  })
}

test('what is sent while a batch is to be asked for again waits for it: the log would refuse it', async () => {
  const { log, broker, port } = setup()
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'first' })
  broker.fault = (_, count) => (count === 1 ? { kind: 'drop' } : undefined)
  const sent = [producer.send({ topic: 't', value: 'a' })]
  await settle()
  sent.push(producer.send({ topic: 't', value: 'b' }))
  await settle()
  assert.is(broker.appends.length, 2, 'first and a')
  await port.advance(1000)
  await Promise.all(sent)
  assert.equal(broker.texts('t'), ['first', 'a', 'b'])
})

test('batches that wait for one that is asked for again are given up with it, and not after waits of their own', async () => {
  const { log, broker, port } = setup()
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'first' })
  broker.fault = () => ({ kind: 'drop' })
  const sent = ['a', 'b', 'c'].map((value) => failure('MEMORY_CAP_REACHED', () => producer.send({ topic: 't', value })))
  await port.advance(160_000)
  await Promise.all(sent)
})

test('a refused batch leaves its sequence to those after it', async () => {
  const { log, broker } = setup()
  const error = new LogError('INVALID_TIMESTAMP', 'refused')
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'first' })
  broker.fault = (_, count) => (count === 2 ? { kind: 'refuse', error } : undefined)
  const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map((value) => producer.send({ topic: 't', value })))
  assert.equal(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
  assert.equal(broker.texts('t'), ['first', 'a', 'c', 'd'])
  assert.is(broker.epochsBumped, 0, 'nothing after it was written')
})

test('a send whose record is refused fails alone: others of its batch go out by themselves, in their order', async () => {
  const { log, broker } = setup()
  const error = new LogError('INVALID_TIMESTAMP', 'refused')
  const [first, second] = [log.producer(), log.producer()]
  await Promise.all([first.send([]), second.send([])])
  await first.send({ topic: 't', value: 'first' })
  broker.fault = (request) => {
    const isWrong = plainAppend(request).records.some(({ value }) => value === 'wrong')
    return isWrong ? { kind: 'refuse', error } : undefined
  }
  const values = [['a', 'b'], ['wrong', 'beside it'], ['c'], ['d', 'e']]
  const sent = values.map((each, index) => {
    return (index % 2 === 0 ? first : second).send(each.map((value) => ({ topic: 't', value })))
  })
  // Goes out after the refused batch, and is numbered anew.
  const later = Promise.resolve().then(() => first.send({ topic: 't', value: 'later' }))
  const results = await Promise.allSettled(sent)
  assert.equal(
    results.map((each) => (each.status === 'fulfilled' ? each.value.map(({ offset }) => offset) : each.reason)),
    [[1, 2], error, [3], [4, 5]],
  )
  assert.is((await later).offset, 6)
  assert.equal(broker.texts('t'), ['first', 'a', 'b', 'c', 'd', 'e', 'later'])
  assert.is(broker.epochsBumped, 0, 'no sequence of it was used up')
})

test('a sequence that was left in front of a written batch is never used again', async () => {
  const { log, broker } = setup()
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'a' })
  // As after the topic was created again: the partition takes any first sequence.
  broker.partition({ topic: 't', partition: 0 }).windows.clear()
  const error = new LogError('INVALID_TIMESTAMP', 'refused')
  broker.fault = (_, count) => (count === 1 ? { kind: 'refuse', error } : undefined)
  const refused = failure('INVALID_TIMESTAMP', () => producer.send({ topic: 't', value: 'refused' }))
  assert.is((await producer.send({ topic: 't', value: 'behind' })).offset, 1)
  await refused
  // Numbered from the gap on, the second one would have the sequence of what is written, and be taken for it.
  const after = ['after', 'last'].map((value) => producer.send({ topic: 't', value }))
  assert.equal(
    (await Promise.all(after)).map(({ offset }) => offset),
    [2, 3],
  )
  assert.equal(broker.texts('t'), ['a', 'behind', 'after', 'last'])
  assert.is(broker.epochsBumped, 1)
})

test('the first batch of a partition goes alone: the log would take the second one as the first', async () => {
  const { log, broker, port } = setup()
  broker.fault = (_, count) => (count === 0 ? { kind: 'drop' } : undefined)
  const producer = log.producer(alone)
  const sent = ['a', 'b', 'c'].map((value) => producer.send({ topic: 't', value }))
  await port.advance(10)
  await Promise.all(sent)
  assert.equal(broker.texts('t'), ['a', 'b', 'c'])
})

// Its epochs are used up, so that the partition has never heard of the id that it goes on under.
test('the first batch of a partition goes alone under another id of the producer, too', async () => {
  const { log, broker, port } = setup()
  const openProducer = broker.openProducer.bind(broker)
  broker.openProducer = async () => {
    const session = await openProducer()
    session.bumpEpoch = async () => void Object.assign(session, { producerId: session.producerId + 1 })
    return session
  }
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'first' })
  broker.fault = (_, count) => {
    if (count === 1) return { kind: 'fail', error: new LogError('STORAGE_FULL', 'no room') }
    return count === 2 ? { kind: 'drop' } : undefined
  }
  await failure('STORAGE_FULL', () => producer.send({ topic: 't', value: 'maybe' }))
  const sent = ['a', 'b', 'c'].map((value) => producer.send({ topic: 't', value }))
  for (let turn = 0; turn < 5; turn++) await port.advance(10)
  await Promise.all(sent)
  assert.equal(broker.texts('t'), ['first', 'maybe', 'a', 'b', 'c'])
})

test('after an answer that leaves open whether the batch is written, the next one is not taken for it', async () => {
  const { log, broker } = setup()
  const error = new LogError('STORAGE_FULL', 'no room')
  broker.fault = (_, count) => (count === 0 ? { kind: 'fail', error } : undefined)
  const producer = log.producer()
  await failure('STORAGE_FULL', () => producer.send({ topic: 't', value: 'maybe' }))
  await producer.send({ topic: 't', value: 'next' })
  assert.equal(broker.texts('t'), ['maybe', 'next'])
})

test('a batch whose place the log has forgotten counts as written, at an unknown place', async () => {
  const { log, broker, port } = setup()
  broker.fault = (_, count) => {
    if (count === 0) return { kind: 'lose' }
    for (const window of broker.partition({ topic: 't', partition: 0 }).windows.values()) {
      window.batches = [1, 2, 3, 4, 5].map((first) => ({ first, count: 1, baseOffset: first }))
    }
    return undefined
  }
  const sent = log.producer().send({ topic: 't', value: 'a' })
  await port.advance(10)
  assert.is((await sent).offset, -1)
  assert.equal(broker.texts('t'), ['a'])
})

test('a gap that a crash left is closed by one new epoch, and the unanswered batches are numbered anew', async () => {
  const { log, broker } = setup({ t: 1, u: 1 })
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'a' })
  await producer.send({ topic: 't', value: 'b' })
  await producer.send({ topic: 'u', value: 'x' })
  for (const window of broker.partition({ topic: 't', partition: 0 }).windows.values()) {
    window.lastSequence = 0
    window.batches = window.batches.slice(0, 1)
  }
  const sent = ['c', 'd', 'e'].map((value) => producer.send({ topic: 't', value }))
  await Promise.all([...sent, producer.send({ topic: 'u', value: 'y' })])
  assert.is(broker.epochsBumped, 1)
  assert.equal(broker.texts('t'), ['a', 'b', 'c', 'd', 'e'])
  assert.equal(broker.texts('u'), ['x', 'y'])
  assert.equal(
    broker.appends.slice(-3).map((each) => each.producerEpoch),
    [1, 1, 1],
  )
})

test('a new epoch waits until every batch of the old one is answered, in every partition', async () => {
  const { log, broker } = setup({ t: 1, u: 1 })
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'a' })
  const held = gate()
  const error = new LogError('STORAGE_FULL', 'no room')
  broker.fault = ({ topic }) =>
    topic === 'u'
      ? { kind: 'hold', until: held.opened }
      : broker.epochsBumped === 0
        ? { kind: 'fail', error }
        : undefined
  const slow = producer.send({ topic: 'u', value: 'x' })
  await failure('STORAGE_FULL', () => producer.send({ topic: 't', value: 'b' }))
  const next = producer.send({ topic: 't', value: 'c' })
  await settle()
  assert.is(broker.epochsBumped, 0)
  held.open()
  await Promise.all([slow, next])
  assert.is(broker.epochsBumped, 1)
  assert.equal(broker.texts('t'), ['a', 'b', 'c'])
})

test('what is out of order even in a new epoch fails, and does not ask for epochs for ever', async () => {
  const { log, broker } = setup()
  const error = new LogError('OUT_OF_ORDER_SEQUENCE_NUMBER', 'never next')
  broker.fault = () => ({ kind: 'refuse', error })
  await failure('OUT_OF_ORDER_SEQUENCE_NUMBER', () => log.producer().send({ topic: 't', value: 'a' }))
  assert.is(broker.epochsBumped, 1)
})

test('without a new epoch sends fail, and the next one tries again', async () => {
  const { log, broker } = setup()
  const producer = log.producer()
  broker.fault = (_, count) => (count === 0 ? { kind: 'fail', error: new LogError('STORAGE_FULL', 'full') } : undefined)
  await failure('STORAGE_FULL', () => producer.send({ topic: 't', value: 'a' }))
  broker.bumpError = new LogError('MEMORY_CAP_REACHED', 'not now')
  await failure('MEMORY_CAP_REACHED', () => producer.send({ topic: 't', value: 'b' }))
  broker.bumpError = undefined
  await producer.send({ topic: 't', value: 'c' })
  assert.equal(broker.texts('t'), ['a', 'c'])
})

test('a fenced producer sends nothing more', async () => {
  const { log, broker } = setup()
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'a' })
  broker.fault = () => ({ kind: 'refuse', error: new LogError('INVALID_PRODUCER_EPOCH', 'newer') })
  await failure('INVALID_PRODUCER_EPOCH', () => producer.send({ topic: 't', value: 'b' }))
  broker.fault = () => undefined
  await failure('INVALID_PRODUCER_EPOCH', () => producer.send({ topic: 't', value: 'c' }))
  assert.equal(broker.texts('t'), ['a'])
})

test('after a fence a new producer begins with an id of its own', async () => {
  const { log, broker } = setup()
  const producer = log.producer()
  broker.fault = () => ({ kind: 'refuse', error: new LogError('INVALID_PRODUCER_EPOCH', 'newer') })
  await failure('INVALID_PRODUCER_EPOCH', () => producer.send({ topic: 't', value: 'a' }))
  broker.fault = () => undefined
  await log.producer().send({ topic: 't', value: 'b' })
  assert.is(broker.partition({ topic: 't', partition: 0 }).windows.size, 1)
  assert.equal([...broker.partition({ topic: 't', partition: 0 }).windows.keys()], [1])
})

test('asking again ends after Kafka’s delivery timeout', async () => {
  const { log, broker, port } = setup()
  broker.fault = () => ({ kind: 'drop' })
  const sent = failure('MEMORY_CAP_REACHED', () => log.producer().send({ topic: 't', value: 'a' }))
  await port.advance(80_000)
  const before = broker.appends.length
  await port.advance(80_000)
  await sent
  assert.ok(before < broker.appends.length && broker.appends.length < 140, String(broker.appends.length))
})

test('no more than four batches follow one that is unanswered, though they are answered: after five the log forgets its offset', async () => {
  const { log, broker } = setup()
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'first' })
  const held = gate()
  broker.fault = (_, count) => (count === 1 ? { kind: 'hold', until: held.opened } : undefined)
  const sent = Array.from({ length: 12 }, (_, at) => producer.send({ topic: 't', value: String(at) }))
  for (let turn = 0; turn < 10; turn++) await settle()
  assert.is(broker.appends.length, 1 + 5)
  held.open()
  const offsets = (await Promise.all(sent)).map(({ offset }) => offset)
  assert.equal(
    offsets,
    Array.from({ length: 12 }, (_, at) => at + 1),
  )
})

test('at most five batches of a partition are unanswered', async () => {
  const { log, broker } = setup()
  const held = gate()
  const producer = log.producer(alone)
  await producer.send({ topic: 't', value: 'first' })
  broker.fault = () => ({ kind: 'hold', until: held.opened })
  const sent = Array.from({ length: 12 }, (_, index) => producer.send({ topic: 't', value: String(index) }))
  await settle()
  assert.is(broker.appends.length, 6)
  held.open()
  await Promise.all(sent)
  assert.equal(
    broker.texts('t').slice(1),
    Array.from({ length: 12 }, (_, index) => String(index)),
  )
})

test('random faults: what was acknowledged is there once, in the order of the calls; nothing is there twice', async () => {
  for (let seed = 1; seed <= 150; seed++) {
    const { log, broker, port } = setup({ t: 3 }, seed)
    const refused = new LogError('INVALID_TIMESTAMP', 'refused')
    const full = new LogError('STORAGE_FULL', 'full')
    const faults: (Fault | undefined)[] = [
      { kind: 'lose' },
      { kind: 'drop' },
      { kind: 'refuse', error: refused },
      { kind: 'fail', error: full },
      { kind: 'refuse', error: full },
    ]
    broker.fault = () => faults[Math.floor(port.random() * 20)]
    const options = { batchSizeBytes: port.random() < 0.5 ? 0 : 120 }
    const producers = [log.producer(options), log.producer(options)]
    const acknowledged: Promise<{ value: string; partition: number; offset: number } | undefined>[] = []
    for (let count = 0; count < 60; count++) {
      const partition = Math.floor(port.random() * 3)
      const value = `${count}`
      const sent = producers[partition % 2]!.send({ topic: 't', partition, value })
      acknowledged.push(
        sent.then(
          ({ offset }) => ({ value, partition, offset }),
          () => undefined,
        ),
      )
      if (port.random() < 0.2) await port.advance(2)
    }
    for (let turn = 0; turn < 60; turn++) await port.advance(100)
    const written = [0, 1, 2].map((partition) => broker.texts('t', partition))
    const place = `seed ${seed}`
    for (const texts of written) {
      assert.is(new Set(texts).size, texts.length, `${place}: twice in ${texts}`)
      assert.equal(
        texts,
        [...texts].sort((a, b) => Number(a) - Number(b)),
        `${place}: order`,
      )
    }
    for (const each of await Promise.all(acknowledged)) {
      if (each === undefined) continue
      const { value, partition, offset } = each
      assert.is(written[partition]?.indexOf(value), offset < 0 ? written[partition]?.indexOf(value) : offset, place)
      assert.ok(written[partition]?.includes(value), `${place}: ${value} was acknowledged and is not there`)
    }
  }
})

test('a batch that a lowered limit refuses is cut by it, in its place among the others, and its bytes count once', async () => {
  const { log, broker } = setup()
  const producer = log.producer({ batchSizeBytes: 0, bufferBytes: 1000 })
  await producer.send({ topic: 't', value: 'first' })
  const error = new LogError('MESSAGE_TOO_LARGE', 'lowered', { maxMessageBytes: 310, segmentBytes: 10_000 })
  broker.fault = (request) => (plainAppend(request).records.length > 2 ? { kind: 'refuse', error } : undefined)
  const values = ['a', 'b', 'c', 'd', 'e'].map((name) => name.repeat(100))
  const sent = producer.send(values.map((value) => ({ topic: 't', value })))
  const behind = producer.send({ topic: 't', value: 'behind' })
  assert.equal(
    (await sent).map(({ offset }) => offset),
    [1, 2, 3, 4, 5],
  )
  assert.is((await behind).offset, 6)
  assert.equal(broker.texts('t'), ['first', ...values, 'behind'])
  assert.is(broker.epochsBumped, 0)
  // Waits for room where more counts as unanswered than is.
  await producer.send({ topic: 't', value: 'x'.repeat(900) })
})

for (const limits of [
  { maxMessageBytes: 310, segmentBytes: 10_000 },
  { maxMessageBytes: 10_000, segmentBytes: 310 },
]) {
  test(`it is cut by the smaller of its limits: ${JSON.stringify(limits)}`, async () => {
    const { log, broker } = setup()
    const producer = log.producer({ batchSizeBytes: 0 })
    await producer.send({ topic: 't', value: 'first' })
    const code = limits.segmentBytes < limits.maxMessageBytes ? 'RECORD_LIST_TOO_LARGE' : 'MESSAGE_TOO_LARGE'
    const error = new LogError(code, 'lowered', limits)
    broker.fault = (request) => (plainAppend(request).records.length > 2 ? { kind: 'refuse', error } : undefined)
    const values = ['a', 'b', 'c', 'd', 'e'].map((name) => name.repeat(100))
    await producer.send(values.map((value) => ({ topic: 't', value })))
    assert.equal(broker.texts('t'), ['first', ...values])
  })
}

test('a batch that a limit refuses is not cut where one of its records alone is too large: nothing of it is written', async () => {
  const { log, broker } = setup()
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'first' })
  const error = new LogError('MESSAGE_TOO_LARGE', 'lowered', { maxMessageBytes: 310, segmentBytes: 10_000 })
  broker.fault = (_, count) => (count === 1 ? { kind: 'refuse', error } : undefined)
  const values = ['a', 'b'.repeat(300), 'c'.repeat(100)]
  await failure('MESSAGE_TOO_LARGE', () => producer.send(values.map((value) => ({ topic: 't', value }))))
  assert.equal(broker.texts('t'), ['first'])
})

test.run()
