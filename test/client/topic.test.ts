// Declared topics: names, codecs, any Standard Schema.
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { bytes, string, unchecked } from '../../bindings/client/topic/codec.ts'
import { json } from '../../bindings/client/topic/json.ts'
import { topic } from '../../bindings/client/topic/topic.ts'
import { openMemory, store } from '../../bindings/entry/node.ts'
import type { StandardSchemaV1 } from '../../bindings/model/standard-schema.ts'
import { failure, overBrokers, setup, take } from './support.ts'

const dated = z.object({ at: z.iso.datetime().transform((value) => new Date(value)) })

overBrokers('the validated input is stored, and reading gives the schema’s output', async (setup) => {
  const { log, broker } = await setup()
  const events = topic('t', { value: json(dated) })
  await log.producer().send(events.record({ key: 'k', value: { at: '2026-11-23T00:00:00Z' } }))
  assert.equal(await broker.texts('t'), ['{"at":"2026-11-23T00:00:00Z"}'])
  const [record] = await take(log.consumer({ groupId: 'g', topics: [events] }), 1)
  assert.is(record?.key, 'k')
  assert.ok(record?.value?.at instanceof Date)
  assert.is(record?.value, record?.value, 'decoded once')
})

test('record() refuses a value that does not fit, and names the place, not the content', async () => {
  const events = topic('t', { value: json(z.object({ a: z.object({ b: z.number() }) })) })
  const error = await failure('RECORD_SERIALIZATION', () => events.record({ value: { a: { b: 'secret' as never } } }))
  assert.equal(error.details, { topic: 't', part: 'value', vendor: 'zod', paths: ['a.b'] })
  assert.not.match(error.message, 'secret')
})

overBrokers('what the schema refuses on reading is RECORD_DESERIALIZATION with its place', async (setup) => {
  const { log, broker } = await setup()
  await broker.write('t', ['{"at":"yesterday"}'])
  const [record] = await take(log.consumer({ groupId: 'g', topics: [topic('t', { value: json(dated) })] }), 1)
  const error = await failure('RECORD_DESERIALIZATION', () => record?.value)
  assert.equal(error.details, { topic: 't', partition: 0, offset: 0, part: 'value' })
  await failure('RECORD_DESERIALIZATION', () => record?.value)
})

test('no error holds content: not the parser’s text, not the keys of a map', async () => {
  const { log, broker } = setup()
  broker.write('t', ['card 4111', '{"a":4111'])
  const records = await take(log.consumer({ groupId: 'g', topics: [topic('t', { value: json() })] }), 2)
  for (const record of records) {
    const error = await failure('RECORD_DESERIALIZATION', () => record.value)
    assert.not.match(inspect(error, { depth: 9 }), '4111')
  }
  const place = z.object({ list: z.array(z.object({ city: z.string() })), cards: z.record(z.string(), z.number()) })
  const value = { list: [{ city: 'x' }, { city: 1 }], cards: { '4111': 'x' } } as never
  const error = await failure('RECORD_SERIALIZATION', () => topic('t', { value: json(place) }).record({ value }))
  assert.equal(error.details['paths'], ['list.1.city', 'cards.*'])
  assert.not.match(inspect(error, { depth: 9 }), '4111')
})

test('an asynchronous schema is refused by name, thenables too', async () => {
  const schema = z.string().refine(async () => true)
  const error = await failure('SCHEMA_ASYNC', () => topic('t', { value: json(schema) }).record({ value: 'x' }))
  assert.is(error.details['vendor'], 'zod')
  const thenable: StandardSchemaV1<string> = {
    // biome-ignore lint/suspicious/noThenProperty: that is the case.
    '~standard': { version: 1, vendor: 'mine', validate: () => ({ then() {} }) as never },
  }
  await failure('SCHEMA_ASYNC', () => topic('t', { value: json(thenable) }).record({ value: 'x' }))
  const unheard: unknown[] = []
  const hear = (reason: unknown) => unheard.push(reason)
  process.on('unhandledRejection', hear)
  const rejecting: StandardSchemaV1<string> = {
    '~standard': { version: 1, vendor: 'mine', validate: () => Promise.reject(new Error('no')) },
  }
  await failure('SCHEMA_ASYNC', () => topic('t', { value: json(rejecting) }).record({ value: 'x' }))
  await new Promise(setImmediate)
  process.off('unhandledRejection', hear)
  assert.equal(unheard, [])
})

