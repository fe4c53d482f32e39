import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topic } from '../../bindings/client/topic/topic.ts'
import { msgpack } from '../../bindings/entry/msgpack.ts'
import { failure, overBrokers, take } from './support.ts'

function around(value: unknown): unknown {
  // By another codec: nothing may depend on what the first one packed before.
  const first = msgpack()
  first.encode({ some: 'other', fields: 1 })
  return msgpack().decode(first.encode(value))
}

test('a schema is refused: it would check nothing', async () => {
  const given = msgpack as (...schema: unknown[]) => unknown
  const { message } = await failure('INVALID_REQUEST', () => given({ '~standard': {} }))
  assert.match(message, /json\(schema\) does/)
})

test('values come back as what they were', () => {
  const values: unknown[] = [
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53 - 1,
    Number.NEGATIVE_INFINITY,
    'ä𝄞',
    1n,
    2n ** 80n,
    [1, [2, 'x']],
    { a: { b: [1] }, c: null },
    { x: undefined },
    new Date(5),
    new Map<unknown, unknown>([
      [1, { a: new Set(['x']) }],
      ['k', new Map()],
    ]),
    new Set([1, 'x']),
  ]
  for (const value of values) assert.equal(around(value), value)
  assert.ok(Number.isNaN(around(Number.NaN)))
})

test('typed arrays come back whole, on bytes of their own', () => {
  const classes = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
  ]
  for (const Class of classes) {
    const back = around({ odd: 'x', list: new Class([1, 2, 3]) }) as { list: Float64Array }
    assert.is(back.list.constructor, Class)
    assert.equal([...back.list], [1, 2, 3])
    assert.is(back.list.buffer.byteLength, back.list.byteLength, Class.name)
  }
  assert.equal(around(new BigInt64Array([-1n])), new BigInt64Array([-1n]))
})

test('bytes are Uint8Array, whatever was packed and however it is read', () => {
  const codec = msgpack<{ bytes: Uint8Array }>()
  const encoded = codec.encode({ bytes: Buffer.from('abc') })
  assert.is(encoded.constructor, Uint8Array)
  assert.is(encoded.buffer.byteLength, encoded.length)
  for (const source of [encoded, Buffer.from(encoded)]) {
    const { bytes } = codec.decode(source)
    assert.is(bytes.constructor, Uint8Array)
    source.fill(0)
    assert.equal([...bytes], [97, 98, 99])
    source.set(codec.encode({ bytes: Buffer.from('abc') }))
  }
})

test('what has no form is refused, and the codec goes on', async () => {
  const values = topic('t', { value: msgpack() })
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  for (const value of [() => {}, { deep: [() => {}] }, Symbol('x'), circle]) {
    await failure('RECORD_SERIALIZATION', () => values.record({ value }))
  }
  assert.equal(values.value.decode(values.record({ value: { a: 1 } }).value as Uint8Array), { a: 1 })
})

overBrokers('through a log; bytes that are no MessagePack throw when they are read', async (setup) => {
  const { log, broker } = await setup()
  const points = topic('t', { value: msgpack<{ at: Date; path: Float64Array }>() })
  await log.producer().send(points.record({ value: { at: new Date(7), path: new Float64Array([1, 2]) } }))
  await broker.write('t', ['\u00ff\u00ff'])
  const [good, bad] = await take(log.consumer({ groupId: 'g', topics: [points] }), 2)
  assert.equal(good?.value, { at: new Date(7), path: new Float64Array([1, 2]) })
  await failure('RECORD_DESERIALIZATION', () => bad?.value)
})

test.run()
