// Calls that are a batch by themselves are encoded from the program's own objects, while `send` runs; whatever has to
// wait is copied.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult } from '../../bindings/broker/producer-session.ts'
import type { Log } from '../../bindings/client/log.ts'
import { borrowed } from '../../bindings/client/producer/borrowed-records.ts'
import type { Places } from '../../bindings/client/producer/place-records.ts'
import type { Sender } from '../../bindings/client/producer/producer-type.ts'
import type { TopicRules } from '../../bindings/client/producer/topic-rules.ts'
import type { ProducerRecord } from '../../bindings/client/producer-record.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { encodeBatch } from '../../bindings/log/partition/encode.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { type Asked, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel, noProducer } from '../kernel/support.ts'
import { FakePort } from './fake-port.ts'
import { COUNT, filler, known, list, sendAndReuse } from './lent-lists.ts'
import { DRIVERS } from './stores.ts'
import { failure, gate, setup, text } from './support.ts'

test('a call whose records all go to one partition and fill a batch: the log takes them uncopied, and each is answered', async () => {
  const { log, broker } = setup()
  broker.borrows = () => true
  const producer = await known(log)
  const answers = await producer.send(list('a'))
  assert.equal(broker.borrowed, [COUNT])
  const expected = Array.from({ length: COUNT }, (_, at) => ({ topic: 't', partition: 0, offset: at + 1 }))
  assert.equal(
    answers.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
    expected,
  )
  assert.is(new Set(answers.map(({ timestamp }) => timestamp)).size, 1)
  assert.equal(
    broker.appends.map(({ baseSequence }) => baseSequence),
    [0, 1],
  )
})

test('room is asked for that holds their batch: bytes as they are, text as UTF-8 of three bytes a unit', () => {
  const rules: TopicRules = {
    partitions: 1,
    maxMessageBytes: 2 ** 30,
    segmentBytes: 2 ** 30,
    compressionType: 'producer',
  }
  const places = {
    rules: () => rules,
    compression: () => undefined,
    onlyPartition: () => 0,
    queue: () => ({ isOpen: true }),
  }
  const values = { 'of bytes': new Uint8Array(300), 'of text': '€'.repeat(300), 'of none': null }
  for (const [what, value] of Object.entries(values)) {
    const records = Array.from({ length: COUNT }, () => ({ topic: 't', key: 'ä', value }))
    const { mostBytes } = borrowed(records, places as unknown as Places, undefined, 1)?.batches[0] ?? { mostBytes: 0 }
    const encoded = records.map((record) => ({ ...record, timestamp: undefined, headers: undefined }))
    const takenBytes = encodeBatch(newKernel(), encoded, noProducer, 0).length
    assert.ok(mostBytes >= takenBytes, `${what}: ${mostBytes} for ${takenBytes}`)
    assert.ok(mostBytes - takenBytes < COUNT * 40, `${what}: ${mostBytes} for ${takenBytes}`)
  }
})

test('records that must be partitioned, counted or checked first are copied', async () => {
  const { log, broker } = setup({ t: 2, one: 1 })
  broker.borrows = () => true
  const user = log.producer({ partitioner: () => 0 })
  const plain = log.producer()
  for (const topic of ['t', 'one'])
    for (const partition of [0, topic === 't' ? 1 : 0])
      for (const producer of [user, plain]) await producer.send({ topic, partition, value: 'known' })
  const one = (change: Partial<ProducerRecord> = {}) => list('a', { topic: 'one', ...change })
  const [first, ...others] = one()
  const calls: [Sender, readonly ProducerRecord[]][] = [
    [plain, list('a')],
    [plain, list('a', { key: 'k' })],
    [plain, [...list('a', { partition: 0 }), ...list('b', { partition: 1 })]],
    [user, one()],
    [plain, one({ timestamp: 1 })],
    [plain, one({ headers: { a: 'b' } })],
    [plain, [...one(), ...list('b', { partition: 0 })]],
    [plain, one().slice(0, 15)],
    [plain, one({ value: 'short' })],
  ]
  for (const [producer, records] of calls) await producer.send(records)
  assert.equal(broker.borrowed, [])
  await failure('INVALID_RECORD', () => plain.send([...others, { ...first, value: 1 } as never]))
  await failure('INVALID_RECORD', () => plain.send([...others, { ...first, headrs: {} } as never]))
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => plain.send(list('a', { partition: 2 })))
  assert.equal(broker.borrowed, [])
  await plain.send(list('a', { partition: 1, key: null }))
  await user.send(one({ partition: 0 }))
  assert.equal(broker.borrowed, [COUNT, COUNT])
})

