// Compressed sends have every promise of plain ones, over each store.
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { openHeld, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type ConsumerRecord, openDriver, type TopicConfig } from '../../bindings/entry/node.ts'
import { COMPRESSION_TYPES, type CompressedRecords, codecOf } from '../../bindings/model/compression.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { type OpenBroker, test } from './../client/stores.ts'
import { failure } from '../client/support.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { encodeReference, type PlainRecord } from '../kernel/reference.ts'
import { noProducer } from '../kernel/support.ts'

const row = (index: number) => ({
  topic: 't',
  key: `key-${index % 7}`,
  value: JSON.stringify({ index, carrier: 'WN', origin: 'Sacramento', note: 'ä'.repeat(20) }),
  timestamp: 1_700_000_000_000 + ((index * 37) % 900) - 300,
  headers: [['kind', 'row'] as const, ['empty', null] as const],
})

function plain({ key, value, timestamp, headers, offset }: ConsumerRecord): unknown {
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())
  return [offset, text(key), text(value), timestamp, [...headers].map(([name, header]) => [name, text(header)])]
}

const rows = Array.from({ length: 300 }, (_, index) => row(index))
const expected = rows.map(({ key, value, timestamp }, offset) => {
  return [
    offset,
    key,
    value,
    timestamp,
    [
      ['kind', 'row'],
      ['empty', null],
    ],
  ]
})

for (const compression of COMPRESSION_TYPES) {
  test(`${compression}: read, borrowed, consumed and got as it was sent, from memory and from the store`, async (open) => {
    const log = await open()
    await log.admin.createTopic('t')
    const sent = await log.producer({ compression }).send(rows)
    assert.equal(
      sent.map(({ offset, timestamp }) => [offset, timestamp]),
      rows.map(({ timestamp }, offset) => [offset, timestamp]),
    )
    const until = [{ topic: 't', partition: 0, nextOffset: rows.length }]
    for (let look = 0; look < 2; look++) {
      const read: unknown[] = []
      for await (const record of log.read('t', { until })) read.push(plain(record))
      assert.equal(read, expected)
      const borrowed: unknown[] = []
      for await (const batch of log.read('t', { until }).batches({ borrowed: true })) {
        for (const record of batch) borrowed.push(plain(record))
      }
      assert.equal(borrowed, expected)
      for (const offset of [0, 1, 150, 299]) {
        const got = await log.get('t', { partition: 0, offset })
        assert.equal(got && plain(got), expected[offset])
      }
      const consumer = log.consumer({ groupId: `g${look}`, topics: ['t'] })
      const consumed: unknown[] = []
      for await (const record of consumer) {
        consumed.push(plain(record))
        if (consumed.length === rows.length) break
      }
      assert.equal(consumed, expected)
      // Larger than the tail's window: what comes first is in the store alone then.
      const filler = { topic: 't', value: Buffer.alloc(70_000) }
      await log.producer({ compression: 'none' }).send(filler)
    }
    await log.close()
  })
}

/** Its files can be looked at when the log is closed. */
class KeptStore extends MemoryStore {
  override close(): void {}
}

/** Of the batches in a segment. */
function attributesIn(store: MemoryStore): number[] {
  const file = store.open('t-0/00000000000000000000.log', { create: false })
  if (file === undefined || file instanceof Promise) throw new Error('no segment')
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  const view = new DataView(bytes.buffer)
  const attributes: number[] = []
  for (let at = 0; at + 61 <= bytes.length && view.getInt32(at + 8) > 0; at += view.getInt32(at + 8) + 12) {
    attributes.push(view.getInt16(at + 21))
  }
  return attributes
}

test('compression is the topic’s, else the call’s, else the producer’s; alike makes a batch, and what gains nothing stays plain', async () => {
  const attributes = async (config: TopicConfig) => {
    const store = new KeptStore()
    const log = await openDriver(store)
    await log.admin.createTopic('t', { config })
    const producer = log.producer({ compression: 'lz4' })
    await producer.send(rows.slice(0, 50))
    await producer.send(rows.slice(0, 50), { compression: 'gzip' })
    await producer.send(rows.slice(0, 50), { compression: 'none' })
    const many = [producer.send(row(1)), producer.send(row(2)), producer.send(row(3), { compression: 'zstd' })]
    await Promise.all(many)
    const noise = crypto.getRandomValues(new Uint8Array(500))
    await producer.send({ topic: 't', value: noise, timestamp: row(0).timestamp })
    await log.close()
    return attributesIn(store)
  }
  assert.equal(await attributes({}), [3, 1, 0, 3, 4, 0])
  assert.equal(await attributes({ 'compression.type': 'snappy' }), [2, 2, 2, 2, 0])
  assert.equal(await attributes({ 'compression.type': 'uncompressed' }), [0, 0, 0, 0, 0])
})

