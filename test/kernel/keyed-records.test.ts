// Records of a batch laid out with the hashes of their keys, against the slow reference.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BatchFault } from '../../bindings/kernel/kernel.ts'
import { decodeReference, encodeReference, type PlainRecord } from './reference.ts'
import { allocate, newKernel, put, type Random, seeded } from './support.ts'

const HEADER_BYTES = 61
const seal = {
  baseOffset: 1000,
  partitionLeaderEpoch: 4,
  producerId: 77,
  producerEpoch: 2,
  baseSequence: 9,
  attributes: 0,
}
const kernel = newKernel()
kernel.seedHash(Uint32Array.of(1, 2, 3, 4))

function records(random: Random, count: number): PlainRecord[] {
  return Array.from({ length: count }, () => ({
    key: random.chance(0.2) ? null : random.bytes(random.below(random.chance(0.1) ? 300 : 20)),
    value: random.chance(0.2) ? null : random.bytes(random.below(90)),
    timestamp: 1700000000000 + random.below(2000) - 1000,
    headers: Array.from({ length: random.chance(0.8) ? 0 : random.below(4) }, () => {
      return ['h'.repeat(random.below(6)), random.chance(0.3) ? null : random.bytes(random.below(10))] as const
    }),
  }))
}

/** As others do between two parts: it lays out other records, in memory that was given back. */
const others = encodeReference(
  Array.from({ length: 1500 }, () => ({ key: Uint8Array.of(9, 9), value: null, timestamp: 3, headers: [] })),
  seal,
)
function useKernel(): void {
  const buffer = allocate(kernel, others.length)
  put(buffer, 0, others)
  if (typeof kernel.batchReader.decode(buffer, 0, others.length) === 'string') throw new Error('it is intact')
  kernel.hashOf(Uint8Array.of(1), new Int32Array(4))
  buffer.free()
}

/** What is said of each record, read while it may be. */
function laidOut(bytes: Uint8Array) {
  const plain = bytes.subarray(HEADER_BYTES)
  const found: { key: Uint8Array | null; value: Uint8Array | null; offset: number; timestamp: number }[] = []
  const hashes: string[] = []
  const ends: [number, number][] = []
  const at = (position: number, length: number) => (length < 0 ? null : plain.slice(position, position + length))
  const parts = kernel.batchReader.keyedParts(bytes, plain)
  let fault: BatchFault | undefined
  for (let keyed = parts.next(); keyed !== undefined; keyed = parts.next()) {
    if (typeof keyed === 'string') {
      fault = keyed
      break
    }
    for (let index = 0; index < keyed.count; index++) {
      const key = at(keyed.keyPositionOf(index), keyed.keyLengthOf(index))
      const value = at(keyed.valuePositionOf(index), keyed.valueLengthOf(index))
      const offset = seal.baseOffset + keyed.offsetDeltaOf(index)
      found.push({ key, value, offset, timestamp: keyed.timestampOf(index) })
      hashes.push(key === null ? '' : keyed.hashes.slice(index * 4, index * 4 + 4).join())
      ends.push([keyed.startOf(index), keyed.endOf(index)])
    }
    useKernel()
  }
  return { fault, found, hashes, ends }
}

function hashOf(key: Uint8Array | null): string {
  const words = new Int32Array(4)
  if (key !== null) kernel.hashOf(key, words)
  return key === null ? '' : words.join()
}

test(
  'keys, values, offsets and times are what the reference reads, hashes what hashOf gives, part by part too, whatever the kernel does between',
  seeded(31, (random) => {
    for (const count of [1, 2, 7, 40, 1024, 1025, 2500]) {
      const bytes = encodeReference(records(random, count), { ...seal, attributes: random.pick([0, 8]) })
      const expected = decodeReference(bytes)
      if (typeof expected === 'string') throw new Error(expected)
      const { fault, found, hashes, ends } = laidOut(bytes)
      assert.is(fault, undefined)
      assert.equal(
        found,
        expected.records.map(({ key, value, offset, timestamp }) => ({ key, value, offset, timestamp })),
      )
      assert.equal(
        hashes,
        found.map(({ key }) => hashOf(key)),
      )
      assert.is(ends[0]?.[0], 0)
      for (const [index, [start]] of ends.entries()) if (index > 0) assert.is(start, ends[index - 1]?.[1])
      assert.is(ends.at(-1)?.[1], bytes.length - HEADER_BYTES)
    }
  }),
)

