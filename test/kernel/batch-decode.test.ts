import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BatchSlab, slabBytes } from '../../bindings/kernel/batch-slab.ts'
import type { BatchFault, DecodedBatch } from '../../bindings/kernel/kernel.ts'
import { SharedBlocks } from '../../bindings/model/batch-memory.ts'
import { badCompression, type CompressionCodec, tooLarge } from '../../bindings/model/compression.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { ReusedMemory } from '../../bindings/model/reused-memory.ts'
import {
  crc32cReference,
  type DecodedReference,
  decodeReference,
  encodeReference,
  type PlainRecord,
} from './reference.ts'
import { allocate, fromHex, newKernel, put, type Random, seeded } from './support.ts'

const unchanged: CompressionCodec = { compress: (bytes) => bytes.slice(), decompress: (bytes) => bytes.slice() }
const kernel = newKernel(64 << 20, { gzip: unchanged, snappy: unchanged, lz4: unchanged, zstd: unchanged })
const buffer = allocate(kernel, 1 << 20)
const reader = kernel.batchReader
const memory = new ReusedMemory()
const blocks = new SharedBlocks()

const seal = {
  baseOffset: 1000,
  partitionLeaderEpoch: 4,
  producerId: 77,
  producerEpoch: 2,
  baseSequence: 9,
  attributes: 0,
}

function records(random: Random, count: number): PlainRecord[] {
  return Array.from({ length: count }, () => ({
    key: random.chance(0.3) ? null : random.bytes(random.below(20)),
    value: random.chance(0.2) ? null : random.bytes(random.below(90)),
    timestamp: 1700000000000 + random.below(2000) - 1000,
    headers: Array.from({ length: random.chance(0.7) ? 0 : random.below(4) }, () => {
      const value = random.chance(0.3) ? null : random.bytes(random.below(10))
      return ['h'.repeat(random.below(6)), value] as const
    }),
  }))
}

/** The same by way of a slab, where single reads look: each record alone, after its batch was moved. */
function openedInSlab(batch: DecodedBatch): DecodedReference['records'] {
  const slab = new BatchSlab(2 * slabBytes(batch) + 64)
  slab.add(batch)
  const at = slab.add(batch)
  slab.clear()
  const moved = slab.move(at)
  return Array.from({ length: batch.recordCount }, (_, index) => {
    const offset = batch.offsetOf(index)
    const record = slab.record(moved, batch.baseOffset, offset, blocks)
    if (record === undefined) throw new Error(`no record at ${offset}`)
    const headers = record.headersOf().map(([name, value]) => [name, value] as const)
    return {
      key: record.keyOf(),
      value: record.valueOf(),
      headers,
      timestamp: record.timestampOf(),
      offset: record.offsetOf(),
    }
  })
}

function opened(batch: DecodedBatch | BatchFault): DecodedReference | BatchFault {
  if (typeof batch === 'string') return batch
  const found = Array.from({ length: batch.recordCount }, (_, index) => ({
    key: batch.keyOf(index),
    value: batch.valueOf(index),
    headers: batch.headersOf(index).map(([name, value]) => [name, value] as const),
    timestamp: batch.timestampOf(index),
    offset: batch.offsetOf(index),
  }))
  assert.equal(openedInSlab(batch), found)
  return { baseOffset: batch.baseOffset, sizeBytes: batch.header.sizeBytes, records: found }
}

/**
 * Decodes twice between different neighbours: what lies outside may not matter, nor whose memory the batch comes to lie
 * in.
 */
function decode(bytes: Uint8Array): DecodedReference | BatchFault {
  const results = [0x00, 0xff].map((around) => {
    buffer.bytes(0, bytes.length + 300).fill(around)
    put(buffer, 128, bytes)
    return opened(reader.decode(buffer, 128, bytes.length, around === 0 ? undefined : memory))
  })
  assert.equal(results[0], results[1])
  return results[0] as DecodedReference | BatchFault
}

