// One process changes a topic, and producers of another send to it: what they know of the topic is outdated until an
// answer tells them.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { partitionOfKey } from '../../bindings/client/producer/partitioner.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import { AttachedTransactionalProducer } from '../../bindings/engine/remote/attached-transactions.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { KnownTopics } from '../../bindings/engine/remote/known-topics.ts'
import { Link } from '../../bindings/engine/remote/link.ts'
import type { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { readValue, writeValue } from '../../bindings/engine/remote/values.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, open, type ProducerRecord } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { failure } from '../client/support.ts'
import { held, Place, turns } from './support.ts'

let root = ''
let holder: EmbeddedLog
let attached: EmbeddedLog
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-changed-'))
  holder = await open(root)
  attached = await open(root)
  await holder.admin.createTopic('t', { config: { 'max.message.bytes': 500 } })
})
test.after.each(async () => {
  await attached.close()
  await holder.close()
  await rm(root, { recursive: true, force: true })
})

const large = 'x'.repeat(1000)
const once = () => [['name', 'header'] as const].values()

test('a partition of a topic that was made again with more of them takes records at once', async () => {
  const producer = attached.producer()
  await producer.send({ topic: 't', value: 'a' })
  await holder.admin.deleteTopic('t')
  await holder.admin.createTopic('t', { partitions: 2 })
  assert.is((await producer.send({ topic: 't', partition: 1, value: 'b' })).offset, 0)
})

/** Sessions of a log in this process, and of one that is attached to it. */
async function sessions(isAttached: boolean) {
  const holder = await held(new MemoryStore())
  const place = new Place()
  await place.listen((channel) => new ServedChannel(channel, holder.broker, holder.recovery, new Set()))
  const attachedTo = new AttachedBroker(async () => (await place.attach()) as Channel, nodePort)
  await attachedTo.open()
  return { broker: isAttached ? attachedTo : holder.broker, admin: holder.broker.admin, place, holder }
}

for (const where of ['holder', 'attached'] as const) {
  for (const way of ['batch', 'batch of a transaction'] as const) {
    test(`${where}: a ${way} that names its topic by the id is not written to another one of the name`, async () => {
      const { broker, admin, place, holder: own } = await sessions(where === 'attached')
      await admin.createTopic('t', { partitions: 1, config: {} })
      const opened =
        way === 'batch'
          ? await broker.openProducer()
          : await (await broker.openTransactionalProducer({ transactionalId: 'id', timeoutMs: 60_000 })).begin()
      const { topicId: old } = await admin.describeTopic('t')
      await admin.deleteTopic('t')
      await admin.createTopic('t', { partitions: 1, config: {} })
      const { topicId } = await admin.describeTopic('t')
      const { producerEpoch } = opened
      const append = (id: string | undefined, baseSequence: number) => {
        const records = [{ key: null, value: 'x' }]
        const at = { topic: 't', topicId: id, partition: 0 }
        return opened.append({ ...at, acks: 'all', producerEpoch, baseSequence, records })
      }
      await failure('UNKNOWN_TOPIC_ID', () => append(old, 0))
      assert.is((await append(topicId, 0)).baseOffset, 0)
      assert.is((await append(undefined, 1)).baseOffset, 1)
      place.cut()
      await own.broker.close()
    })
  }
}

test('a limit that another process raised is in force at once', async () => {
  const producer = attached.producer()
  await producer.send({ topic: 't', value: 'a' })
  await failure('MESSAGE_TOO_LARGE', () => producer.send({ topic: 't', value: large }))
  await holder.admin.alterConfig('t', { 'max.message.bytes': 5000 })
  assert.is((await producer.send({ topic: 't', value: large })).offset, 1)
  await holder.admin.alterConfig('t', { 'max.message.bytes': 50_000 })
  await producer.send([
    { topic: 't', value: large.repeat(10) },
    { topic: 't', value: 'b' },
  ])
})

test('an open transaction goes on with both', async () => {
  const producer = attached.producer({ transactionalId: 'id' })
  await producer.transaction(async (transaction) => {
    await transaction.send({ topic: 't', value: 'a' })
    await holder.admin.createPartitions('t', 2)
    await transaction.send({ topic: 't', partition: 1, value: 'b' })
    await holder.admin.alterConfig('t', { 'max.message.bytes': 5000 })
    await transaction.send({ topic: 't', partition: 1, value: large })
  })
  const seen: number[] = []
  for await (const { partition } of holder.read('t', { until: 'end' })) seen.push(partition)
  assert.equal(seen.sort(), [0, 1, 1])
})