test('a schema that validates asynchronously is told as such where a value is read, too: no stored byte is damaged', async () => {
  const name = 'async'
  const later = { '~standard': { version: 1, vendor: 'mine', validate: async () => ({ value: 'x' }) } } as const
  const read = topic(name, { value: json(later as never) })
  const log = await openMemory({ topics: [topic(name, { value: json(), config: { 'cleanup.policy': 'compact' } })] })
  await log.producer().send({ topic: name, key: 'k', value: '"x"' })
  for await (const record of log.read(read, { until: 'end' })) await failure('SCHEMA_ASYNC', () => record.value)
  const table = await log.table(read)
  await failure('SCHEMA_ASYNC', () => table.get('k'))
  await log.close()
})

test('a value of state that its codec refuses names its changelog', async () => {
  const plain = topic('changelog', { value: string, config: { 'cleanup.policy': 'compact' } })
  const log = await openMemory({ topics: [plain, topic('input', { value: string })] })
  for (const name of ['changelog', 'input']) await log.producer().send({ topic: name, key: 'k', value: 'no JSON' })
  const counts = store(topic('changelog', { value: unchecked<number>(json()) }))
  const handle = async (_: unknown, { state }: { state: { counts: { get(key: string): Promise<unknown> } } }) => {
    await state.counts.get('k')
  }
  const { done } = log.process({ groupId: 'g', topics: ['input'], state: { counts }, handle })
  const { details, message } = await failure('RECORD_DESERIALIZATION', () => done)
  assert.equal(details, { topic: 'changelog', partition: 0, part: 'value' })
  assert.match(message, /^a value of "changelog" can't be decoded: the text is no JSON/)
  await log.close()
})

test('a schema that throws is RECORD_SERIALIZATION, with its error as the cause', async () => {
  const mine = new Error('mine')
  const schema: StandardSchemaV1<string> = {
    '~standard': {
      version: 1,
      vendor: 'mine',
      validate: () => {
        throw mine
      },
    },
  }
  const error = await failure('RECORD_SERIALIZATION', () => topic('t', { value: json(schema) }).record({ value: 'x' }))
  assert.is(error.cause, mine)
})

test('JSON without a schema: everything that has a JSON form', async () => {
  const free = topic('t', { value: json() })
  for (const value of [0, '', false, [], {}, 'ä𝄞']) {
    const { value: encoded } = free.record({ value })
    assert.equal(free.value.decode(encoded as Uint8Array), value)
  }
  const circle: unknown[] = []
  circle.push(circle)
  for (const value of [undefined, () => {}, Symbol('x'), 1n, circle]) {
    await failure('RECORD_SERIALIZATION', () => free.record({ value }))
  }
})

test('what is no schema of the standard is refused where the codec is made', async () => {
  // As a schema of Zod before 3.24 is.
  for (const none of [null, 'order', {}, { parse: () => 1 }, { '~standard': {} }]) {
    const { message, details } = await failure('INVALID_REQUEST', () => json(none as never))
    assert.match(message, /^schema must be a Standard Schema/)
    assert.equal(details, { argument: 'schema' })
  }
  const callable = Object.assign(() => {}, { '~standard': dated['~standard'] })
  assert.ok(topic('t', { value: json(callable) }).record({ value: { at: '2026-11-23T00:00:00Z' } }).value)
})

test('that a value gives no JSON, or stored bytes are none, is told of the value and not of how it was found', async () => {
  const free = topic('t', { value: json() })
  const none = await failure('RECORD_SERIALIZATION', () => free.record({ value: { toJSON: () => undefined } }))
  assert.match(none.message, /: a value whose toJSON gives undefined has no JSON form$/)
  const log = await openMemory({ topics: [free] })
  await log.producer().send(['"a', new Uint8Array([0xff])].map((value) => ({ topic: 't', value })))
  const whys = ['the text is no JSON', 'the bytes are no UTF-8']
  for await (const record of log.read(free, { until: 'end' })) {
    const error = await failure('RECORD_DESERIALIZATION', () => record.value)
    const { offset } = record
    assert.ok(error.message.startsWith(`the value at offset ${offset} of t-0 can't be decoded: ${whys[offset]}`))
    assert.equal(error.details, { topic: 't', partition: 0, offset, part: 'value' })
  }
  await log.close()
})

test('null is a tombstone in every codec', () => {
  for (const value of [bytes, string, json()]) {
    const record = topic('t', { value: unchecked<string>(value as never) }).record({ key: 'k', value: null })
    assert.is(record.value, null)
  }
})

test('text that UTF-8 cannot hold is refused in both directions', async () => {
  await failure('RECORD_SERIALIZATION', () => topic('t', { value: string }).record({ value: 'a\ud800' }))
  await failure('RECORD_SERIALIZATION', () => topic('t', { value: string }).record({ value: 5 as never }))
  await failure('RECORD_DESERIALIZATION', () => string.decode(new Uint8Array([0xff])))
  assert.is(string.decode(string.encode('\ufeffx')), '\ufeffx', 'a byte order mark is text')
})

test('keys are text by default; the other fields are taken over', () => {
  const record = topic('t', { value: bytes, key: bytes }).record({
    key: new Uint8Array([1]),
    value: new Uint8Array([2]),
    partition: 3,
    timestamp: 4,
    headers: { a: 'b' },
  })
  assert.equal(record, {
    topic: 't',
    key: new Uint8Array([1]),
    value: new Uint8Array([2]),
    partition: 3,
    timestamp: 4,
    headers: { a: 'b' },
  })
})

test('a codec that gives no bytes is refused', async () => {
  const wrong = { encode: () => 'text' as never, decode: () => 0 }
  await failure('RECORD_SERIALIZATION', () => topic('t', { value: wrong }).record({ value: 1 as never }))
})

test('declarations that no log would create are refused at once', async () => {
  for (const name of [
    '',
    '.',
    '..',
    'a/b',
    'a b',
    'ä',
    '../x',
    'x'.repeat(250),
    'a\0',
    '__consumer_offsets',
    5,
    null,
  ]) {
    await failure('INVALID_TOPIC_EXCEPTION', () => topic(name as string, { value: string }))
  }
  for (const partitions of [0, -1, 0.5, 100_001, Number.NaN, '3', null]) {
    await failure('INVALID_PARTITIONS', () => topic('t', { value: string, partitions: partitions as number }))
  }
  const error = await failure('INVALID_CONFIG', () => topic('t', { value: string, config: { 'retention.md': 5 } }))
  assert.is(error.details['key'], 'retention.md')
  const lags = { 'min.compaction.lag.ms': 6, 'max.compaction.lag.ms': 5 }
  await failure('INVALID_CONFIG', () => topic('t', { value: string, config: lags }))
  for (const shape of [undefined, null, 5, {}, { value: {} }, { value: string, key: 'string' }]) {
    await failure('INVALID_REQUEST', () => topic('t', shape as never))
  }
  const { message } = await failure('INVALID_REQUEST', () => topic('t', { value: json as never }))
  assert.is(message, 'value of topic "t" must be a codec: json(), string, bytes or one of your own')
  await failure('INVALID_REQUEST', () => topic('t', { value: string }).record(undefined as never))
})

test('an object that only has a topic’s name is refused wherever a topic is taken: its values could never be decoded', async () => {
  const log = await openMemory({ topics: [topic('t', { value: string })] })
  await log.producer().send({ topic: 't', value: 'x' })
  const named = { name: 't' } as never
  const calls: readonly (() => unknown)[] = [
    () => openMemory({ topics: [named] }),
    () => log.consumer({ groupId: 'g', topics: [named] }),
    () => log.shareConsumer({ groupId: 'g', topics: [named] }),
    () => log.process({ groupId: 'g', topics: [named], handle: async () => {} }).done,
    () => log.read(named),
    () => log.get(named, { partition: 0, offset: 0 }),
    () => log.table(named),
    () => store(named),
  ]
  for (const call of calls) {
    const { message } = await failure('INVALID_REQUEST', call)
    assert.match(message, /topic\('name', \{ value: json\(\) \}\) declares one/)
  }
  await log.close()
})

test('a declaration cannot be changed afterwards', () => {
  const config = { 'retention.ms': 5 }
  const declared = topic('t', { value: string, config })
  config['retention.ms'] = 6
  assert.equal(declared.config, { 'retention.ms': 5 })
  assert.throws(() => {
    ;(declared as { name: string }).name = 'u'
  }, TypeError)
})

test.run()