test('half a batch is enough, since no second call like it would fit beside it; with a linger it still waits for more', async () => {
  const { log, broker, port } = setup()
  broker.borrows = () => true
  const half = list('a')
    .slice(0, 20)
    .map((record, at) => ({ ...record, value: `${at}`.padEnd(400) }))
  const producer = await known(log)
  await Promise.all([producer.send(half), producer.send(half.slice(0, 16)), producer.send({ topic: 't', value: 'b' })])
  const lingering = log.producer({ lingerMs: 5 })
  const begun = known(log, lingering)
  await port.advance(5)
  await begun
  const sent = [lingering.send(half), lingering.send({ topic: 't', value: 'b' })]
  await port.advance(5)
  await Promise.all(sent)
  assert.equal(broker.borrowed, [20])
  assert.equal(
    broker.appends.map(({ records }) => (records as readonly unknown[]).length),
    [1, 20, 17, 1, 21],
  )
})

test('after sends that wait they wait too, in the order of the calls', async () => {
  const { log, broker } = setup()
  broker.borrows = () => true
  const producer = await known(log)
  const before = producer.send({ topic: 't', value: 'before' })
  const sent = sendAndReuse(producer, list('a'))
  await Promise.all([before, sent])
  assert.equal(broker.borrowed, [])
  assert.equal(broker.texts('t').slice(0, 3), ['known', 'before', `a 0 ${filler}`])
})

test('no more than five batches of a partition are unanswered', async () => {
  const { log, broker } = setup()
  broker.borrows = () => true
  const producer = await known(log)
  const { opened, open } = gate()
  broker.fault = () => ({ kind: 'hold', until: opened })
  const sent = Array.from({ length: 8 }, (_, at) => sendAndReuse(producer, list(`call ${at}`)))
  assert.is(broker.borrowed.length, 5)
  await Promise.resolve()
  assert.is(broker.appends.length, 6)
  open()
  await Promise.all(sent)
  const firsts = broker.texts('t').filter((value) => value.includes(' 0 x'))
  assert.equal(
    firsts.map((value) => value.slice(0, 6)),
    Array.from({ length: 8 }, (_, at) => `call ${at}`),
  )
})

test('a batch that the log does not take at once is sent as a copy', async () => {
  const { log, broker, port } = setup()
  const producer = await known(log)
  broker.fault = (_, count) => (count === 1 ? { kind: 'drop' } : undefined)
  const sent = sendAndReuse(producer, list('a'))
  await port.advance(10)
  await sent
  assert.equal(
    broker.texts('t').slice(1),
    list('a').map(({ value }) => value),
  )
})

test('a batch that fails once the log has it rejects, and is never retried: its records are not kept here', async () => {
  const { log, broker, port } = setup()
  broker.borrows = () => true
  const producer = await known(log)
  const error = new LogError('MEMORY_CAP_REACHED', 'failed')
  broker.fault = (_, count) => (count === 1 ? { kind: 'fail', error } : undefined)
  const sent = sendAndReuse(producer, list('a'))
  const behind = producer.send({ topic: 't', value: 'behind' })
  await failure('MEMORY_CAP_REACHED', () => sent)
  await port.advance(10)
  await behind
  assert.is(broker.texts('t').length, COUNT + 2, 'each once')
})

