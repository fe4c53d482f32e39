// Batches, linger, back-pressure, partial failure, flush and close.
import { deepStrictEqual } from 'node:assert/strict'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openMemory } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { settle } from './fake-port.ts'
import { failure, gate, overBrokers, setup } from './support.ts'

const lengths = (broker: { appends: { records: readonly unknown[] }[] }) =>
  broker.appends.map((each) => each.records.length)

test('sends of one turn make one batch per partition', async () => {
  const { log, broker } = setup({ t: 2 })
  const producer = log.producer()
  await producer.send([])
  const sent = [0, 1, 0, 1, 0].map((partition) => producer.send({ topic: 't', partition, value: 'x' }))
  const places = (await Promise.all(sent)).map(({ partition, offset }) => [partition, offset])
  assert.equal(lengths(broker), [3, 2])
  assert.equal(places, [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
    [0, 2],
  ])
})

test('an answer is a plain object: a program compares it with a literal, and copies it', async () => {
  const { log } = setup({ t: 1 })
  const sent = await log.producer().send([{ topic: 't', value: 'x', timestamp: 7 }])
  const expected = [{ topic: 't', partition: 0, offset: 0, timestamp: 7 }]
  deepStrictEqual(sent, expected)
  deepStrictEqual(structuredClone(sent), expected)
})

test('producers with the same acks and batch size share id and batches; others have their own', async () => {
  const { log, broker } = setup({ t: 1 })
  const producers = [log.producer(), log.producer({ lingerMs: 50 }), log.producer({ acks: 1 }), log.producer()]
  await Promise.all(producers.map((producer) => producer.send([])))
  const sent = producers.map((producer, index) => producer.send({ topic: 't', value: `${index}` }))
  const offsets = (await Promise.all(sent)).map(({ offset }) => offset)
  assert.equal(offsets, [0, 1, 3, 2])
  assert.equal(broker.texts('t'), ['0', '1', '3', '2'])
  assert.equal(lengths(broker), [3, 1])
  assert.is(broker.partition({ topic: 't', partition: 0 }).windows.size, 2)
})

test('producers that share batches flush and close each for itself, and the last one ends the session', async () => {
  const { log, broker } = setup({ t: 2 })
  const [quick, slow] = [log.producer(), log.producer()]
  await Promise.all([quick.send([]), slow.send([])])
  const held = gate()
  broker.fault = ({ partition }) => (partition === 1 ? { kind: 'hold', until: held.opened } : undefined)
  const waits = slow.send({ topic: 't', partition: 1, value: 'slow' })
  await quick.send({ topic: 't', partition: 0, value: 'quick' })
  await quick.flush()
  await quick.close()
  assert.is(broker.producersClosed, 0)
  await failure('PRODUCER_CLOSED', () => quick.send({ topic: 't', value: 'x' }))
  held.open()
  await waits
  await slow.send({ topic: 't', partition: 0, value: 'more' })
  await slow.close()
  assert.is(broker.producersClosed, 1)
  assert.equal(broker.texts('t'), ['quick', 'more'])
})

test('the partitioner is asked once a record, in the order of the calls, whatever the sends wait for', async () => {
  const { log, broker } = setup({ t: 2 })
  const asked: string[] = []
  const partitioner = ({ value }: { readonly value: unknown }) => asked.push(value as string) % 2
  const producer = log.producer({ partitioner, bufferBytes: 100 })
  const values = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(60))
  await Promise.all(values.map((value) => producer.send({ topic: 't', value })))
  await producer.send([])
  assert.equal(asked, values)
  assert.is(broker.appends.length, 4)
})

test('a batch takes up to batchSizeBytes; a larger send has its own', async () => {
  const { log, broker } = setup()
  const producer = log.producer({ batchSizeBytes: 1000 })
  await producer.send([])
  const sent = ['a', 'b', 'c'].map((letter) => producer.send({ topic: 't', value: letter.repeat(400) }))
  const large = producer.send(Array.from({ length: 5 }, () => ({ topic: 't', value: 'x'.repeat(900) })))
  await Promise.all([...sent, large])
  assert.equal(lengths(broker), [2, 1, 5])
})

