import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { BatchSeal, KernelBuffer } from '../../bindings/kernel/kernel.ts'
import type { HeaderList, RecordBytes } from '../../bindings/model/records.ts'
import { resizable } from '../client/resizable.ts'
import { encodeReference, type PlainRecord, varintReference } from './reference.ts'
import { allocate, fromHex, newKernel, noProducer, type Random, seeded, toHex } from './support.ts'

const kernel = newKernel()
const buffer = allocate(kernel, 4 << 20)
const builder = kernel.batchBuilder
const noLeaderEpoch: BatchSeal = { ...noProducer, partitionLeaderEpoch: -1 }

interface Given {
  readonly key: RecordBytes
  readonly value: RecordBytes
  readonly timestamp: number
  readonly headers: HeaderList | undefined
}

function plainBytes(given: RecordBytes): Uint8Array | null {
  return typeof given === 'string' ? new TextEncoder().encode(given) : given
}

function plain(given: Given): PlainRecord {
  const headers = (given.headers ?? []).map(([name, value]) => [name, plainBytes(value)] as const)
  return { key: plainBytes(given.key), value: plainBytes(given.value), timestamp: given.timestamp, headers }
}

function encode(position: number, records: readonly Given[], seal: BatchSeal): Uint8Array {
  builder.begin(buffer, position)
  for (const { key, value, timestamp, headers } of records) assert.ok(builder.append(key, value, timestamp, headers))
  assert.is(builder.recordCount, records.length)
  assert.is(builder.maxTimestamp, Math.max(...records.map((record) => record.timestamp)))
  const promised = builder.sizeBytes
  const size = builder.seal(seal)
  assert.is(size, promised)
  return buffer.bytes(position, position + size)
}

const letters = ['a', 'Z', '0', ' ', 'é', 'ß', '€', '漢', '🜚', '\ud800', '\udc00', '\u0000', '\u007f', '\u0080']

function text(random: Random, length: number, ascii: boolean): string {
  let built = ''
  while (built.length < length) built += ascii ? String.fromCharCode(random.below(128)) : random.pick(letters)
  return built
}

/** Lengths around every border where a path or a varint changes. */
const lengths = [0, 1, 7, 8, 9, 15, 16, 17, 62, 63, 64, 65, 100, 127, 128, 255, 256, 257, 300, 5461, 5462, 8191, 8192]
const longer = [16384, 21845, 21846, 65536, 100000]

function content(random: Random): RecordBytes {
  const length = random.chance(0.02) ? random.pick(longer) : random.pick(lengths)
  const kind = random.below(5)
  if (kind === 0) return null
  if (kind === 1) return text(random, length, true)
  if (kind === 2) return text(random, length, false)
  return random.bytes(length)
}

function headers(random: Random): HeaderList | undefined {
  if (random.chance(0.6)) return undefined
  return Array.from({ length: random.below(70) === 0 ? 70 : random.below(4) }, () => [
    text(random, random.pick([0, 1, 5, 63, 64, 200]), random.chance(0.7)),
    random.chance(0.2)
      ? null
      : random.chance(0.5)
        ? text(random, random.below(80), false)
        : random.bytes(random.below(99)),
  ])
}

