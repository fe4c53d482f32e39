// Wrong records that plain JavaScript can hand over are refused by field, without their content, before anything is
// written.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Log } from '../../bindings/client/log.ts'
import type { ProducerOptions } from '../../bindings/client/producer/producer-options.ts'
import type { ProducerRecord } from '../../bindings/client/producer-record.ts'
import { string } from '../../bindings/client/topic/codec.ts'
import { topic } from '../../bindings/client/topic/topic.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort } from './fake-port.ts'
import { resizable } from './resizable.ts'
import { failure, overBrokers, setup, take, text } from './support.ts'

function detached(): Uint8Array {
  const bytes = new Uint8Array(8)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

/** Of a buffer that is too small for it by now. */
function outOfBounds(): Uint8Array {
  const buffer = resizable(100)
  const view = new Uint8Array(buffer, 0, 80)
  buffer.resize(10)
  return view
}

/** As its class says, or a property of its own; such bytes would go over others in the memory of the log. */
function lying(says: unknown): Uint8Array {
  return Object.defineProperty(new Uint8Array(100), 'length', { value: says })
}
class Short extends Uint8Array {
  override get length(): number {
    return 10
  }
}

const secret = 'do-not-tell'
const wrong: readonly (readonly [field: string, record: unknown])[] = [
  ['record', undefined],
  ['record', null],
  ['record', secret],
  ['record', 5],
  ['topic', { value: 'x' }],
  ['topic', { topic: 5, value: 'x' }],
  ['value', { topic: 't' }],
  ['value', { topic: 't', value: undefined }],
  ['value', { topic: 't', value: 5 }],
  ['value', { topic: 't', value: { [secret]: 1 } }],
  ['value', { topic: 't', value: new ArrayBuffer(4) }],
  ['value', { topic: 't', value: new Uint16Array(4) }],
  ['value', { topic: 't', value: [1, 2] }],
  ['value', { topic: 't', value: detached() }],
  ['value', { topic: 't', value: outOfBounds() }],
  ['value', { topic: 't', value: new Short(100) }],
  ...[10, 1000, '100', 99.5].map((says) => ['value', { topic: 't', value: lying(says) }] as const),
  ['value', { topic: 't', value: new Proxy(new Uint8Array(8), {}) }],
  ['value', { topic: 't', value: Object.create(Uint8Array.prototype) }],
  ['key', { topic: 't', key: new Short(100), value: 'x' }],
  ['headers', { topic: 't', headers: { a: new Short(100) }, value: 'x' }],
  ['value', { topic: 't', value: `${secret}\ud800` }],
  ['key', { topic: 't', key: 5, value: 'x' }],
  ['key', { topic: 't', key: {}, value: 'x' }],
  ['key', { topic: 't', key: '\udc00', value: 'x' }],
  ['key', { topic: 't', key: detached(), value: 'x' }],
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '0', null, 1n].map(
    (partition) => ['partition', { topic: 't', partition, value: 'x' }] as const,
  ),
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '0', null, new Date(0), 1n].map(
    (timestamp) => ['timestamp', { topic: 't', timestamp, value: 'x' }] as const,
  ),
  ...[null, 5, secret, { a: 5 }, { a: undefined }, [['a']], [['a', 'b', 'c']], [[5, 'x']], ['ab'], [null]].map(
    (headers) => ['headers', { topic: 't', headers, value: 'x' }] as const,
  ),
  ['headers', { topic: 't', headers: { a: detached() }, value: 'x' }],
  ['valeu', { topic: 't', valeu: secret }],
  ['kye', { topic: 't', kye: secret, value: 'x' }],
  ['header', { topic: 't', value: 'x', header: { a: secret } }],
  ['timestmap', { topic: 't', value: 'x', timestmap: 5 }],
  ['Partition', Object.create({ topic: 't', value: 'x', Partition: 0 })],
  ['timestampMs', { topic: 't', value: 'x', timestampMs: 5 }],
]