test('an array is one batch per partition, cut only where max.message.bytes asks for it', async () => {
  const { log, broker } = setup({ t: { partitions: 1, config: { 'max.message.bytes': 1000 } } })
  const values = Array.from({ length: 10 }, (_, index) => `${index}`.padEnd(300, 'ä'))
  const sent = await log.producer({ batchSizeBytes: 100_000 }).send(values.map((value) => ({ topic: 't', value })))
  assert.equal(
    sent.map(({ offset }) => offset),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  assert.equal(broker.texts('t'), values)
  for (const { records } of broker.appends) {
    const bytes = records.reduce((sum, { value }) => sum + Buffer.byteLength(value as string), 61)
    assert.ok(bytes <= 1000, `${bytes}`)
  }
})

test('MESSAGE_TOO_LARGE before anything of the call is written', async () => {
  const { log, broker } = setup({ t: { partitions: 2, config: { 'max.message.bytes': 500 } } })
  const producer = log.producer()
  const error = await failure('MESSAGE_TOO_LARGE', () =>
    producer.send([
      { topic: 't', partition: 0, value: 'fits' },
      { topic: 't', partition: 1, value: 'x'.repeat(500) },
    ]),
  )
  assert.is(error.details['index'], 1)
  assert.is(broker.appends.length, 0)
  // Header 61, length 2, fixed 3, key 1, value 2 + n, header count 1.
  await producer.send({ topic: 't', value: 'x'.repeat(500 - 70) })
  await failure('MESSAGE_TOO_LARGE', () => producer.send({ topic: 't', value: 'x'.repeat(500 - 69) }))
})

overBrokers('a record larger than segment.bytes is refused as RECORD_LIST_TOO_LARGE', async (setup) => {
  const { log } = await setup({ t: { partitions: 1, config: { 'segment.bytes': 200 } } })
  await failure('RECORD_LIST_TOO_LARGE', () => log.producer().send({ topic: 't', value: 'x'.repeat(200) }))
})

test('with a linger a batch waits for more, but not when it is full', async () => {
  const { log, broker, port } = setup()
  const producer = log.producer({ lingerMs: 20, batchSizeBytes: 1000 })
  const first = producer.send({ topic: 't', value: 'a' })
  await port.advance(10)
  const second = producer.send({ topic: 't', value: 'b' })
  await port.advance(9)
  assert.equal(lengths(broker), [])
  await port.advance(1)
  await Promise.all([first, second])
  assert.equal(lengths(broker), [2])
  await producer.send({ topic: 't', value: 'x'.repeat(1000) })
  assert.is(port.timers, 0)
})

test('calls keep their order, awaited or not, while session and topics are looked up', async () => {
  const { log, broker } = setup({ t: 1, u: 1 })
  broker.answersLater = true
  const producer = log.producer()
  const sent = Array.from({ length: 30 }, (_, index) => producer.send({ topic: 't', value: `${index}` }))
  await Promise.all(sent)
  assert.equal(
    broker.texts('t'),
    Array.from({ length: 30 }, (_, index) => `${index}`),
  )
})

test('a record may be used again while its send waits', async () => {
  const { log, broker } = setup({ t: 1 })
  broker.answersLater = true
  const producer = log.producer()
  const record = { topic: 't', value: 'a' }
  const first = producer.send(record)
  record.value = 'b'
  record.topic = 'nowhere'
  await first
  assert.equal(broker.texts('t'), ['a'])
})

test('send waits while bufferBytes are unanswered; an aborted signal ends the wait and nothing is written', async () => {
  const { log, broker } = setup()
  const held = gate()
  broker.fault = () => ({ kind: 'hold', until: held.opened })
  const producer = log.producer({ bufferBytes: 1000 })
  const first = producer.send({ topic: 't', value: 'x'.repeat(800) })
  const controller = new AbortController()
  const aborted = producer.send({ topic: 't', value: 'never'.repeat(50) }, { signal: controller.signal })
  let isSent = false
  const behind = producer.send({ topic: 't', value: 'y'.repeat(800) }).then(() => {
    isSent = true
  })
  await settle()
  assert.is(broker.appends.length, 1)
  const reason = new Error('enough')
  controller.abort(reason)
  assert.is(await aborted.catch((error) => error), reason)
  await settle()
  assert.not(isSent)
  held.open()
  await Promise.all([first, behind])
  assert.equal(
    broker.texts('t').map((each) => each[0]),
    ['x', 'y'],
  )
})

test('a producer that is at work already waits for room too, by one record at a time', async () => {
  const { log, broker } = setup()
  const producer = log.producer({ bufferBytes: 1000 })
  await producer.send({ topic: 't', value: 'begun' })
  const held = gate()
  broker.fault = () => ({ kind: 'hold', until: held.opened })
  const sent = ['x', 'y'].map((letter) => producer.send({ topic: 't', value: letter.repeat(800) }))
  await settle()
  assert.is(broker.appends.length, 2)
  held.open()
  await Promise.all(sent)
  assert.is(broker.appends.length, 3)
})

test('a full buffer sends what lingers: who waits for room does not wait for the linger', async () => {
  const { log } = setup()
  const producer = log.producer({ bufferBytes: 150, lingerMs: 60_000 })
  const first = producer.send({ topic: 't', value: 'x'.repeat(100) })
  const second = producer.send({ topic: 't', value: 'y'.repeat(100) })
  // The time of this port stands still, so no linger sends it: the second send, which waits for room, does.
  assert.is((await first).offset, 0)
  await producer.flush()
  assert.is((await second).offset, 1)
})

overBrokers('a send larger than bufferBytes goes when nothing else is unanswered', async (setup) => {
  const { log, broker } = await setup()
  const producer = log.producer({ bufferBytes: 100 })
  await Promise.all([producer.send({ topic: 't', value: 'a' }), producer.send({ topic: 't', value: 'x'.repeat(500) })])
  assert.is((await broker.texts('t')).length, 2)
})

test('a signal that was aborted before refuses the send', async () => {
  const { log, broker } = setup()
  const reason = new Error('before')
  const sent = log.producer().send({ topic: 't', value: 'a' }, { signal: AbortSignal.abort(reason) })
  assert.is(await sent.catch((error) => error), reason)
  assert.is(broker.appends.length, 0)
})

test('a signal ends the wait for what is known of a topic, of which a log in another process may tell nothing', async () => {
  const { log, broker } = setup()
  const open = broker.openProducer.bind(broker)
  broker.openProducer = async () => Object.assign(await open(), { topic: () => new Promise<never>(() => {}) })
  const producer = log.producer()
  const controller = new AbortController()
  const reason = new Error('enough')
  let told: unknown
  producer.send({ topic: 't', value: 'a' }, { signal: controller.signal }).catch((error) => {
    told = error
  })
  await settle()
  controller.abort(reason)
  await settle()
  assert.is(told, reason)
  await log.close()
  assert.is(broker.appends.length, 0)
})

test('PARTIAL_SEND says per record what was written', async () => {
  const { log, broker } = setup({ t: 2 })
  const full = new LogError('STORAGE_FULL', 'full')
  broker.fault = ({ partition }) => (partition === 1 ? { kind: 'refuse', error: full } : undefined)
  const records = [0, 1, 0].map((partition) => ({ topic: 't', partition, value: `${partition}` }))
  const error = await failure('PARTIAL_SEND', () => log.producer().send(records))
  const results = error.details['results'] as { metadata?: { offset: number }; error?: Error }[]
  assert.equal(
    results.map(({ metadata }) => metadata?.offset),
    [0, undefined, 1],
  )
  assert.is(results[1]?.error, full)
  assert.is(error.details['written'], 2)
})

test('when nothing of an array was written, its own error comes', async () => {
  const { log, broker } = setup({ t: 2 })
  broker.fault = () => ({ kind: 'refuse', error: new LogError('LOG_READ_ONLY', 'damaged') })
  const records = [0, 1].map((partition) => ({ topic: 't', partition, value: 'x' }))
  await failure('LOG_READ_ONLY', () => log.producer().send(records))
})

test('flush sends what lingers and resolves when all is answered', async () => {
  const { log, broker } = setup()
  const held = gate()
  broker.fault = () => ({ kind: 'hold', until: held.opened })
  const producer = log.producer({ lingerMs: 1_000_000 })
  const sent = producer.send({ topic: 't', value: 'a' })
  let isFlushed = false
  const flushed = producer.flush().then(() => {
    isFlushed = true
  })
  await settle()
  assert.is(broker.appends.length, 1)
  assert.not(isFlushed)
  held.open()
  await Promise.all([sent, flushed])
})

test('flush waits for what was sent before it, not for an endless stream after it', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  // One fits, the others wait in their order: there is always one that waits.
  const producer = log.producer({ bufferBytes: 100 })
  let sent = 0
  const one = async () => {
    for (; sent < 2000; sent++) await producer.send({ topic: 't', value: 'x'.repeat(60) })
  }
  const all = Promise.all([one(), one(), one(), one()])
  await producer.send({ topic: 't', value: 'first' })
  await producer.flush()
  assert.ok(sent < 1000, `${sent}`)
  await all
  await log.close()
})