test('a record that outdated rules refused is read once, and stays in its place among the calls', async () => {
  const producer = attached.producer()
  await producer.send({ topic: 't', value: 'a' })
  await holder.admin.createPartitions('t', 2)
  const sent = [
    producer.send({ topic: 't', partition: 1, value: '0', headers: once() }),
    producer.send([{ topic: 't', partition: 1, value: '1', headers: once() }]),
    producer.send({ topic: 't', partition: 1, value: '2', headers: once() }),
  ]
  await Promise.all(sent)
  const seen: unknown[] = []
  for await (const { partition, value, headers } of holder.read('t', { until: 'end' })) {
    if (partition === 1) seen.push([String(Buffer.from(value ?? [])), String(Buffer.from(headers.get('name') ?? []))])
  }
  assert.equal(seen, [
    ['0', 'header'],
    ['1', 'header'],
    ['2', 'header'],
  ])
})

/**
 * How many records the batches of the topic's first partition have. The close writes out what still waits in memory.
 */
async function batchSizes(topic: string): Promise<number[]> {
  await attached.close()
  await holder.close()
  const bytes = await readFile(join(root, `${topic}-0`, `${'0'.repeat(20)}.log`))
  const sizes: number[] = []
  for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) sizes.push(bytes.readInt32BE(at + 57))
  return sizes
}

test('a list that an outdated limit refused is one batch, as the new one allows', async () => {
  const producer = attached.producer()
  await producer.send({ topic: 't', value: 'a' })
  await holder.admin.alterConfig('t', { 'max.message.bytes': 50_000 })
  const values = [...Array<string>(12).fill('x'.repeat(100)), large]
  await producer.send(values.map((value) => ({ topic: 't', value })))
  assert.equal(await batchSizes('t'), [1, 13])
})

test('a list that outdated partitions refused has equal keys in one partition', async () => {
  const producer = attached.producer()
  await producer.send({ topic: 't', value: 'a' })
  await holder.admin.createPartitions('t', 8)
  const sent = await producer.send([
    { topic: 't', key: 'key-3', value: '1' },
    { topic: 't', partition: 7, value: '2' },
    { topic: 't', key: 'key-3', value: '3' },
  ])
  const partition = partitionOfKey('key-3', 8)
  assert.is.not(partition, 0)
  const places = sent.map((place) => [place.partition, place.offset])
  assert.equal(places, [
    [partition, 0],
    [7, 0],
    [partition, 1],
  ])
})

test('a list has no place by what was known of one of its topics before another one was asked for', async () => {
  await holder.admin.createTopic('u')
  const producer = attached.producer()
  await producer.send({ topic: 't', value: 'a' })
  await holder.admin.createPartitions('t', 8)
  const sent = await producer.send([
    { topic: 't', key: 'key-3', value: '1' },
    { topic: 'u', value: '2' },
    { topic: 't', partition: 7, value: '3' },
    { topic: 't', key: 'key-3', value: '4' },
  ])
  assert.is(sent[0]?.partition, partitionOfKey('key-3', 8))
  assert.is(sent[3]?.partition, partitionOfKey('key-3', 8))
})

test('a list that outdated rules refused is read once; only a partitioner is asked anew for all of it', async () => {
  const asked: unknown[] = []
  const partitioner = ({ value, headers }: ProducerRecord, partitions: number) => {
    asked.push([value, partitions, [...((headers ?? []) as Iterable<unknown>)].length])
    return 0
  }
  const producer = attached.producer({ partitioner })
  await producer.send({ topic: 't', value: 'a' })
  await holder.admin.createPartitions('t', 2)
  await producer.send([
    { topic: 't', value: 'b', headers: [...once()] },
    { topic: 't', partition: 0, value: 'c', headers: once() },
    { topic: 't', partition: 1, value: 'd', headers: once() },
    { topic: 't', value: 'e', headers: once() },
  ])
  assert.equal(asked, [
    ['a', 1, 0],
    ['b', 1, 1],
    ['b', 2, 1],
    ['e', 2, 1],
  ])
  const seen: string[] = []
  for await (const { value, headers } of holder.read('t', { until: 'end' })) {
    seen.push(`${Buffer.from(value ?? [])} ${Buffer.from(headers.get('name') ?? [])}`)
  }
  assert.equal(seen.sort(), ['a ', 'b header', 'c header', 'd header', 'e header'])
})

