// Bytes aren't copied by a send: a buffer that is taken away or resized meanwhile is told as what it is, and harms no other record.
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

test.run()