/** As many records as the kernel lays out at once, or 64 KiB: what one turn of an event loop has room for. */
test('a part has few records and few bytes, unless one record alone has more, and the last one says so', () => {
  const batches: [count: number, valueBytes: number, parts: number[]][] = [
    [3000, 0, [1024, 1024, 952]],
    [2048, 10, [1024, 1024]],
    [1025, 0, [1024, 1]],
    [10, 20_000, [3, 3, 3, 1]],
    [3, 200_000, [1, 1, 1]],
  ]
  for (const [count, valueBytes, expected] of batches) {
    const value = new Uint8Array(valueBytes)
    const many = Array.from({ length: count }, () => ({ key: Uint8Array.of(7), value, timestamp: 1, headers: [] }))
    const bytes = encodeReference(many, seal)
    const walk = kernel.batchReader.keyedParts(bytes, bytes.subarray(HEADER_BYTES))
    const counts: number[] = []
    for (let part = walk.next(); part !== undefined; part = walk.next()) {
      if (typeof part === 'string') throw new Error(part)
      counts.push(part.count)
      assert.is(part.isLast, counts.length === expected.length)
    }
    assert.equal(counts, expected)
  }
})

test('bytes after the last record, and offsets that go back from one part to the next, are a fault', () => {
  const many = Array.from({ length: 1500 }, () => ({ key: Uint8Array.of(7), value: null, timestamp: 1, headers: [] }))
  const bytes = encodeReference(many, seal)
  const longer = new Uint8Array(bytes.length + 1)
  longer.set(bytes)
  assert.is(laidOut(longer).fault, 'bad-count')
  const fewer = Uint8Array.from(bytes)
  new DataView(fewer.buffer).setInt32(57, 1499)
  assert.is(laidOut(fewer).fault, 'bad-count')
  const more = Uint8Array.from(bytes)
  new DataView(more.buffer).setInt32(57, 1501)
  assert.is(laidOut(more).fault, 'bad-count')
  const back = Uint8Array.from(bytes)
  const { ends } = laidOut(bytes)
  // Length, attributes, timestamp's delta, then the offset's: 1024 becomes 1.
  const at = HEADER_BYTES + (ends[1024]?.[0] ?? 0) + 3
  back.set([0x82, 0], at)
  const { fault, found } = laidOut(back)
  assert.equal([fault, found.length], ['bad-count', 1024])
})

test(
  'flipped bytes are a fault or records that lie inside, as for the reference',
  seeded(32, (random) => {
    for (let round = 0; round < 2000; round++) {
      const bytes = encodeReference(records(random, random.pick([1, 3, 20])), seal)
      bytes[HEADER_BYTES + random.below(bytes.length - HEADER_BYTES)] = random.next()
      const { fault, ends } = laidOut(bytes)
      if (fault === undefined) assert.is(ends.at(-1)?.[1], bytes.length - HEADER_BYTES)
      else assert.ok(['bad-count', 'int64-range'].includes(fault), fault)
    }
  }),
)

test('memory is freed after each part, and a record without room is refused by name', () => {
  const small = newKernel(1 << 20)
  const parts = (bytes: Uint8Array) => small.batchReader.keyedParts(bytes, bytes.subarray(HEADER_BYTES))
  const large = encodeReference([{ key: null, value: new Uint8Array(2 << 20), timestamp: 1, headers: [] }], seal)
  assert.throws(() => parts(large).next(), /MEMORY_CAP_REACHED|need kernel memory/)
  const before = small.memory.usedBytes
  const value = new Uint8Array(100_000)
  const many = Array.from({ length: 30 }, () => ({ key: Uint8Array.of(1), value, timestamp: 1, headers: [] }))
  const walk = parts(encodeReference(many, seal))
  let count = 0
  for (let part = walk.next(); part !== undefined && typeof part !== 'string'; part = walk.next()) {
    assert.is(small.memory.usedBytes, before)
    count += part.count
  }
  assert.is(count, many.length, 'more bytes than there is memory')
})

test.run()