function reseal(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const size = Math.min(bytes.length, Math.max(21, view.getInt32(8) + 12))
  view.setUint32(17, crc32cReference(bytes.subarray(21, size)))
}

test(
  'random batches decode as the reference decodes them',
  seeded(21, (random) => {
    for (let round = 0; round < 300; round++) {
      const count = random.pick([1, 2, 5, 40])
      const bytes = encodeReference(records(random, count), { ...seal, attributes: random.pick([0, 8, 0x10]) })
      const expected = decodeReference(bytes)
      assert.type(expected, 'object')
      assert.equal(decode(bytes), expected)
    }
  }),
)

test(
  'more records than one filling of the record table',
  seeded(22, (random) => {
    for (const count of [1023, 1024, 1025, 3000]) {
      const bytes = encodeReference(records(random, count), seal)
      put(buffer, 0, bytes)
      for (const into of [undefined, memory]) {
        assert.equal(opened(reader.decode(buffer, 0, bytes.length, into)), decodeReference(bytes))
      }
    }
  }),
)

test(
  'keys, values and headers that lie over the end of a chunk of 64 KiB, and values longer than one',
  seeded(23, (random) => {
    const lengths = [1000, 70_000, 3, 150_000, 5000, 0]
    const large = Array.from({ length: 60 }, (_, index) => ({
      key: random.bytes(random.below(3000)),
      value: random.bytes(lengths[index % 30] ?? random.below(4000)),
      timestamp: 1700000000000 + index,
      headers: index % 3 === 0 ? [['name', random.bytes(random.below(2000))] as const] : [],
    }))
    const bytes = encodeReference(large, seal)
    assert.ok(bytes.length > 10 * 65536)
    put(buffer, 0, bytes)
    const batch = reader.decode(buffer, 0, bytes.length)
    const lent = reader.decode(buffer, 0, bytes.length, memory)
    buffer.bytes(0, bytes.length).fill(0)
    assert.equal(opened(batch), decodeReference(bytes))
    assert.equal(opened(lent), decodeReference(bytes))
  }),
)

/** Kafka's varint of a number, in as many bytes as asked for: no writer pads, a reader takes it all the same. */
function padded(value: number, length: number): number[] {
  const zigzag = (value << 1) ^ (value >> 31)
  return Array.from({ length }, (_, at) => ((zigzag >>> (7 * at)) & 0x7f) | (at < length - 1 ? 0x80 : 0))
}

test('the usual record and every other way to write it say the same', () => {
  for (const width of [1, 2, 3, 5]) {
    const fields = [
      padded(3, width),
      padded(0, width),
      padded(1, width),
      [7],
      padded(2, width),
      [8, 9],
      padded(0, width),
    ]
    const body = [0, ...fields.flat()]
    const record = [...padded(body.length, width), ...body]
    const bytes = new Uint8Array([
      ...encodeReference(
        [{ key: null, value: fromHex('00'.repeat(record.length - 7)), timestamp: 5, headers: [] }],
        seal,
      ),
    ])
    bytes.set(record, 61)
    reseal(bytes)
    assert.equal(decode(bytes), decodeReference(bytes), `${width} bytes each`)
  }
})

test('a decoded batch owns its bytes', () => {
  const bytes = encodeReference([{ key: null, value: fromHex('0102'), timestamp: 5, headers: [] }], seal)
  put(buffer, 0, bytes)
  const batch = reader.decode(buffer, 0, bytes.length)
  if (typeof batch === 'string') return assert.unreachable(batch)
  buffer.bytes(0, 200).fill(0)
  assert.equal(batch.valueOf(0), fromHex('0102'))
  assert.is(batch.keyOf(0), null)
  assert.equal([batch.baseOffset, batch.nextOffset, batch.offsetOf(0), batch.timestampOf(0)], [1000, 1001, 1000, 5])
  assert.is(batch.memoryBytes, bytes.length + 32)
  assert.throws(() => batch.valueOf(1), /record 1 of a batch of 1/)
  assert.throws(() => batch.timestampOf(-1), /record -1 of a batch of 1/)
})

