// What plain JavaScript can hand over wrongly is refused by field, without its content, before anything is written.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProducerOptions } from '../../bindings/client/producer/producer-options.ts'
import type { ProducerRecord } from '../../bindings/client/producer-record.ts'
import { failure, overBrokers, setup } from './support.ts'

function detached(): Uint8Array {
  const bytes = new Uint8Array(8)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
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
  await failure('INVALID_RECORD', () => producer.send(undefined as unknown as ProducerRecord))
  // biome-ignore lint/suspicious/noSparseArray: that is the case.
  await failure('INVALID_RECORD', () => producer.send([, { topic: 't', value: 'x' }] as ProducerRecord[]))
  assert.is(broker.appends.length, 0)
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