test('records that are to be compressed are copied', async () => {
  const { log, broker, port } = setup()
  broker.borrows = () => true
  const codec = { compress: () => new Uint8Array(1), decompress: () => new Uint8Array(1) }
  Object.assign(port, { codecs: { gzip: codec } })
  await known(log)
  const producer = log.producer({ compression: 'gzip' })
  await producer.send([])
  const refusal = await producer.send(list('a')).then(String, ({ message }) => message)
  assert.is(refusal, 'the fake broker takes records one by one')
  assert.equal(broker.borrowed, [])
})

for (const [store, driverOf] of Object.entries(DRIVERS)) {
  test(`${store}: what a call was given is written, whatever its program does with it afterwards`, async () => {
    const log = await openLog(driverOf(), new FakePort(1))
    await log.admin.createTopic('t', { config: { 'segment.bytes': 100_000 } })
    const expected: unknown[] = []
    const sent: Promise<unknown>[] = []
    const say = (sender: Sender, name: string, change: Partial<ProducerRecord> = {}): void => {
      const records = list(name, change)
      expected.push(...records.map(({ value }) => value))
      sent.push(sendAndReuse(sender, records))
    }
    for (const acks of ['all', 1] as const) {
      const producer = log.producer({ acks })
      // The first one finds neither session nor topic, the second one a partition that doesn't know its producer.
      for (let call = 0; call < 12; call++) say(producer, `acks ${acks} ${call}`)
      await Promise.all(sent)
      for (let call = 0; call < 12; call++) {
        say(producer, `known ${acks} ${call}`, { key: null })
        if (call % 3 === 0) await sent.at(-1)
      }
      await Promise.all(sent)
    }
    const transactional = log.producer({ transactionalId: 'x' })
    await transactional.transaction(async (transaction) => {
      for (let call = 0; call < 4; call++) {
        say(transaction, `transaction ${call}`)
        await sent.at(-1)
      }
    })
    const texts: string[] = []
    for await (const { value } of log.read('t', { until: 'end' }))
      texts.push(new TextDecoder().decode(value ?? undefined))
    assert.equal(texts, expected)
    await log.close()
  })

  test(`${store}: what the log refuses is told, and leaves its sequence to the next one`, async () => {
    const log = await openLog(driverOf(), new FakePort(1))
    await log.admin.createTopic('t', { config: { 'cleanup.policy': 'compact' } })
    const producer = log.producer()
    await producer.send({ topic: 't', key: 'k', value: 'known' })
    await failure('INVALID_RECORD', () => producer.send(list('a')))
    const [first] = await producer.send(list('b', { key: 'k' }))
    assert.is(first?.offset, 1)
    await log.close()
  })
}

/** A log and a list for it; `get` gives the value of one of its records, and hears how often it was read. */
async function withGetter(get: (reads: number, log: Log, records: ProducerRecord[]) => unknown): Promise<{
  readonly log: Log
  readonly records: ProducerRecord[]
}> {
  const log = await openLog(new MemoryStore(), new FakePort(1))
  await log.admin.createTopic('t')
  const records = list('a')
  let reads = 0
  Object.defineProperty(records[20], 'value', { enumerable: true, get: () => get(++reads, log, records) })
  return { log, records }
}