test('what a handler gives is looked at by the rules that are in force, and is no dead letter of older ones', async () => {
  await holder.admin.createTopic('input')
  await holder.admin.createTopic('dead')
  let handled = 0
  const processor = attached.process({
    groupId: 'g',
    topics: ['input'],
    deadLetter: 'dead',
    async handle() {
      handled++
      if (handled === 1) return { topic: 't', partition: 0, value: 'a' }
      await holder.admin.createPartitions('t', 2)
      await holder.admin.alterConfig('t', { 'max.message.bytes': 5000 })
      return [
        { topic: 't', partition: 1, value: 'b', headers: once() },
        { topic: 't', value: large, partition: 0 },
      ]
    },
  })
  await holder.producer().send([
    { topic: 'input', value: '1' },
    { topic: 'input', value: '2' },
  ])
  let seen: unknown[] = []
  while (seen.length < 3 && !String(seen).includes('dead')) {
    seen = []
    await new Promise((resolve) => setImmediate(resolve))
    for await (const { topic, partition, headers } of holder.read(['t', 'dead'], { until: 'end' })) {
      seen.push([topic, partition, String(Buffer.from(headers.get('name') ?? []))])
    }
  }
  await processor.close()
  assert.equal(seen.sort(), [
    ['t', 0, ''],
    ['t', 0, ''],
    ['t', 1, 'header'],
  ])
})

test('an answer is not kept that is older than changes that were told of before it was read', async () => {
  const link = { topicsVersion: '1/1', answers: [] as ((facts: unknown) => void)[] }
  const topics = new KnownTopics({
    get topicsVersion() {
      return link.topicsVersion
    },
    call: () => new Promise((resolve) => link.answers.push(resolve)),
  } as unknown as Link)
  const asked = topics.topic('t')
  link.answers[0]?.({ partitions: 1 })
  link.topicsVersion = '1/2'
  Promise.resolve(topics.topic('other')).catch(() => {})
  await asked
  const askedAgain = topics.topic('t')
  link.answers[2]?.({ partitions: 2 })
  assert.equal(await askedAgain, { partitions: 2 })
})

// What was asked between two holders counted as known once the next one had had as many changes as the last one.
test('what is known of the topics of a holder that has not greeted yet is known of no later one', async () => {
  const place = new Place()
  const versions: string[] = []
  const stores = [new MemoryStore(), new MemoryStore()]
  const holders = await Promise.all(stores.map((store) => held(store)))
  const serve = (at: number) => {
    const { broker, recovery } = holders[at] as (typeof holders)[number]
    return place.listen((channel) => new ServedChannel(channel, broker, recovery, new Set()))
  }
  const connect = async () => {
    while (place.listening === undefined) await turns(1)
    return (await place.attach()) as Channel
  }
  const link = new Link({
    ...{ connect, connected: () => {}, noticed: () => {}, warned: () => {} },
    membersLost: () => {},
    setTimer: nodePort.setTimer,
    now: () => 0,
    random: () => 0.5,
  })
  const all = (writer: MessageWriter) => {
    writeValue(writer, [{ internal: false }])
  }
  await serve(0)
  await link.open()
  for (const { broker } of holders) await broker.admin.createTopic('t', { partitions: 1, config: {} })
  await link.call('listTopics', 0, all, readValue)
  versions.push(link.topicsVersion)
  place.cut()
  await serve(1)
  place.fate = (method) => {
    if (method === 'hello') versions.push(link.topicsVersion)
    return 'served'
  }
  await link.call('listTopics', 0, all, readValue)
  versions.push(link.topicsVersion)
  assert.is(new Set(versions).size, 3, String(versions))
  link.end()
  for (const { broker } of holders) await broker.close()
})

// Each of fifty thousand sends asked the holder, when a topic had changed.
test('of sends that need to know a topic at once, one asks, and another one after its answer', async () => {
  const answers: { resolve(facts: unknown): void; reject(error: unknown): void }[] = []
  const topics = new KnownTopics({
    topicsVersion: '1/1',
    call: () => new Promise((resolve, reject) => answers.push({ resolve, reject })),
  } as unknown as Link)
  const refused = [topics.topic('t'), topics.topic('t')]
  assert.is(answers.length, 1)
  answers[0]?.reject(new Error('by the test'))
  for (const { status } of await Promise.allSettled(refused)) assert.is(status, 'rejected')
  const asked = [topics.topic('t'), topics.topic('t'), topics.topic('other')]
  assert.is(answers.length, 3)
  for (const { resolve } of answers.slice(1)) resolve({ partitions: 1 })
  assert.equal(await Promise.all(asked), Array(3).fill({ partitions: 1 }))
  assert.equal(topics.topic('t'), { partitions: 1 })
})