test('transactions: what is compressed shows with the commit, and never after an abort', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const producer = log.producer({ transactionalId: 'id', compression: 'zstd' })
  await producer.transaction(async (transaction) => {
    await transaction.send(rows.slice(0, 100))
  })
  const aborted = await producer.beginTransaction()
  await aborted.send(rows.slice(100, 200), { compression: 'gzip' })
  await aborted.abort()
  const seen: number[] = []
  for await (const { offset } of log.read('t', { until: 'end' })) seen.push(offset)
  assert.equal(
    seen,
    rows.slice(0, 100).map((_, index) => index),
  )
  await log.close()
})

// Regression: the records before it didn't come either, and nobody was told where it lies.
test('without its codec a batch is told with its place, once what stands before it has come; behind it reading goes on', async () => {
  const image = new DirectoryImage()
  const log = await openLog(image, nodePort)
  await log.admin.createTopic('t')
  for (const [value, compression] of [['before'], ['x'.repeat(500), 'gzip'], ['behind']] as const)
    await log.producer({ compression }).send({ topic: 't', value })
  await log.close()
  const bare = { ...nodePort, codecs: {} }
  const { broker } = await openHeld(image.fork(), bare, {})
  const again = new BrokerLog(broker, bare)
  const came: string[] = []
  const readFrom = async (nextOffset: number) => {
    const from = [{ topic: 't', partition: 0, nextOffset }]
    for await (const { value } of again.read('t', { from, until: 'end' }))
      came.push(Buffer.from(value ?? []).toString())
  }
  const { message, details } = await failure('UNSUPPORTED_COMPRESSION_TYPE', () => readFrom(0))
  assert.equal(came, ['before'])
  assert.equal(details, { topic: 't', partition: 0, offset: 1, compression: 'gzip' })
  assert.is(message, "t-0 can't be read at offset 1: no codec for gzip in this runtime")
  await readFrom(2)
  assert.equal(came, ['before', 'behind'])
  await again.close()
})

test('times: records without one get that of the send; LogAppendTime stamps the whole batch; limits hold', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  await log.admin.createTopic('stamped', { config: { 'message.timestamp.type': 'LogAppendTime' } })
  const producer = log.producer({ compression: 'gzip' })
  const before = Date.now()
  const value = 'a'.repeat(200)
  const [own, given] = await producer.send([
    { topic: 't', value },
    { topic: 't', value, timestamp: 5 },
  ])
  assert.ok((own?.timestamp ?? 0) >= before && (own?.timestamp ?? 0) <= Date.now())
  assert.is(given?.timestamp, 5)
  assert.is((await log.get('t', { partition: 0, offset: 0 }))?.timestamp, own?.timestamp)
  assert.is((await log.get('t', { partition: 0, offset: 1 }))?.timestamp, 5)
  const [stamped] = await producer.send([{ topic: 'stamped', value, timestamp: 5 }])
  assert.ok((stamped?.timestamp ?? 0) >= before)
  assert.is((await log.get('stamped', { partition: 0, offset: 0 }))?.timestamp, stamped?.timestamp)
  const late = [
    { topic: 't', value },
    { topic: 't', value, timestamp: Date.now() + 7_200_000 },
  ]
  const error = await failure('INVALID_TIMESTAMP', () => producer.send(late))
  assert.equal(
    (error.details['recordErrors'] as { batchIndex: number }[]).map(({ batchIndex }) => batchIndex),
    [1],
  )
  const found = await log.admin.offsetsForTimestamp([{ topic: 't', partition: 0 }], before)
  assert.equal(found, [{ topic: 't', partition: 0, nextOffset: 0 }])
  await log.close()
})

