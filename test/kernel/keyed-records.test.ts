// Records of a batch laid out with the hashes of their keys, against the slow reference.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { KeyedRecords } from '../../bindings/kernel/kernel.ts'
import { decodeReference, encodeReference, type PlainRecord } from './reference.ts'
import { newKernel, type Random, seeded } from './support.ts'

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

/** What is said of each record, read while it may be. */
function laidOut(bytes: Uint8Array, until = Number.POSITIVE_INFINITY) {
  const plain = bytes.subarray(HEADER_BYTES)
  const found: { key: Uint8Array | null; value: Uint8Array | null; offset: number; timestamp: number }[] = []
  const hashes: string[] = []
  const ends: [number, number][] = []
  const at = (position: number, length: number) => (length < 0 ? null : plain.slice(position, position + length))
  const fault = kernel.batchReader.visitKeyed(bytes, plain, (keyed: KeyedRecords) => {
    for (let index = 0; index < keyed.count; index++) {
      const key = at(keyed.keyPositionOf(index), keyed.keyLengthOf(index))
      const value = at(keyed.valuePositionOf(index), keyed.valueLengthOf(index))
      const offset = seal.baseOffset + keyed.offsetDeltaOf(index)
      found.push({ key, value, offset, timestamp: keyed.timestampOf(index) })
      hashes.push(key === null ? '' : keyed.hashes.slice(index * 4, index * 4 + 4).join())
      ends.push([keyed.startOf(index), keyed.endOf(index)])
    }
    return found.length < until
  })
  return { fault, found, hashes, ends }
}

function hashOf(key: Uint8Array | null): string {
  const words = new Int32Array(4)
  if (key !== null) kernel.hashOf(key, words)
  return key === null ? '' : words.join()
}

test(
  'keys, values, offsets and times are what the reference reads, hashes what hashOf gives, over fillings of the table too',
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

test('who has enough hears no more of it', () => {
  const many = Array.from({ length: 3000 }, () => ({ key: Uint8Array.of(7), value: null, timestamp: 1, headers: [] }))
  assert.is(laidOut(encodeReference(many, seal), 1).found.length, 1024)
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

test('what was taken of the memory is given back, and a batch without room is refused by name', () => {
  const small = newKernel(1 << 20)
  const large = encodeReference([{ key: null, value: new Uint8Array(2 << 20), timestamp: 1, headers: [] }], seal)
  const visit = (bytes: Uint8Array) => small.batchReader.visitKeyed(bytes, bytes.subarray(HEADER_BYTES), () => true)
  assert.throws(() => visit(large), /MEMORY_CAP_REACHED|need kernel memory/)
  const before = small.memory.usedBytes
  const some = encodeReference([{ key: Uint8Array.of(1), value: null, timestamp: 1, headers: [] }], seal)
  assert.is(visit(some), undefined)
  assert.throws(
    () =>
      small.batchReader.visitKeyed(some, some.subarray(HEADER_BYTES), () => {
        throw new Error('of the visitor')
      }),
    /of the visitor/,
  )
  assert.is(small.memory.usedBytes, before)
})

test.run()
