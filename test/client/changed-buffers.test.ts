// A send doesn't copy bytes: a buffer that is transferred or resized meanwhile is refused as such, and harms no other
// record.
import { rmSync } from 'node:fs'
import { type LogError, open, openMemory, type ProducerRecord } from 'oncelog'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { scratchDirectory } from '../scratch.ts'
import { type Resizable, resizable } from './resizable.ts'

const home = scratchDirectory('changed-buffers')
test.after(() => rmSync(home, { recursive: true, force: true }))

const CHANGES: readonly ((buffer: Resizable) => unknown)[] = [
  (buffer) => buffer.resize(0),
  (buffer) => buffer.resize(10_000),
  (buffer) => structuredClone(buffer, { transfer: [buffer] }),
]
const VIEWS = [(buffer: Resizable) => new Uint8Array(buffer, 10, 80), (buffer: Resizable) => new Uint8Array(buffer)]
const RECORDS = [
  (bytes: Uint8Array) => ({ value: 'x', headers: { h: bytes } }),
  (bytes: Uint8Array) => ({ value: bytes }),
  (bytes: Uint8Array) => ({ key: bytes, value: null }),
]

function isGone(bytes: Uint8Array): boolean {
  try {
    new Uint8Array(10_000).set(bytes)
    return false
  } catch {
    return true
  }
}

// The holder once wrote an empty key or value in place of the lost bytes, and acknowledged it.
test('a buffer that is resized or transferred before its send settles fails that send alone, with a typed error', async () => {
  const logs = [await open(home), await open(home)]
  const [holder] = logs
  await holder?.admin.createTopic('t')
  let others = 0
  for (const log of logs) {
    for (const compression of ['none', 'gzip'] as const) {
      const producer = log.producer({ compression })
      await producer.send({ topic: 't', value: 'known' })
      const told = new Set<unknown>()
      for (const change of CHANGES) {
        for (const view of VIEWS) {
          for (const record of RECORDS) {
            const buffer = resizable(100)
            const bytes = view(buffer)
            const sent = producer.send({ topic: 't', ...record(bytes) })
            const other = producer.send({ topic: 't', value: `other ${others++}` })
            change(buffer)
            let isWritten = true
            await sent.catch(({ code, message, details }: LogError) => {
              told.add(code)
              assert.match(message, '(t-0)')
              assert.equal([details['topic'], details['partition']], ['t', 0])
              isWritten = false
            })
            assert.not(isWritten && isGone(bytes), `${log.role}, ${compression}: written without its bytes`)
            await other
          }
        }
      }
      assert.equal([...told], ['INVALID_RECORD'])
    }
  }
  const decoder = new TextDecoder()
  let found = 0
  for await (const { value } of holder?.read('t', { until: 'end' }) ?? [])
    if (decoder.decode(value ?? undefined).startsWith('other ')) found++
  assert.is(found, others)
  for (const log of logs.reverse()) await log.close()
})

test('which record of a list it was is told, wherever its bytes are missed', async () => {
  const logs = [await open(home), await open(home)]
  await logs[0]?.admin.createTopic('places')
  for (const log of logs) {
    for (const compression of ['none', 'gzip'] as const) {
      const producer = log.producer({ compression })
      await producer.send({ topic: 'places', value: 'known' })
      for (const count of [4, 40]) {
        for (const headers of [undefined, { h: 'x' }]) {
          const buffer = resizable(100)
          const wrong = { topic: 'places', value: new Uint8Array(buffer, 10, 80), headers }
          const whole = { topic: 'places', value: 'x'.repeat(30), headers }
          const sent = producer.send(Array.from({ length: count }, (_, index) => (index === 2 ? wrong : whole)))
          structuredClone(buffer, { transfer: [buffer] })
          const error = (await sent.catch((refused: unknown) => refused)) as LogError
          assert.is(error.code, 'INVALID_RECORD', `${error}`)
          assert.equal(error.details['recordErrors'], [{ batchIndex: 2 }], `${log.role}, ${compression}, ${count}`)
          assert.match(error.message, /^record 2 of its batch or its buffer changed .*\(places-0\)$/)
        }
      }
    }
  }
  for (const log of logs.reverse()) await log.close()
})