// A getter is read once for the check, once for its size, and a third time while the batch of the others is open.
for (const read of [1, 2, 3]) {
  const made = async (
    act: (log: Log, records: ProducerRecord[]) => void,
  ): Promise<[log: Log, sent: Promise<readonly unknown[]>]> => {
    const { log, records } = await withGetter((reads, ...given) => {
      if (reads === read) act(...given)
      return `a 20 ${filler}`
    })
    return [log, (await known(log)).send(records)]
  }
  const valuesOf = async (log: Log): Promise<string[]> => {
    const seen: string[] = []
    for await (const record of log.read('t', { until: 'end' })) seen.push(text(record.value)?.slice(0, 4) ?? '')
    return seen
  }

  test(`a record that has others sent when it is read, for the ${read}. time: no batch is written into another`, async () => {
    const inner: Promise<readonly PromiseSettledResult<unknown>[]>[] = []
    const [log, sent] = await made((own) => {
      const other = own.producer()
      inner.push(Promise.allSettled([other.send(list('b')), other.flush()]))
    })
    await sent
    const answers = (await Promise.all(inner)).flat()
    for (const each of answers)
      if (each.status === 'rejected') await failure('INVALID_RECORD', () => Promise.reject(each.reason))
    const values = await valuesOf(log)
    assert.is(values.filter((each) => each.startsWith('a ')).length, COUNT)
    assert.ok([0, COUNT].includes(values.filter((each) => each.startsWith('b ')).length))
    await log.close()
  })

  test(`a record that takes another from its list when it is read, for the ${read}. time: what is answered is written`, async () => {
    const [log, sent] = await made((_own, records) => records.pop())
    const answers = await sent
    const values = await valuesOf(log)
    assert.is(values.length, 1 + answers.filter((answer) => answer !== undefined).length)
    assert.not.ok(answers.includes(undefined), 'an answer for each')
    const [last] = (await log.producer().send([{ topic: 't', value: 'last' }])) as readonly { offset: number }[]
    assert.is(last?.offset, values.length)
    await log.close()
  })
}

for (const thrown of [undefined, 'mine']) {
  test(`a record that throws ${String(thrown)} while its batch is encoded: the call is answered, by a copy of what it gives next`, async () => {
    let reads = 0
    const { log, records } = await withGetter((read) => {
      reads = read
      if (read === 3) throw thrown
      return filler
    })
    const sent = (await known(log)).send(records)
    assert.is(((await sent) as readonly unknown[]).length, COUNT)
    assert.is(reads, 4, 'once more by the copy')
    await log.close()
  })
}

test('the engine keeps no records that are borrowed: where their partition has to be opened first, it refuses them', () => {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const producerId = host.openProducer()
  const place = { topic: 't', partition: 0, acks: 1, producerEpoch: 0, baseSequence: 0 } as const
  const append = (value: string): Asked<AppendResult> => {
    const request = { ...place, records: [{ value }] }
    return host.start((done) => {
      return { kind: 'append', producerId, request, isTransactional: false, isBorrowed: true, done }
    })
  }
  const refused = append('a')
  assert.ok(LogError.is(refused.error, 'INVALID_REQUEST'), 'before the call returned')
  host.send({ ...place, producerId, values: ['b'] })
  host.settle()
  assert.is(append('b').error, undefined)
  assert.equal(
    host.fetchAll('t', 0).map(({ value }) => value),
    ['b'],
  )
  host.discard()
})

test('a count that is too small for the records refuses them, and the next batch is written', () => {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const producerId = host.openProducer()
  host.send({ topic: 't', partition: 0, acks: 1, producerEpoch: 0, baseSequence: 0, producerId, values: ['a'] })
  host.settle()
  const append = (mostBytes: number): Asked<AppendResult> => {
    const records = [{ value: new Uint8Array(100_000) }]
    const request = {
      topic: 't',
      partition: 0,
      acks: 1,
      producerEpoch: 0,
      baseSequence: 1,
      records,
      mostBytes,
    } as const
    return host.start((done) => ({
      kind: 'append',
      producerId,
      request,
      isTransactional: false,
      isBorrowed: true,
      done,
    }))
  }
  assert.ok(LogError.is(append(1000).error, 'MESSAGE_TOO_LARGE'))
  assert.is(append(100_200).error, undefined)
  assert.equal(
    host.fetchAll('t', 0).map(({ value }) => value?.length),
    [1, 100_000],
  )
  host.discard()
})

test.run()
