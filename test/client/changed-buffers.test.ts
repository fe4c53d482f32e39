// Bytes aren't copied by a send: a buffer that is taken away or resized meanwhile is told as what it is, and harms no
// other record.
import { rmSync } from 'node:fs'
import { open } from 'oncelog'
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
            const sent = producer.send({ topic: 't', ...record(view(buffer)) })
            const other = producer.send({ topic: 't', value: `other ${others++}` })
            change(buffer)
            await sent.catch(({ code }: { code?: unknown }) => told.add(code))
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

// Asked for its size, then for its bytes: what a class of its own says was written over what others have in the
// kernel's memory, which hung the process; more text than before was cut; what is no bytes at all was written as empty
// ones, or ended the message of all.
const OTHERS: readonly unknown[] = [
  Object.defineProperty(new Uint8Array(100_000), 'length', { value: 10 }),
  'y'.repeat(200_000),
  ...[5, undefined, {}, [1, 2, 3]],
]

test('a record that gives something else when it is read again is refused or written whole, and harms no other', async () => {
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
        try {
          const { offset = -1 } = (await producer.send(records))[39] ?? {}
          const found = decoder.decode((await log.get('t', { partition: 0, offset }))?.value ?? undefined)
          assert.ok(found === 'usual' || found === other, `${what}: ${found.length}`)
        } catch (error) {
          assert.is((error as { code?: unknown }).code, 'INVALID_RECORD', `${what}: ${String(error)}`)
        }
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

test.run()
