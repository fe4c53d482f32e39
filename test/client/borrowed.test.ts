// Batches whose bytes the reader uses again.
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openMemory, string, topic } from '../../bindings/entry/node.ts'
import { failure } from './support.ts'

const RECORDS = 3000
/** Rows of the record table for so many are whole pages: the batches would lie where copies are slow. */
const BATCH_RECORDS = 128

function bytesOf(index: number): Uint8Array {
  return new Uint8Array(200 + (index % 300)).fill(index % 251)
}

async function filled(): Promise<EmbeddedLog> {
  const log = await openMemory({ topics: [topic('t', { value: string })] })
  const producer = log.producer({ acks: 1 })
  for (let from = 0; from < RECORDS; from += BATCH_RECORDS) {
    const count = Math.min(BATCH_RECORDS, RECORDS - from)
    await producer.send(
      Array.from({ length: count }, (_, index) => {
        return { topic: 't', key: `k${from + index}`, value: bytesOf(from + index), headers: { h: `${from + index}` } }
      }),
    )
  }
  return log
}

test('every record as it was sent, though the kernel grows meanwhile', async () => {
  const log = await filled()
  const producer = log.producer({ acks: 1 })
  let offset = 0
  for await (const batch of log.read('t', { until: 'end' }).batches({ borrowed: true, maxBytes: 50_000 })) {
    const records = [...batch]
    await producer.send(Array.from({ length: 200 }, () => ({ topic: 't', value: new Uint8Array(4000).fill(9) })))
    for (const { key, value, headers, offset: found } of records) {
      const at = [found, String(new TextDecoder().decode(key as Uint8Array)), [...headers].length]
      assert.equal(at, [offset, `k${offset}`, 1])
      assert.equal(value, bytesOf(offset++))
    }
  }
  assert.is(offset, RECORDS)
  await log.close()
})

test('borrowed records lie in memory that is used again, others own their bytes', async () => {
  const log = await filled()
  const buffers = async (borrowed: boolean): Promise<Set<ArrayBuffer>> => {
    const seen = new Set<ArrayBuffer>()
    for await (const batch of log.read('t', { until: 'end' }).batches({ borrowed, maxBytes: 50_000 })) {
      for (const { value } of batch) seen.add((value as Uint8Array<ArrayBuffer>).buffer)
    }
    return seen
  }
  const all = 450 * RECORDS
  const sizeOf = (seen: Set<ArrayBuffer>): number => [...seen].reduce((sum, { byteLength }) => sum + byteLength, 0)
  assert.ok(sizeOf(await buffers(true)) < all / 3)
  assert.ok(sizeOf(await buffers(false)) > all / 2)
  await log.close()
})

test('after the next batch was asked for, fields that were not read before throw; values that a codec made stay', async () => {
  const log = await filled()
  const texts = topic('t', { value: { encode: (value: Uint8Array) => value, decode: ({ length }) => length } })
  const batches = log.read(texts, { until: 'end' }).batches({ borrowed: true, maxRecords: 10 })
  const iterator = batches[Symbol.asyncIterator]()
  const first = await iterator.next()
  const [seen, unseen] = [...(first.value ?? [])]
  assert.equal([seen?.key, seen?.value], ['k0', 200])
  const second = await iterator.next()
  assert.equal([seen?.key, seen?.value, seen?.offset], ['k0', 200, 0])
  await failure('INVALID_REQUEST', () => seen?.headers)
  await failure('INVALID_REQUEST', () => unseen?.key)
  await failure('INVALID_REQUEST', () => unseen?.value)
  await failure('INVALID_REQUEST', () => unseen?.timestamp)
  assert.match(inspect(unseen), /offset: 1,\n {2}timestamp: LogError: the record at offset 1 of t-0 was borrowed/)
  const [last] = [...(second.value ?? [])]
  assert.is(last?.key, 'k10')
  await iterator.return?.()
  await failure('INVALID_REQUEST', () => last?.value)
  await log.close()
})

test('iterating a batch after the next one was asked for throws, at its beginning and in its middle', async () => {
  const log = await filled()
  const iterator = log.read('t', { until: 'end' }).batches({ borrowed: true })[Symbol.asyncIterator]()
  const batch = (await iterator.next()).value
  const records = batch?.[Symbol.iterator]()
  assert.is(records?.next().value?.offset, 0)
  await iterator.next()
  await failure('INVALID_REQUEST', () => records?.next())
  await failure('INVALID_REQUEST', () => [...(batch ?? [])])
  await iterator.return?.()
  await log.close()
})

test('records of several partitions are kept apart, and a waiting reader gets those that come', async () => {
  const log = await openMemory({ topics: [topic('t', { value: string, partitions: 3 })] })
  const producer = log.producer({ acks: 1 })
  const send = (round: number) =>
    producer.send([0, 1, 2].map((partition) => ({ topic: 't', partition, value: `${partition}:${round}` })))
  await send(0)
  const seen: string[] = []
  for await (const batch of log.read(topic('t', { value: string })).batches({ borrowed: true })) {
    for (const { partition, value } of batch) {
      assert.is(value?.slice(0, 1), String(partition))
      seen.push(value ?? '')
    }
    if (seen.length === 3) await send(1)
    if (seen.length === 6) break
  }
  assert.equal(seen.sort(), ['0:0', '0:1', '1:0', '1:1', '2:0', '2:1'])
  await log.close()
})

test.run()