test("the batch that Kafka's compaction empties", () => {
  const bytes = fromHex(`000000000000000a00000031000000000299a8e8f9001000000002ffffffffffffffff0000018bcfe56805
    0000000000000fa000010000000700000000`)
  put(buffer, 0, bytes)
  assert.is(reader.fault(buffer, 0, 61), undefined)
  const batch = reader.decode(buffer, 0, 61)
  if (typeof batch === 'string') return assert.unreachable(batch)
  assert.equal([batch.baseOffset, batch.nextOffset, batch.recordCount], [10, 13, 0])
  assert.equal([batch.header.baseTimestamp, batch.header.maxTimestamp], [-1, 1700000000005])
})

test('a compressed batch without its codec is a typed error, and an id that Kafka has not given is a fault', () => {
  const bare = newKernel(1 << 20)
  const place = allocate(bare, 1000)
  for (const id of [1, 2, 3, 4, 5, 6, 7]) {
    const bytes = encodeReference([{ key: null, value: fromHex('00ff'), timestamp: 5, headers: [] }], {
      ...seal,
      attributes: id,
    })
    put(place, 0, bytes)
    const decodeBare = () => bare.batchReader.decode(place, 0, bytes.length)
    if (id > 4) assert.is(decodeBare(), 'bad-compression')
    else assert.throws(decodeBare, (error: unknown) => LogError.is(error, 'UNSUPPORTED_COMPRESSION_TYPE'))
  }
})

test('what a codec refuses is a fault of the batch, and its memory is given back', () => {
  for (const [fault, kind] of [
    [badCompression('no'), 'bad-compression'] as const,
    [tooLarge(9), 'too-large'] as const,
  ]) {
    const refuse = () => {
      throw fault
    }
    const own = newKernel(1 << 20, { lz4: { compress: refuse, decompress: refuse } })
    const place = allocate(own, 1000)
    const { usedBytes } = own.memory
    const bytes = encodeReference([{ key: null, value: null, timestamp: 5, headers: [] }], { ...seal, attributes: 3 })
    put(place, 0, bytes)
    assert.is(own.batchReader.decode(place, 0, bytes.length), kind)
    assert.is(own.memory.usedBytes, usedBytes)
  }
})

test('a compressed batch for which the kernel has no memory is a typed error, and changes nothing', () => {
  const large = { compress: (bytes: Uint8Array) => bytes, decompress: () => new Uint8Array(2 << 20) }
  const own = newKernel(1 << 20, { lz4: large })
  const place = allocate(own, 1000)
  const { usedBytes } = own.memory
  const bytes = encodeReference([{ key: null, value: null, timestamp: 5, headers: [] }], { ...seal, attributes: 3 })
  put(place, 0, bytes)
  const refused = (error: unknown) => LogError.is(error, 'MEMORY_CAP_REACHED')
  assert.throws(() => own.batchReader.decode(place, 0, bytes.length), refused)
  assert.is(own.memory.usedBytes, usedBytes)
})

test(
  'every truncation is a fault, and the bytes after the cut have no part in it',
  seeded(23, (random) => {
    const bytes = encodeReference(records(random, 12), seal)
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length)
      assert.is(decode(cut), 'incomplete', `${length} bytes`)
      assert.is(decodeReference(cut), 'incomplete')
      put(buffer, 0, bytes)
      assert.is(reader.fault(buffer, 0, length), 'incomplete')
      assert.is(reader.header(buffer, 0, length)?.sizeBytes, length < 61 ? undefined : bytes.length)
      assert.is(reader.intactBytes(buffer, 0, length, 0), 0)
    }
  }),
)