test('flush rejects with the error of a failed send, and with the reason of its signal', async () => {
  const { log, broker } = setup()
  broker.fault = () => ({ kind: 'refuse', error: new LogError('INVALID_TIMESTAMP', 'no') })
  const producer = log.producer()
  const sent = failure('INVALID_TIMESTAMP', () => producer.send({ topic: 't', value: 'a' }))
  await failure('INVALID_TIMESTAMP', () => producer.flush())
  await sent
  const held = gate()
  broker.fault = () => ({ kind: 'hold', until: held.opened })
  const slow = producer.send({ topic: 't', value: 'b' })
  const controller = new AbortController()
  const flushed = producer.flush({ signal: controller.signal }).catch((error) => error)
  controller.abort('now')
  assert.is(await flushed, 'now')
  held.open()
  await slow
})

overBrokers('close flushes, refuses sends, and a second one does nothing', async (setup) => {
  const { log, broker } = await setup()
  const producer = log.producer({ lingerMs: 1_000_000 })
  const sent = producer.send({ topic: 't', value: 'a' })
  await producer.close()
  await producer.close()
  await sent
  assert.equal(await broker.texts('t'), ['a'])
  const error = await failure('PRODUCER_CLOSED', () => producer.send({ topic: 't', value: 'b' }))
  assert.is(error.category, 'misuse')
  await producer.flush()
})

overBrokers('a producer is disposable where the runtime knows the symbol', async (setup) => {
  const { log, broker } = await setup()
  const producer = log.producer({ lingerMs: 1_000_000 })
  const sent = producer.send({ topic: 't', value: 'a' })
  await producer[Symbol.asyncDispose]()
  await sent
  assert.equal(await broker.texts('t'), ['a'])
})

test('closing the log flushes its producers; afterwards it gives LOG_CLOSED', async () => {
  const { log, broker } = setup()
  const sent = log.producer({ lingerMs: 1_000_000 }).send({ topic: 't', value: 'a' })
  await log.close()
  await sent
  assert.equal(broker.texts('t'), ['a'])
  await failure('LOG_CLOSED', () => log.producer())
  await failure('LOG_CLOSED', () => log.consumer({ groupId: 'g', topics: ['t'] }))
  await failure('LOG_CLOSED', () => log.read('t'))
})

test('acks go with every batch', async () => {
  const { log, broker } = setup()
  await log.producer({ acks: 1 }).send({ topic: 't', value: 'a' })
  await log.producer().send({ topic: 't', value: 'a' })
  assert.equal(
    broker.appends.map(({ acks }) => acks),
    [1, 'all'],
  )
})

test.run()
