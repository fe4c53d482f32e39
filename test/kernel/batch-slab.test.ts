// Batches in one piece of memory: whose record is found, what a moved one keeps. All kinds of records:
// batch-decode.test.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BatchSlab, slabBytes } from '../../bindings/kernel/batch-slab.ts'
import type { DecodedBatch } from '../../bindings/kernel/kernel.ts'
import type { BatchMemory } from '../../bindings/model/batch-memory.ts'
import { encodeReference } from './reference.ts'
import { allocate, newKernel, noProducer, put } from './support.ts'

const kernel = newKernel()
const buffer = allocate(kernel, 1 << 16)

function decoded(values: readonly string[]): DecodedBatch {
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 5, headers: [] }))
  const bytes = encodeReference(records, noProducer)
  put(buffer, 0, bytes)
  const batch = kernel.batchReader.decode(buffer, 0, bytes.length)
  if (typeof batch === 'string') throw new Error(batch)
  return batch
}

/** As compaction leaves it: the records at these deltas only. */
function compacted(deltas: readonly number[]): DecodedBatch {
  const batch = decoded(deltas.map(String))
  const { recordCount, plainBytes, memoryBytes } = batch
  const pack = (words: Int32Array<ArrayBuffer>, at: number): void => {
    batch.pack(words, at)
    for (const [index, delta] of deltas.entries()) words[at + index * 8 + 4] = delta
  }
  return { ...batch, recordCount, plainBytes, memoryBytes, pack }
}

class CountedMemory implements BatchMemory {
  readonly largestBytes = 1000
  takenBytes = 0

  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    this.takenBytes += sizeBytes
    return new Uint8Array(sizeBytes)
  }
}

function textAt(slab: BatchSlab, at: number, offset: number, memory: BatchMemory): string | undefined {
  const record = slab.record(at, 100, offset, memory)
  return record === undefined ? undefined : String(Buffer.from(record.valueOf() ?? []))
}

test('every record that compaction left is found, and no other', () => {
  for (const deltas of [[0, 1, 2], [3], [0, 7, 8, 9, 4000], [1, 5, 6, 30, 31, 32, 33, 90]]) {
    const batch = compacted(deltas)
    const slab = new BatchSlab(slabBytes(batch))
    const at = slab.add(batch)
    for (let delta = 0; delta < 5000; delta += delta < 100 ? 1 : 100) {
      const expected = deltas.includes(delta) ? String(delta) : undefined
      assert.is(textAt(slab, at, 100 + delta, new CountedMemory()), expected, `${delta} of ${deltas}`)
    }
  }
})

test('a batch that compaction emptied has none', () => {
  const empty = { recordCount: 0, plainBytes: 61, memoryBytes: 61, pack: () => undefined } as unknown as DecodedBatch
  const slab = new BatchSlab(slabBytes(empty))
  assert.is(slab.record(slab.add(empty), 100, 100, new CountedMemory()), undefined)
})

test('a record takes its own bytes, not those of the batch', () => {
  const batch = decoded(['a', 'b'.repeat(50), 'c', 'd'])
  const slab = new BatchSlab(slabBytes(batch))
  const at = slab.add(batch)
  for (const [offset, text] of [...'abcd'].map((letter, index) => [100 + index, letter] as const)) {
    const memory = new CountedMemory()
    assert.is(textAt(slab, at, offset, memory)?.[0], text)
    assert.ok(memory.takenBytes < (text === 'b' ? 70 : 20), `${memory.takenBytes} bytes`)
  }
})

test('room is what is left, whoever was moved keeps his bytes, and use is told once', () => {
  const [first, second] = [decoded(['a', 'b']), decoded(['c', 'd', 'e'])]
  const memory = new CountedMemory()
  const slab = new BatchSlab(slabBytes(first) + slabBytes(second))
  const places = [slab.add(first), slab.add(second)] as const
  assert.not.ok(slab.hasRoom(1))
  slab.use(places[0])
  slab.use(places[1])
  slab.clear()
  assert.ok(slab.takeUse(places[1]))
  assert.not.ok(slab.takeUse(places[1]))
  const moved = slab.move(places[1])
  assert.is(moved, places[0])
  assert.equal(
    [100, 101, 102, 103].map((offset) => textAt(slab, moved, offset, memory)),
    ['c', 'd', 'e', undefined],
  )
  assert.ok(slab.hasRoom(slabBytes(first)))
  slab.use(moved)
  slab.clear()
  assert.not.ok(slab.takeUse(slab.add(first)))
})

test.run()