test(
  '20,000 byte mutations, half of them under a right CRC, answer as the reference does',
  seeded(24, (random) => {
    const faults = new Map<string, number>()
    for (let round = 0; round < 20000; round++) {
      const bytes = encodeReference(records(random, 1 + random.below(4)), seal)
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        // Records' inner fields more often than the 61 bytes before them.
        const at = random.chance(0.3) ? random.below(61) : random.below(bytes.length)
        bytes[at] = random.chance(0.5) ? random.pick([0, 1, 2, 0x7f, 0x80, 0xff]) : random.next()
      }
      if (random.chance(0.5)) reseal(bytes)
      const expected = decodeReference(bytes)
      const found = decode(bytes)
      assert.equal(found, expected, `round ${round}`)
      const kind = typeof expected === 'string' ? expected : 'intact'
      faults.set(kind, (faults.get(kind) ?? 0) + 1)
    }
    for (const kind of ['intact', 'incomplete', 'bad-length', 'bad-magic', 'bad-crc', 'bad-count', 'int64-range'])
      assert.ok((faults.get(kind) ?? 0) > 20, `${kind}: ${faults.get(kind)}`)
  }),
)

test('int64 fields beyond 2^53 are a fault and never rounded; -1 stays -1', () => {
  const at = { baseOffset: 0, baseTimestamp: 27, maxTimestamp: 35, producerId: 43 }
  for (const [field, position] of Object.entries(at)) {
    for (const [value, isExact] of [
      [9007199254740992n, false],
      [9223372036854775807n, false],
      [-9007199254740992n, false],
      [-1n, field !== 'baseOffset'],
      [field === 'baseOffset' ? 9007199254740990n : 9007199254740991n, true],
    ] as const) {
      const bytes = encodeReference([{ key: null, value: null, timestamp: 0, headers: [] }], seal)
      new DataView(bytes.buffer).setBigInt64(position, value)
      reseal(bytes)
      put(buffer, 0, bytes)
      assert.is(reader.fault(buffer, 0, bytes.length), isExact ? undefined : 'int64-range', `${field} ${value}`)
      const read = reader.header(buffer, 0, bytes.length)?.[field as keyof typeof at] ?? 0
      if (value === -1n || isExact) assert.is(read, Number(value))
      else assert.ok(Number.isNaN(read))
    }
  }
})

test('a varint of more than 32 bits is a fault, not its low bits', () => {
  const key = new Uint8Array(0)
  const plainBatch = encodeReference([{ key, value: null, timestamp: 0, headers: [] }], seal)
  // length, attributes, timestamp delta, offset delta, then the key's length 0, here as five groups.
  for (const [last, fault] of [
    [0x00, undefined],
    [0x10, 'bad-count'],
    [0x80, 'bad-count'],
  ] as const) {
    const record = [(6 + 4) * 2, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, last, 1, 0]
    const bytes = Uint8Array.from([...plainBatch.subarray(0, 61), ...record])
    new DataView(bytes.buffer).setInt32(8, bytes.length - 12)
    reseal(bytes)
    put(buffer, 0, bytes)
    const decoded = reader.decode(buffer, 0, bytes.length)
    assert.is(typeof decoded === 'string' ? decoded : undefined, fault, `last group ${last}`)
    assert.is(typeof decodeReference(bytes) === 'string' ? 'bad-count' : undefined, fault)
  }
})

test('a record whose timestamp leaves 2^53 is a fault of the walk', () => {
  const bytes = encodeReference(
    [
      { key: null, value: null, timestamp: 9007199254740991, headers: [] },
      { key: null, value: null, timestamp: 9007199254740991, headers: [] },
    ],
    seal,
  )
  const last = bytes.length - 5
  assert.is(bytes[last], 0, 'the timestamp delta of the last record')
  bytes[last] = 2
  reseal(bytes)
  put(buffer, 0, bytes)
  assert.is(reader.decode(buffer, 0, bytes.length), 'int64-range')
})