test('varint samples: the reference writes what Kafka writes', () => {
  const samples: readonly (readonly [number, string])[] = [
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [-2, '03'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [300, 'd804'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ]
  for (const [value, hex] of samples) assert.is(toHex(Uint8Array.from(varintReference(BigInt(value)))), hex)
})

test('vector A: one record, no producer', () => {
  const bytes = encode(5, [{ key: 'k', value: 'v', timestamp: 1700000000000, headers: undefined }], noLeaderEpoch)
  assert.is(
    toHex(bytes),
    '00000000000000000000003affffffff02e99b8dd80000000000000000018bcfe568000000018bcfe56800' +
      'ffffffffffffffffffffffffffff0000000110000000026b027600',
  )
})

test('vector B: transactional, headers, nulls, timestamps before and after the first', () => {
  const bytes = encode(
    0,
    [
      {
        key: 'k1',
        value: 'v1',
        timestamp: 1700000000000,
        headers: [
          ['h', 'x'],
          ['n', null],
        ],
      },
      { key: null, value: fromHex('7632'), timestamp: 1700000000005, headers: [] },
      { key: fromHex('6b33'), value: null, timestamp: 1699999999997, headers: undefined },
    ],
    { ...noProducer, producerId: 4000, producerEpoch: 1, baseSequence: 7, attributes: 0x10 },
  )
  assert.is(
    toHex(bytes),
    '000000000000000000000055000000000243190a770010000000020000018bcfe568000000018bcfe56805' +
      '0000000000000fa00001000000070000000322000000046b310476310402680278026e0110000a02010476' +
      '320010000504046b330100',
  )
})

test('the transaction markers of Kafka, byte for byte', () => {
  for (const [type, crc] of [
    [1, 'db9b9b4c'],
    [0, '2fa54d04'],
  ] as const) {
    const key = Uint8Array.of(0, 0, 0, type)
    const value = Uint8Array.of(0, 0, 0, 0, 0, 3)
    const bytes = encode(64, [{ key, value, timestamp: 1700000000000, headers: undefined }], {
      baseOffset: 42,
      partitionLeaderEpoch: 0,
      producerId: 4000,
      producerEpoch: 1,
      baseSequence: -1,
      attributes: 0x30,
    })
    assert.is(
      toHex(bytes),
      `000000000000002a000000420000000002${crc}0030000000000000018bcfe568000000018bcfe56800` +
        `0000000000000fa00001ffffffff0000000120000000080000000${type}0c00000000000300`,
    )
  }
})

test(
  'random batches equal the reference byte for byte',
  seeded(11, (random) => {
    for (let round = 0; round < 120; round++) {
      const records: Given[] = []
      const base = random.pick([0, -1, 1700000000000, 9007199254740991, -5])
      for (let count = 1 + random.below(random.pick([1, 3, 130])); count > 0; count--) {
        const timestamp = random.chance(0.9) ? base - random.below(1000) : random.pick([-1, 0, 9007199254740991])
        records.push({ key: content(random), value: content(random), timestamp, headers: headers(random) })
      }
      const seal: BatchSeal = {
        baseOffset: random.pick([0, 1, 4294967295, 4294967296, 9007199254740000]),
        partitionLeaderEpoch: random.pick([-1, 0, 7, 2147483647]),
        producerId: random.pick([-1, 0, 4000, 9007199254740991]),
        producerEpoch: random.pick([-1, 0, 32767]),
        baseSequence: random.pick([-1, 0, 2147483647]),
        attributes: random.pick([0, 0x10, 0x30, 8]),
      }
      const size = Buffer.compare(encode(random.below(33), records, seal), encodeReference(records.map(plain), seal))
      assert.is(size, 0, `round ${round}`)
    }
  }),
)

test(
  'a record that does not fit leaves no trace, whatever is missing of it',
  seeded(12, (random) => {
    const guard = 64
    const small = allocate(kernel, 32768)
    for (let round = 0; round < 150; round++) {
      const first: Given = { key: 'first', value: random.bytes(20), timestamp: 5, headers: undefined }
      const second: Given = { key: content(random), value: content(random), timestamp: 9, headers: headers(random) }
      const one = encodeReference([plain(first)], noLeaderEpoch)
      const two = encodeReference([plain(first), plain(second)], noLeaderEpoch)
      // The second record misses exactly `missing` bytes at the end of the buffer; 0 fits.
      const missing = random.below(5) === 0 ? 0 : 1 + random.below(two.length - one.length)
      const position = small.sizeBytes - two.length + missing
      if (position < guard) continue
      const limit = small.sizeBytes
      small.bytes(0, limit).fill(0xee)
      builder.begin(small, position)
      assert.ok(builder.append(first.key, first.value, first.timestamp, first.headers))
      const before = [builder.recordCount, builder.sizeBytes, builder.maxTimestamp]
      const fits = builder.append(second.key, second.value, second.timestamp, second.headers)
      assert.is(fits, missing === 0, `${missing} bytes missing`)
      if (!fits) {
        assert.equal([builder.recordCount, builder.sizeBytes, builder.maxTimestamp], before)
        assert.ok(small.bytes(position + one.length, limit).every((byte) => byte === 0xee))
      }
      const size = builder.seal(noLeaderEpoch)
      assert.is(Buffer.compare(small.bytes(position, position + size), fits ? two : one), 0)
      assert.ok(small.bytes(0, position).every((byte) => byte === 0xee))
    }
    small.free()
  }),
)

test(
  'packed records equal the same records one by one, and come all or none',
  seeded(13, (random) => {
    for (const count of [0, 1, 2, 100, 1000, 8191, 8192, 8193, 20000]) {
      const records: Given[] = []
      for (let index = 0; index < count; index++) {
        const length =
          count > 1000 ? random.below(30) : random.pick([0, 1, 15, 16, 17, 63, 64, 100, 255, 256, 257, 3000])
        const key = random.chance(0.4) ? null : random.bytes(random.below(20))
        const value = random.chance(0.2) ? null : random.bytes(length)
        records.push({ key, value, timestamp: 1700000000005, headers: undefined })
      }
      const contents = records.flatMap((record) => [record.key as Uint8Array | null, record.value as Uint8Array | null])
      const payload = Buffer.concat(contents.map((bytes) => bytes ?? new Uint8Array(0)))
      const lengths = Int32Array.from(contents, (bytes) => bytes?.length ?? -1)
      for (const base of [1700000000000, -5]) {
        const first: Given = { key: null, value: 'first', timestamp: base, headers: undefined }
        const expected = encode(0, [first, ...records], noLeaderEpoch).slice()
        builder.begin(buffer, 0)
        builder.append(null, 'first', base, undefined)
        assert.ok(builder.appendPacked(payload, lengths, 1700000000005))
        assert.is(builder.recordCount, count + 1)
        const size = builder.seal(noLeaderEpoch)
        assert.is(Buffer.compare(buffer.bytes(0, size), expected), 0, `${count} records`)
        if (count === 0) continue
        const position = buffer.sizeBytes - expected.length + 1
        builder.begin(buffer, position)
        builder.append(null, 'first', base, undefined)
        const before = [builder.recordCount, builder.sizeBytes, builder.maxTimestamp]
        assert.not.ok(builder.appendPacked(payload, lengths, 1700000000005), 'a byte is missing')
        assert.equal([builder.recordCount, builder.sizeBytes, builder.maxTimestamp], before)
        builder.abandon()
      }
    }
    builder.begin(buffer, 0)
    for (const lengths of [[1], [1, 2], [3, -2], [5, -2], [-2, 5], [2, 2], [2147483647, 2147483647]])
      assert.throws(() => builder.appendPacked(new Uint8Array(5), Int32Array.from(lengths), 5), /packed/)
    assert.is(builder.recordCount, 0)
    builder.abandon()
  }),
)

test('packed records are moved where their block ends with the memory', () => {
  const crowded = newKernel(2 << 20)
  let last = allocate(crowded, 65536)
  for (let next: KernelBuffer | undefined = last; next !== undefined; next = crowded.allocate(65536)) last = next
  const value = new Uint8Array(1).fill(0xab)
  const empty = Array.from({ length: 3 }, (): Given => ({ key: null, value: null, timestamp: 5, headers: undefined }))
  const records: readonly Given[] = [{ key: null, value, timestamp: 5, headers: undefined }, ...empty]
  const lengths = Int32Array.from(records, (each) => each.value?.length ?? -1)
  const pairs = Int32Array.from({ length: lengths.length * 2 }, (_, at) =>
    at % 2 === 0 ? -1 : (lengths[at >> 1] ?? -1),
  )
  const expected = encodeReference(records.map(plain), noLeaderEpoch)
  const position = last.sizeBytes - expected.length
  crowded.batchBuilder.begin(last, position)
  assert.ok(crowded.batchBuilder.appendPacked(value, pairs, 5))
  crowded.batchBuilder.seal(noLeaderEpoch)
  assert.is(toHex(last.bytes(position, last.sizeBytes)), toHex(expected))
})

test('compressed records come in as they are, with the greatest time that they are said to have, or not at all', () => {
  const bytes = new Uint8Array(100).fill(0xab)
  const compressed = { compression: 'gzip', bytes, recordCount: 7, baseTimestamp: 20, maxTimestamp: 30 } as const
  for (const roomBytes of [bytes.length, bytes.length - 1]) {
    builder.begin(buffer, buffer.sizeBytes - 61 - roomBytes)
    assert.equal([builder.recordCount, builder.sizeBytes, builder.maxTimestamp], [0, 61, -1])
    const isPut = builder.putCompressed(compressed, 30)
    assert.is(isPut, roomBytes === bytes.length)
    const expected = isPut ? [7, 161, 30] : [0, 61, -1]
    assert.equal([builder.recordCount, builder.sizeBytes, builder.maxTimestamp], expected)
    builder.abandon()
  }
})

test('a builder refuses calls out of order, too little room, and a buffer that is freed or another kernel’s', () => {
  const refused = (work: () => unknown): void =>
    assert.throws(work, (error: { code: string }) => error.code === 'INVALID_REQUEST')
  refused(() => builder.append('k', 'v', 0, undefined))
  refused(() => builder.seal(noLeaderEpoch))
  builder.begin(buffer, 0)
  refused(() => builder.begin(buffer, 0))
  refused(() => builder.seal(noLeaderEpoch))
  builder.abandon()
  builder.begin(buffer, 0)
  assert.ok(builder.append('k', 'v', 0, undefined))
  builder.seal(noLeaderEpoch)
  refused(() => builder.append('k', 'v', 0, undefined))
  refused(() => builder.begin(buffer, buffer.sizeBytes - 60))
  const gone = allocate(kernel, 1000)
  gone.free()
  refused(() => builder.begin(gone, 0))
  refused(() => builder.begin(allocate(newKernel(), 1000), 0))
})

test('bytes longer than a record can say are refused, not cut to their low 32 bits', () => {
  // The most that Node 20 can give. It takes no memory before somebody reads it, which nobody must.
  const most = new Uint8Array(2 ** 32)
  const huge = (length: number): Uint8Array => most.subarray(0, length)
  builder.begin(buffer, 0)
  for (const length of [2 ** 31, 2 ** 32 - 1, 2 ** 32]) {
    assert.is(builder.append(huge(length), null, 0, undefined), false)
    assert.is(builder.append(null, huge(length), 0, undefined), false)
    assert.is(builder.append('key', huge(length), 0, undefined), false)
  }
  assert.is(builder.recordCount, 0)
  builder.abandon()
})

test('a staged string at the very end leaves the neighbour as it was', () => {
  const crowded = newKernel(8 << 20)
  const blocks = Array.from({ length: 6 }, () => allocate(crowded, 512))
  for (const block of blocks) block.bytes(0, 512).fill(0xee)
  const middle = blocks[2]
  if (middle === undefined) return assert.unreachable()
  for (let length = 1; length < 60; length++) {
    const given: Given = { key: 'k', value: 'v'.repeat(length), timestamp: 5, headers: undefined }
    const size = encodeReference([plain(given)], noLeaderEpoch).length
    crowded.batchBuilder.begin(middle, 512 - size)
    assert.ok(crowded.batchBuilder.append(given.key, given.value, given.timestamp, undefined))
    crowded.batchBuilder.seal(noLeaderEpoch)
    for (const block of blocks) {
      if (block !== middle)
        assert.ok(
          block.bytes(0, 512).every((byte) => byte === 0xee),
          `length ${length}`,
        )
    }
  }
})

test('what a class resizes while it is asked for its length leaves the neighbours as they were', () => {
  for (const field of ['key', 'value', 'header', 'name'] as const) {
    for (let read = 1; read < 5; read++) {
      const crowded = newKernel(8 << 20)
      const blocks = Array.from({ length: 3 }, () => allocate(crowded, 512))
      for (const block of blocks) block.bytes(0, 512).fill(0xee)
      const [first, middle, last] = blocks as [KernelBuffer, KernelBuffer, KernelBuffer]
      const grown = resizable(100)
      const bytes = new Uint8Array(grown)
      let reads = Number.NEGATIVE_INFINITY
      class Resizes extends Uint8Array {
        override get length(): number {
          if (++reads === read) grown.resize(field === 'name' ? 160 : 900)
          return this.byteLength
        }
      }
      const resizes = new Resizes(100)
      const headers: HeaderList = [
        ['r', resizes],
        ...(field === 'key' || field === 'value' ? [] : [['b', bytes] as const]),
      ]
      const named: HeaderList = field === 'name' ? [...headers, ['n'.repeat(60), null]] : headers
      const key = field === 'key' ? bytes : null
      const value = field === 'value' ? bytes : null
      const size = encodeReference([plain({ key, value, timestamp: 5, headers: named })], noLeaderEpoch).length
      reads = 0
      crowded.batchBuilder.begin(middle, 512 - size)
      try {
        crowded.batchBuilder.append(key, value, 5, named)
      } catch (error) {
        assert.instance(error, TypeError)
      }
      crowded.batchBuilder.abandon()
      for (const block of [first, last])
        assert.ok(
          block.bytes(0, 512).every((byte) => byte === 0xee),
          `${field} ${read}`,
        )
    }
  }
})

test('memory may grow while a class is asked for its length', () => {
  for (const field of ['key', 'value', 'header'] as const) {
    for (const [length, text] of [
      [3, 'text'],
      [3, 'text that is too long for a loop'],
      [100, 'text'],
    ] as const) {
      const growing = newKernel(64 << 20)
      const block = allocate(growing, 1000)
      class Grows extends Uint8Array {
        override get length(): number {
          allocate(growing, 1 << 20)
          return this.byteLength
        }
      }
      const grows = new Grows(length).fill(0xab)
      const given: Given = {
        key: field === 'key' ? grows : text,
        value: field === 'value' ? grows : text,
        timestamp: 5,
        headers: [['h', field === 'header' ? grows : text]],
      }
      growing.batchBuilder.begin(block, 0)
      assert.ok(growing.batchBuilder.append(given.key, given.value, given.timestamp, given.headers))
      const size = growing.batchBuilder.seal(noLeaderEpoch)
      assert.is(
        toHex(block.bytes(0, size)),
        toHex(encodeReference([plain(given)], noLeaderEpoch)),
        `${field} ${length}`,
      )
    }
  }
})

test('memory may grow while a batch is open', () => {
  const growing = newKernel(8 << 20)
  const first = allocate(growing, 1000)
  growing.batchBuilder.begin(first, 0)
  growing.batchBuilder.append('a key longer than sixteen chars', 'value', 1, undefined)
  allocate(growing, 4 << 20)
  growing.batchBuilder.append('another key longer than sixteen', 'value', 2, undefined)
  const size = growing.batchBuilder.seal(noLeaderEpoch)
  assert.is(growing.batchReader.fault(first, 0, size), undefined)
})

test.run()