test('what a producer knows of a topic it knows in its next transaction', async () => {
  const asked: string[] = []
  const call = async (method: string) => {
    asked.push(method)
    return method === 'describeTopic' ? { partitions: 1 } : { producerId: 1, producerEpoch: 0 }
  }
  const link = { topicsVersion: '1/1', call } as unknown as Link
  const producer = new AttachedTransactionalProducer(link, { producerId: 1, producerEpoch: 0 })
  for (let count = 0; count < 2; count++) {
    await (await producer.begin()).topic('t')
    await producer.commit()
  }
  assert.equal(asked, ['beginTransaction', 'describeTopic', 'endTransaction', 'beginTransaction', 'endTransaction'])
})

test('records without a key that outdated rules refused count once for the partition that they go to', async () => {
  await holder.admin.createTopic('k', { partitions: 2, config: { 'max.message.bytes': 500 } })
  const producer = attached.producer({ batchSizeBytes: 2000 })
  const { partition } = await producer.send({ topic: 'k', value: 'a' })
  await holder.admin.alterConfig('k', { 'max.message.bytes': 5000 })
  const some = Array.from({ length: 8 }, () => ({ topic: 'k', value: 'x'.repeat(64) }))
  // Refused for its last record.
  await producer.send([...some, { topic: 'k', partition: 0, value: large }])
  const sent = await producer.send(some)
  assert.equal(new Set(sent.map((place) => place.partition)), new Set([partition]))
})

/** Lists that are copied record by record, and that go out in one piece. */
const LISTS = { copied: { count: 12, sizeBytes: 100 }, packed: { count: 30, sizeBytes: 400 } } as const

for (const [way, { count, sizeBytes }] of Object.entries(LISTS)) {
  const list = Array.from({ length: count }, (_, at) => ({ topic: 't', value: `${at} `.padEnd(sizeBytes, 'x') }))

  test(`a list that only an outdated limit cuts is one batch, as the new one allows: ${way}`, async () => {
    const producer = attached.producer()
    await producer.send({ topic: 't', value: 'a' })
    await holder.admin.alterConfig('t', { 'max.message.bytes': 50_000 })
    await producer.send(list)
    assert.equal(await batchSizes('t'), [1, count])
  })

  test(`a list is cut by a limit that was lowered, in its order: ${way}`, async () => {
    await holder.admin.alterConfig('t', { 'max.message.bytes': 50_000 })
    const producer = attached.producer()
    await producer.send({ topic: 't', value: 'a' })
    const transactional = attached.producer({ transactionalId: 'id' })
    await transactional.transaction((transaction) => transaction.send({ topic: 't', value: 'b' }))
    await holder.admin.alterConfig('t', { 'max.message.bytes': 1000 })
    const sent = await producer.send(list)
    const behind = await transactional.transaction(async (transaction) => {
      await transaction.send({ topic: 't', value: 'c' })
      return transaction.send(list)
    })
    assert.equal(
      sent.map(({ offset }) => offset),
      list.map((_, at) => 3 + at),
    )
    assert.equal(
      behind.map(({ offset }) => offset),
      list.map((_, at) => 4 + count + at),
    )
    const seen: string[] = []
    for await (const { value } of holder.read('t', { until: 'end' })) seen.push(String(Buffer.from(value ?? [])))
    const values = list.map(({ value }) => value)
    assert.equal(seen, ['a', 'b', ...values, 'c', ...values])
  })

  test(`a list with a record that no batch holds by a limit that was lowered is not written: ${way}`, async () => {
    await holder.admin.alterConfig('t', { 'max.message.bytes': 50_000 })
    const producer = attached.producer()
    await producer.send({ topic: 't', value: 'a' })
    await holder.admin.alterConfig('t', { 'max.message.bytes': 1000 })
    const records = [...list, { topic: 't', value: large }]
    await failure('MESSAGE_TOO_LARGE', () => producer.send(records))
    assert.is((await producer.send({ topic: 't', value: 'b' })).offset, 1)
  })
}

test.run()