test('INVALID_RECORD names field and place', async () => {
  const { log, broker } = setup()
  const producer = log.producer()
  for (const [field, record] of wrong) {
    const records = [{ topic: 't', value: 'fine' }, record] as ProducerRecord[]
    const error = await failure('INVALID_RECORD', () => producer.send(records))
    assert.equal([error.details['field'], error.details['index']], [field, 1])
    assert.match(error.message, field)
    assert.not.match(`${error.message}${JSON.stringify(error.details)}`, secret)
  }
  for (const value of [{ to: secret }, [secret], 5, true]) {
    const { message } = await failure('INVALID_RECORD', () => producer.send({ topic: 't', value } as never))
    assert.match(message, /text, bytes or null: record\(\) of a declared topic encodes other values/)
  }
  const told: readonly (readonly [call: () => Promise<unknown>, said: RegExp])[] = [
    [() => producer.send({ to: 'x' } as never), /^topic of record 0 must be a string: record\(\) of a declared topic/],
    [() => producer.send({ topic: 't' } as never), /^value of record 0 must be text, bytes or null, and isn't there$/],
    [() => producer.send({ topic: 't', value: 'x', headers: { a: 5 } } as never), /a name and text, bytes or null$/],
    [() => producer.send({ topic: 't', value: 'x', headers: detached() } as never), /an object or a list of pairs$/],
    [
      () => producer.send('t' as never, { value: 'x' } as never),
      /^record 0 must be an object: record\(\) of a declared/,
    ],
  ]
  for (const [call, said] of told) assert.match((await failure('INVALID_RECORD', call)).message, said)
  await failure('INVALID_RECORD', () => producer.send(undefined as unknown as ProducerRecord))
  // biome-ignore lint/suspicious/noSparseArray: that is the case.
  await failure('INVALID_RECORD', () => producer.send([, { topic: 't', value: 'x' }] as ProducerRecord[]))
  assert.is(broker.appends.length, 0)
})

for (const [what, config] of Object.entries({ 'one batch': {}, 'several batches': { 'max.message.bytes': 20_000 } })) {
  const made: Record<string, () => Promise<Log>> = {
    'of this process': () => openLog(new MemoryStore(), new FakePort(1)),
    elsewhere: async () => {
      const { log, broker } = setup({ t: { partitions: 1, config } })
      broker.isElsewhere = true
      return log
    },
  }
  for (const [where, open] of Object.entries(made)) {
    test(`it does so in a call of ${what} that needn't be copied, to a log ${where}, and nothing is written`, async () => {
      const log = await open()
      if (where !== 'elsewhere') await log.admin.createTopic('t', { config })
      const producer = log.producer()
      await producer.send({ topic: 't', value: 'known' })
      for (const [field, record] of wrong) {
        const records = Array.from({ length: 40 }, () => ({ topic: 't', value: new Uint8Array(1000) })) as unknown[]
        records[30] = record
        const error = await failure('INVALID_RECORD', () => producer.send(records as ProducerRecord[]))
        assert.equal([error.details['field'], error.details['index']], [field, 30])
      }
      const sent = await producer.send({ topic: 't', value: 'next' })
      assert.is(sent.offset, 1)
      await log.close()
    })
  }
}

test('a misspelt field is refused with the name that was meant, in records of a declared topic too', async () => {
  const { log } = setup()
  const slip = { topic: 't', value: 'x', header: {} }
  const sent = await failure('INVALID_RECORD', () => log.producer().send(slip))
  assert.is(sent.message, 'record 0 has a field "header": did you mean headers?')
  const declared = topic('t', { value: string })
  const made = await failure('INVALID_REQUEST', () => declared.record(slip))
  const other = { topic: 't', value: 'x', headers: {}, header: {}, offset: 7, attributes: 0, leaderEpoch: 1, size: 5 }
  await log.producer().send([other, declared.record(other)])
  // A record of a declared topic has each field, as undefined where it wasn't given.
  await failure('INVALID_RECORD', () =>
    log.producer().send({ ...declared.record({ value: 'x' }), header: {} } as never),
  )
  assert.is(made.message, 'a record for "t" has a field "header": did you mean headers?')
})

class Inherits implements ProducerRecord {
  readonly #name: string
  constructor(name: string) {
    this.#name = name
  }
  get topic(): string {
    return 't'
  }
  get key(): string {
    return `key ${this.#name}`
  }
  get value(): string {
    return `value ${this.#name}`
  }
  get partition(): number {
    return 1
  }
  get headers(): Record<string, string> {
    return { a: this.#name }
  }
}

overBrokers(
  'fields that a record has by its class, by its prototype or hidden are sent, also by a send that has to wait',
  async (setup) => {
    const { log } = await setup({ t: 2 })
    const forms = (name: string): ProducerRecord[] => {
      const record = new Inherits(name)
      const { topic, key, value, partition, headers } = record
      const plain = { topic, key, value, partition, headers }
      const unseen = Object.create(null, Object.getOwnPropertyDescriptors(plain)) as ProducerRecord
      for (const field of Object.keys(plain)) Object.defineProperty(unseen, field, { enumerable: false })
      return [record, Object.create(plain) as ProducerRecord, unseen]
    }
    const producer = log.producer()
    // The first one knows no session and no topic yet, so it is copied.
    await producer.send(forms('waits'))
    await producer.send(forms('goes'))
    const seen = await take(log.read('t'), 6)
    const told = seen.map(({ partition, key, value, headers }) => {
      return [partition, ...[key, value, headers.get('a') ?? null].map(text)]
    })
    const expected = ['waits', 'goes'].flatMap((name) => [1, 2, 3].map(() => [1, `key ${name}`, `value ${name}`, name]))
    assert.equal(told, expected)
  },
)

overBrokers('a record that was read can be the first that is sent on', async (setup) => {
  const { log } = await setup()
  await log.producer().send({ topic: 't', key: 'k', value: 'v', headers: { a: 'b' } })
  const [record] = await take(log.read('t'), 1)
  assert.ok(record)
  await log.producer({ acks: 1 }).send(record)
  const again = (await take(log.read('t'), 2))[1]
  assert.equal([again?.key, again?.value], [record.key, record.value])
})

overBrokers('a record that was read can be sent on', async (setup) => {
  const { log } = await setup({ t: 1, u: 1 })
  await log.producer().send({ topic: 't', key: 'k', value: 'v', headers: { a: 'b' } })
  const [record] = await take(log.read('t'), 1)
  assert.ok(record)
  await log.producer().send(record)
  const { key, value, headers } = record
  await log.producer().send({ ...record, topic: 'u', key, value, headers })
  assert.equal((await take(log.read('u'), 1))[0]?.value, record.value)
  assert.is((await take(log.read('t'), 2))[1]?.headers.get('a')?.[0], 98)
})

test('empty bytes, empty text and null are fine', async () => {
  const { log, broker } = setup()
  const empty = [new Uint8Array(0), '', null]
  await log.producer().send(empty.map((value) => ({ topic: 't', key: value, value, headers: { '': '' } })))
  const [batch] = broker.partition({ topic: 't', partition: 0 }).batches
  assert.equal(
    [0, 1, 2].map((index) => batch?.valueOf(index)?.length),
    [0, 0, undefined],
  )
})

test('headers come as an object, pairs, a Map; names repeat and order is kept', async () => {
  const { log, broker } = setup()
  const bytes = new Uint8Array([1])
  await log.producer().send([
    { topic: 't', value: null, headers: { a: 'x', b: bytes } },
    {
      topic: 't',
      value: null,
      headers: [
        ['a', 'x'],
        ['b', null],
        ['a', bytes],
      ],
    },
    { topic: 't', value: null, headers: new Map([['a', 'x']]) },
  ])
  const [batch] = broker.partition({ topic: 't', partition: 0 }).batches
  const names = [0, 1, 2].map((index) =>
    batch
      ?.headersOf(index)
      .map(([name, value]) => `${name}=${value?.[0]}`)
      .join(),
  )
  assert.equal(names, ['a=120,b=1', 'a=120,b=undefined,a=1', 'a=120'])
})

overBrokers('a partition that the topic does not have, and a topic that is not there', async (setup) => {
  const { log } = await setup({ t: 2 })
  const producer = log.producer()
  const error = await failure('UNKNOWN_TOPIC_OR_PARTITION', () =>
    producer.send({ topic: 't', partition: 2, value: 'x' }),
  )
  assert.equal([error.details['partition'], error.details['partitions']], [2, 2])
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => producer.send({ topic: 'nowhere', value: 'x' }))
  await producer.send({ topic: 't', value: 'and it goes on' })
})

test('the log’s own topics are written by the log alone', async () => {
  const { log, broker } = setup({ __consumer_offsets: 1 })
  await failure('INVALID_TOPIC_EXCEPTION', () => log.producer().send({ topic: '__consumer_offsets', value: 'x' }))
  assert.is(broker.appends.length, 0)
})

overBrokers('options are refused by name', async (setup) => {
  const { log } = await setup()
  const options: readonly (readonly [string, unknown])[] = [
    ...[-1, 0.5, Number.NaN, '5', null, 2 ** 53].flatMap((value) =>
      ['lingerMs', 'batchSizeBytes', 'bufferBytes'].map((name) => [name, value] as const),
    ),
    ['bufferBytes', 0],
    ['partitioner', 5],
  ]
  for (const [name, value] of options) {
    const error = await failure('INVALID_REQUEST', () => log.producer({ [name]: value } as ProducerOptions))
    assert.is(error.details['option'], name)
  }
  await failure('INVALID_REQUEST', () => log.producer(null as unknown as ProducerOptions))
  for (const acks of [0, 2, '1', -1, null]) {
    await failure('INVALID_REQUIRED_ACKS', () => log.producer({ acks } as unknown as ProducerOptions))
  }
  const producer = log.producer()
  for (const bad of [null, 5, { signal: {} }, { signal: null }]) {
    await failure('INVALID_REQUEST', () => producer.send({ topic: 't', value: 'x' }, bad as never))
    await failure('INVALID_REQUEST', () => producer.flush(bad as never))
  }
})

test.run()
