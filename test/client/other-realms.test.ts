// What a context of node:vm makes, as tests under Jest do, is of other classes than ours: bytes are bytes all the same,
// and what would lose its content is refused.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { msgpack } from '../../bindings/entry/msgpack.ts'
import { bytes, type EmbeddedLog, open, openDriver, type ProducerRecord, topic } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import type { FileStore, StoreFile } from '../../bindings/storage/file-store.ts'
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

type Later = <T>(work: () => T | Promise<T>) => Promise<T>

const promiseOfTheOtherRealm: Later = foreign('(work) => Promise.resolve().then(work)')

/** No more than what `await` needs, as some libraries have it: no `catch`, and `then` returns nothing. */
const thenAlone: Later = <T>(work: () => T | Promise<T>) => {
  const then: Promise<T>['then'] = (done, failed) => void Promise.resolve().then(work).then(done, failed) as never
  return { then } as Promise<T>
}

/** A store of which each answer comes later. */
function answeringLate(store: FileStore, later: Later): FileStore {
  const file = (inner: StoreFile): StoreFile => ({
    path: inner.path,
    read: (into, position) => inner.read(into, position),
    write: (from, position) => inner.write(from, position),
    size: () => inner.size(),
    truncate: (sizeBytes) => inner.truncate(sizeBytes),
    flush: () => later(() => inner.flush()),
    close: () => inner.close(),
  })
  return {
    capabilities: { ...store.capabilities, synchronousFlush: false },
    open: (path, options) =>
      later(async () => {
        const found = await store.open(path, options)
        return found && file(found)
      }),
    list: (directory) => later(() => store.list(directory)),
    rename: (from, to) => later(() => store.rename(from, to)),
    remove: (path) => later(() => store.remove(path)),
    syncDirectory: (directory) => later(() => store.syncDirectory(directory)),
    lock: () => later(() => store.lock()),
    close: () => later(() => store.close()),
  }
}

for (const [answer, later] of Object.entries({ promiseOfTheOtherRealm, thenAlone })) {
  test(`a driver's answers are waited for: ${answer}`, async () => {
    const log = await openDriver(answeringLate(new MemoryStore(), later))
    await log.admin.createTopic('t')
    await log.producer().send({ topic: 't', value: 'a' })
    const values: string[] = []
    for await (const read of log.read('t', { until: 'end' })) values.push(String(Buffer.from(read.value ?? [])))
    assert.equal(values, ['a'])
    await log.close()
  })
}

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