test('a compressed send says the time that is stored, whatever the clock did before the append', async (_, openBroker) => {
  let time = 1_800_000_000_000
  const port = { ...nodePort, now: () => time++ }
  const log = new BrokerLog(await openBroker(port), port)
  for (const type of ['CreateTime', 'LogAppendTime'] as const) {
    await log.admin.createTopic(type, { config: { 'message.timestamp.type': type } })
    const sent = await log.producer({ compression: 'lz4' }).send({ topic: type, value: 'a'.repeat(500) })
    assert.is((await log.get(type, sent))?.timestamp, sent.timestamp, type)
  }
  await log.close()
})

test('max.message.bytes bounds the batch as it is kept', async (open) => {
  const log = await open()
  await log.admin.createTopic('t', { config: { 'max.message.bytes': 3000 } })
  const many = Array.from({ length: 60 }, () => ({ topic: 't', value: 'b'.repeat(200) }))
  assert.is((await log.producer({ compression: 'gzip' }).send(many)).length, 60)
  await failure('MESSAGE_TOO_LARGE', () =>
    log.producer({ compression: 'gzip' }).send({ topic: 't', value: 'b'.repeat(4000) }),
  )
  await log.close()
})

// ---- what comes compressed from elsewhere -----------------------------------------------------------------------------

const records: PlainRecord[] = [5, 9, 7].map((timestamp) => {
  return { key: null, value: Buffer.from('c'.repeat(90)), timestamp, headers: [] }
})

function squeezed(changes: Partial<CompressedRecords> = {}, of: readonly PlainRecord[] = records): CompressedRecords {
  const bytes = codecOf(nodePort.codecs ?? {}, 'gzip').compress(encodeReference(of, noProducer).subarray(61))
  return { compression: 'gzip', bytes, recordCount: of.length, baseTimestamp: 5, maxTimestamp: 9, ...changes }
}

async function appending(
  openBroker: OpenBroker,
  work: (
    append: (records: CompressedRecords, sequence?: number) => Promise<unknown>,
    end: () => Promise<number | undefined>,
  ) => Promise<void>,
): Promise<void> {
  const broker = await openBroker()
  await broker.admin.createTopic('t', { partitions: 1, config: {} })
  const session = await broker.openProducer()
  const append = (compressed: CompressedRecords, baseSequence = 0) =>
    session
      .append({ topic: 't', partition: 0, acks: 'all', producerEpoch: 0, baseSequence, records: compressed })
      .then(({ baseOffset }) => baseOffset)
  const end = async () => (await broker.admin.offsets([{ topic: 't', partition: 0 }]))[0]?.highWatermark
  await work(append, end)
  await broker.close()
}

test('a compressed batch that its readers could not read is refused, and nothing changes', (_, openBroker) =>
  appending(openBroker, async (append, end) => {
    const bytes = squeezed().bytes
    const wrong: Partial<CompressedRecords>[] = [
      { recordCount: 2 },
      { recordCount: 4 },
      { maxTimestamp: 10 },
      { maxTimestamp: 8 },
      { compression: 'lz4' },
      { bytes: bytes.subarray(0, bytes.length - 1) },
      { bytes: Buffer.concat([bytes, Buffer.from([0])]) },
      { bytes: new Uint8Array(0) },
      { bytes: codecOf(nodePort.codecs ?? {}, 'gzip').compress(new Uint8Array(33 << 20)) },
    ]
    for (const changes of wrong) {
      const { details } = await failure('INVALID_RECORD', () => append(squeezed(changes)))
      // A bomb is refused for its size, not for the zeros that would come out.
      if (changes.bytes !== undefined && changes.bytes.length > 10_000) assert.is(details['fault'], 'too-large')
      assert.is(await end(), 0)
    }
    assert.is(await append(squeezed()), 0)
  }))

test('a retry of a compressed batch is written once, and a gap is one', (_, openBroker) =>
  appending(openBroker, async (append, end) => {
    await append(squeezed())
    await append(squeezed(), 3)
    assert.is(await append(squeezed()), 0)
    assert.is(await append(squeezed(), 3), 3)
    await failure('OUT_OF_ORDER_SEQUENCE_NUMBER', () => append(squeezed(), 9))
    assert.is(await end(), 6)
  }))

test.run()