// A record is asked for its size, then for its bytes. Once, bytes of a class with another length were written over
// others in the kernel's memory, which hung the process; longer text was cut; and a value that was no bytes was written
// as empty bytes, or ended the whole message.
const OTHERS: readonly unknown[] = [
  Object.defineProperty(new Uint8Array(100_000), 'length', { value: 10 }),
  'y'.repeat(200_000),
  ...[5, undefined, {}, [1, 2, 3]],
]

test('a record that gives something else when it is read again is written whole, and harms no other', async () => {
  const directory = scratchDirectory('changed-records')
  const logs = [await open(directory), await open(directory)]
  const [holder] = logs
  await holder?.admin.createTopic('t')
  const decoder = new TextDecoder()
  const filler = new Uint8Array(1000).fill(65)
  for (const log of logs) {
    const producer = log.producer()
    await producer.send({ topic: 't', value: 'known' })
    for (const other of OTHERS) {
      for (const read of [2, 3]) {
        let reads = 0
        const records = Array.from({ length: 40 }, () => ({ topic: 't', value: filler }))
        const get = () => (++reads === read ? other : 'usual')
        Object.defineProperty(records[39], 'value', { enumerable: true, get })
        const what = `${log.role}: ${typeof other}, read ${read}`
        const { offset = -1 } = (await producer.send(records))[39] ?? {}
        const found = decoder.decode((await log.get('t', { partition: 0, offset }))?.value ?? undefined)
        assert.ok(found === 'usual' || found === other, `${what}: ${found.length}`)
      }
    }
  }
  assert.equal(await holder?.verify(), [])
  let count = 0
  for await (const { value } of holder?.read('t', { until: 'end' }) ?? []) {
    const isIntact = value?.length !== 1000 || value.every((byte) => byte === 65)
    assert.ok(isIntact, `record ${count++}`)
  }
  for (const log of logs.reverse()) await log.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Asked for its length for the `read`th time, it resizes `other`. */
function resizing(other: Resizable, read: number, sizeBytes: number): Uint8Array {
  let reads = 0
  class Resizes extends Uint8Array {
    override get length(): number {
      if (++reads === read) other.resize(sizeBytes)
      return this.byteLength
    }
  }
  return new Resizes(100)
}

const PAIRS = {
  'a key beside a value': (bytes: Uint8Array, resizes: Uint8Array) => ({ key: bytes, value: resizes }),
  'a value beside a header': (bytes: Uint8Array, resizes: Uint8Array) => ({ value: bytes, headers: { a: resizes } }),
  'a header beside another': (bytes: Uint8Array, resizes: Uint8Array) => ({
    value: null,
    headers: { a: resizes, b: bytes },
  }),
  'the room of a later header': (bytes: Uint8Array, resizes: Uint8Array) => ({
    value: null,
    headers: { a: 'x', r: resizes, b: bytes, ['n'.repeat(50)]: null },
  }),
}

// The key was measured before the value was asked: once, the additional bytes were written over the batch's own next
// records and over other partitions. The batch was acknowledged, and damaged on the disk.
for (const [what, pair] of Object.entries(PAIRS)) {
  test(`bytes that a class resizes while it is asked for its length are refused or written whole: ${what}`, async () => {
    const log = await openMemory()
    for (const name of ['t', 'other']) await log.admin.createTopic(name)
    const producer = log.producer()
    await producer.send([
      { topic: 't', value: 'known' },
      { topic: 'other', value: 'other' },
    ])
    for (const count of [1, 40]) {
      for (const sizeBytes of [30, 5000]) {
        for (let read = 1; read < 12; read++) {
          const buffer = resizable(100)
          const records = Array.from({ length: count }, () => ({ topic: 't', value: new Uint8Array(1000) }) as object)
          records[count >> 1] = { topic: 't', ...pair(new Uint8Array(buffer), resizing(buffer, read, sizeBytes)) }
          const sent = producer.send(records as ProducerRecord[])
          await sent.catch(({ code }: { code?: unknown }) => assert.is(code, 'INVALID_RECORD'))
        }
      }
    }
    await producer.send({ topic: 'other', value: 'next' })
    let found = 0
    for await (const { headers } of log.read('t', { until: 'end' })) found += [...headers].length + 1
    assert.ok(found > 0)
    let others = 0
    for await (const { value } of log.read('other', { until: 'end' })) others += value?.length ?? 0
    assert.is(others, 9)
    await log.close()
  })
}

test.run()
