// What a context of node:vm makes, as tests under Jest do, is of other classes than ours: bytes are bytes all the same, and what
// would lose its content is refused.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { msgpack } from '../../bindings/entry/msgpack.ts'
import { bytes, type EmbeddedLog, open, type ProducerRecord, topic } from '../../bindings/entry/node.ts'
import { failure } from './support.ts'

const context = createContext()
const foreign = <T>(code: string): T => runInContext(code, context) as T

let root = ''
let holder: EmbeddedLog
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-realms-'))
  holder = await open(root)
  await holder.admin.createTopic('t')
})
test.after.each(async () => {
  await holder.close()
  await rm(root, { recursive: true, force: true })
})

const value = foreign<Uint8Array>('new Uint8Array([1, 2, 3])')
const record: ProducerRecord = { topic: 't', key: value, value, headers: [['name', value]] }

test('bytes of another realm are bytes: key, value and header, one or many, beside the log and attached', async () => {
  assert.not(value instanceof Uint8Array)
  const attached = await open(root)
  for (const log of [holder, attached]) {
    const producer = log.producer()
    await producer.send(record)
    await producer.send(Array.from({ length: 100 }, () => record))
    await producer.send(Array.from({ length: 2000 }, () => ({ topic: 't', value })))
  }
  await attached.close()
  let count = 0
  for await (const read of holder.read('t', { until: 'end' })) {
    count++
    assert.equal(read.value, Uint8Array.of(1, 2, 3))
    if (read.key !== null) assert.equal([read.key, read.headers.get('name')], [read.value, read.value])
  }
  assert.is(count, 2 * 2101)
})

test('so are those that a codec gives', async () => {
  await holder.producer().send(topic('t', { value: bytes }).record({ value }))
})

test('what is no array of bytes is refused from there too', async () => {
  for (const code of ['new Float64Array(2)', 'new DataView(new ArrayBuffer(2))', 'new Proxy(new Uint8Array(2), {})']) {
    const other = { topic: 't', value: foreign<Uint8Array>(code) }
    await failure('INVALID_RECORD', () => holder.producer().send(other))
  }
})

test('msgpack refuses what it would write without its content', async () => {
  const packed = topic('t', { value: msgpack() })
  for (const code of [
    'new Map([[1, 2]])',
    '({ a: [new Set([1])] })',
    'new Date(5)',
    'new Uint8Array(2)',
    'new Error()',
  ]) {
    await failure('RECORD_SERIALIZATION', () => holder.producer().send(packed.record({ value: foreign(code) })))
  }
  await holder.producer().send(packed.record({ value: foreign('({ a: [1, { b: "x" }], c: null })') }))
  for await (const read of holder.read(packed, { until: 'end' }))
    assert.equal(read.value, { a: [1, { b: 'x' }], c: null })
})

test.run()
