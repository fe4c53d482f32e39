// What becomes of sends that wait, or are under way, when another send, their producer or their topic ends.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Partitioner } from '../../bindings/client/producer/partitioner.ts'
import type { ErrorCode } from '../../bindings/model/error-table.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { settle } from './fake-port.ts'
import { failure, gate, setup } from './support.ts'

test('a send that waits for room while its producer is fenced is refused for that, and writes nothing', async () => {
  const { log, broker } = setup()
  const held = gate()
  const producer = log.producer({ bufferBytes: 1000 })
  await producer.send({ topic: 't', value: 'known' })
  broker.fault = () => ({ kind: 'hold', until: held.opened })
  const first = producer.send({ topic: 't', value: 'x'.repeat(800) })
  await settle()
  broker.fault = () => ({ kind: 'refuse', error: new LogError('INVALID_PRODUCER_EPOCH', 'newer') })
  const second = failure('INVALID_PRODUCER_EPOCH', () => producer.send({ topic: 't', value: 'y'.repeat(100) }))
  const waiting = failure('INVALID_PRODUCER_EPOCH', () => producer.send({ topic: 't', value: 'z'.repeat(800) }))
  await second
  broker.fault = () => undefined
  held.open()
  await first
  await waiting
  assert.equal(
    broker.texts('t').map((each) => each[0]),
    ['k', 'x'],
  )
})

test('a close that rejects because one send failed has waited for the others all the same', async () => {
  const { log, broker } = setup({ t: 2 })
  const held = gate()
  const producer = log.producer()
  await producer.send([0, 1].map((partition) => ({ topic: 't', partition, value: 'known' })))
  broker.fault = ({ partition }) =>
    partition === 0
      ? { kind: 'refuse', error: new LogError('INVALID_TIMESTAMP', 'by the test') }
      : { kind: 'hold', until: held.opened }
  const refused = failure('INVALID_TIMESTAMP', () => producer.send({ topic: 't', partition: 0, value: 'a' }))
  const answered = producer.send({ topic: 't', partition: 1, value: 'b' })
  let isClosed = false
  const closed = failure('INVALID_TIMESTAMP', () => producer.close()).then(() => {
    isClosed = true
  })
  await refused
  await settle()
  assert.equal([isClosed, broker.producersClosed], [false, 0])
  held.open()
  await answered
  await closed
  assert.is(broker.producersClosed, 1)
})

test('a list of which nothing was written is refused for its first record, whichever was answered first', async () => {
  const { port, log, broker } = setup({ t: 2 })
  const producer = log.producer()
  await producer.send([0, 1].map((partition) => ({ topic: 't', partition, value: 'known' })))
  const refusal = (code: ErrorCode) => ({ kind: 'refuse', error: new LogError(code, 'by the test') }) as const
  // The batch of the first record is sent again, and refused later.
  const first = [refusal('MEMORY_CAP_REACHED'), refusal('INVALID_TIMESTAMP')]
  broker.fault = ({ partition }) => (partition === 0 ? first.shift() : refusal('INVALID_RECORD'))
  const sent = failure('INVALID_TIMESTAMP', () =>
    producer.send([0, 1].map((partition) => ({ topic: 't', partition, value: 'x' }))),
  )
  await settle()
  assert.is(first.length, 1)
  await port.advance(1000)
  await sent
})

test('a topic that is made again with fewer partitions gets records without a key in those that it has', () => {
  const record = { topic: 't', value: 'x' }
  const partitioner = new Partitioner(undefined, () => 0.99, 1000)
  assert.equal([partitioner.choose(record, 10, 8), partitioner.choose(record, 10, 8)], [7, 7])
  // As likely as any other partition: another one than the last is chosen only among those that exist.
  assert.is(partitioner.choose(record, 10, 2), 1)
})

test('a send after one whose wait was given up overtakes none that came before that', async () => {
  const { log, broker } = setup()
  const held = gate()
  const producer = log.producer({ bufferBytes: 1000 })
  broker.fault = () => ({ kind: 'hold', until: held.opened })
  const first = producer.send({ topic: 't', value: '1'.repeat(800) })
  const second = producer.send({ topic: 't', value: '2'.repeat(800) })
  const controller = new AbortController()
  const given = producer.send({ topic: 't', value: '3' }, { signal: controller.signal })
  // There is room for it beside the first one.
  const last = producer.send({ topic: 't', value: '4' })
  await settle()
  const reason = new Error('enough')
  controller.abort(reason)
  assert.is(await given.catch((error) => error), reason)
  await settle()
  held.open()
  await Promise.all([first, second, last])
  assert.equal(
    broker.texts('t').map((each) => each[0]),
    ['1', '2', '4'],
  )
})

// The partition takes any first sequence of a producer that it doesn't know, so it would take a second batch for the
// first.
test('a partition that may have forgotten the producer gets one batch alone: after half an hour, and where its topic was gone', async () => {
  const { port, log, broker } = setup()
  const producer = log.producer({ batchSizeBytes: 0 })
  const sendMany = (count: number) => {
    const sent = Array.from({ length: count }, (_, index) => producer.send({ topic: 't', value: String(index) }))
    return Promise.allSettled(sent)
  }
  const sentAtOnce = async (count: number) => {
    const held = gate()
    const before = broker.appends.length
    broker.fault = () => ({ kind: 'hold', until: held.opened })
    const sent = sendMany(count)
    await settle()
    const asked = broker.appends.length - before
    held.open()
    await sent
    return asked
  }
  assert.is(await sentAtOnce(3), 1)
  await port.advance(1_800_000)
  assert.is(await sentAtOnce(3), 3)
  port.jump(24 * 3_600_000)
  assert.is(await sentAtOnce(3), 3)
  port.jump(-24 * 3_600_000)
  await port.advance(1_800_001)
  assert.is(await sentAtOnce(3), 1)

  const gone = new LogError('UNKNOWN_TOPIC_OR_PARTITION', 'by the test', { topic: 't' })
  const held = gate()
  let refused = 0
  const before = broker.appends.length
  broker.fault = () => (refused++ < 5 ? { kind: 'refuse', error: gone } : { kind: 'hold', until: held.opened })
  const sent = sendMany(8)
  await settle()
  assert.is(broker.appends.length - before, 5 + 1)
  held.open()
  await sent
})

test('a close in the partitioner of a send waits for no more records to come to it', async () => {
  const { log, broker } = setup()
  let closed: Promise<void> | undefined
  const partitioner = () => {
    closed = producer.close()
    return 0
  }
  const producer = log.producer({ lingerMs: 1000, partitioner })
  const known = producer.send({ topic: 't', partition: 0, value: 'known' })
  await producer.flush()
  await known
  const sent = producer.send({ topic: 't', value: 'last' })
  await closed
  assert.is((await sent).offset, 1)
  assert.equal([broker.texts('t'), broker.producersClosed], [['known', 'last'], 1])
})

test.run()