test('a usual record whose timestamp leaves 2^53 is one too', () => {
  const timestamp = 9007199254740991
  const usual = { key: null, value: new Uint8Array(20), timestamp, headers: [] }
  const bytes = encodeReference([usual, usual, usual], seal)
  const [length, delta] = [bytes.indexOf(usual.value.length * 2 + 12, 61 + 27), 2]
  bytes[length + delta] = 2
  reseal(bytes)
  assert.is(decodeReference(bytes), 'int64-range')
  assert.is(decode(bytes), 'int64-range')
})

test('a timestamp delta has ten bytes at the most', () => {
  const record = { key: null, value: null, timestamp: 5, headers: [] }
  for (const [length, fault] of [
    [10, undefined],
    [11, 'bad-count'],
  ] as const) {
    const delta = [...Array.from({ length: length - 1 }, () => 0x80), 0]
    const body = [0, ...delta, 0, 1, 1, 0]
    const bytes = Uint8Array.from([...encodeReference([record], seal).subarray(0, 61), body.length * 2, ...body])
    new DataView(bytes.buffer).setInt32(8, bytes.length - 12)
    reseal(bytes)
    const decoded = decode(bytes)
    assert.is(typeof decoded === 'string' ? decoded : undefined, fault, `${length} bytes`)
    assert.equal(decoded, decodeReference(bytes))
  }
})

test('offsets of a batch begin at or before its last one, and end below 2^53', () => {
  const record = { key: null, value: null, timestamp: 5, headers: [] }
  for (const [baseOffset, lastOffsetDelta, fault] of [
    [9007199254740980n, 10, undefined],
    [9007199254740981n, 10, 'int64-range'],
    [5n, 0, undefined],
  ] as const) {
    const bytes = encodeReference([record], seal)
    const view = new DataView(bytes.buffer)
    view.setBigInt64(0, baseOffset)
    view.setInt32(23, lastOffsetDelta)
    reseal(bytes)
    put(buffer, 0, bytes)
    assert.is(reader.fault(buffer, 0, bytes.length), fault, `${baseOffset}, ${lastOffsetDelta} more`)
  }
  const emptied = encodeReference([record], seal).slice(0, 61)
  for (const [lastOffsetDelta, fault] of [
    [0, undefined],
    [-1, 'bad-count'],
  ] as const) {
    const view = new DataView(emptied.buffer)
    view.setInt32(8, 49)
    view.setInt32(23, lastOffsetDelta)
    view.setInt32(57, 0)
    reseal(emptied)
    put(buffer, 0, emptied)
    assert.is(reader.fault(buffer, 0, 61), fault, `no records, last offset delta ${lastOffsetDelta}`)
  }
})

test('intactBytes ends before the first batch that is torn, damaged or out of sequence', () => {
  const batches = [1000, 1003, 1010].map((baseOffset) => {
    const three = Array.from({ length: 3 }, () => ({ key: null, value: fromHex('aa'), timestamp: 1, headers: [] }))
    return encodeReference(three, { ...seal, baseOffset })
  })
  const all = Uint8Array.from(batches.flatMap((batch) => [...batch]))
  const size = batches[0]?.length ?? 0
  const intact = (bytes: Uint8Array, expected: number): number => {
    put(buffer, 40, bytes)
    return reader.intactBytes(buffer, 40, bytes.length, expected)
  }
  assert.is(intact(all, 0), 3 * size)
  assert.is(intact(all, 1000), 3 * size)
  assert.is(intact(all, 1001), 0)
  assert.is(intact(all.slice(0, -1), 0), 2 * size)
  const damaged = all.slice()
  damaged[size + 70] = 1
  assert.is(intact(damaged, 0), size)
  const overlapping = all.slice()
  new DataView(overlapping.buffer).setBigInt64(size, 1002n)
  assert.is(intact(overlapping, 0), size)
})

test.run()
