import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BigEndianReader } from '../../bindings/coordinator/big-endian-reader.ts'
import { BigEndianWriter } from '../../bindings/coordinator/big-endian-writer.ts'
import { place, refuses } from '../log/catalogue/fixtures.ts'

test('every field type is written whole wherever the buffer has to grow', () => {
  for (let before = 0; before <= 300; before++) {
    const writer = new BigEndianWriter()
    for (let index = 0; index < before; index++) writer.string('')
    writer.int16(-2).int32(-3).int64(-4).string('text').bytes(Uint8Array.of(1, 2))
    const reader = new BigEndianReader(writer.finish(), place)
    for (let index = 0; index < before; index++) assert.is(reader.string(), '')
    assert.equal([reader.int16(), reader.int32(), reader.int64('x'), reader.string()], [-2, -3, -4, 'text'])
    assert.equal([...reader.nullableBytes()!], [1, 2])
    reader.end()
  }
})

test('64-bit integers agree with BigInt up to 2^53, and go no further', () => {
  const limit = Number.MAX_SAFE_INTEGER
  for (const value of [0, 1, -1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, limit, -limit]) {
    const bytes = new BigEndianWriter().int64(value).finish()
    assert.is(new DataView(bytes.buffer).getBigInt64(0), BigInt(value))
    assert.is(new BigEndianReader(bytes, place).int64('x'), value)
  }
  for (const value of [limit + 1, -limit - 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    refuses('INTEGER_RANGE', () => new BigEndianWriter().int64(value))
  }
})

test('null is told from empty', () => {
  const bytes = new BigEndianWriter().string(null).string('').bytes(null).bytes(new Uint8Array(0)).finish()
  const reader = new BigEndianReader(bytes, place)
  assert.equal([reader.nullableString(), reader.nullableString()], [null, ''])
  assert.equal([reader.nullableBytes(), reader.nullableBytes()?.length], [null, 0])
  refuses('CORRUPT_LOG', () => new BigEndianReader(bytes, place).string())
  refuses('INVALID_REQUEST', () => new BigEndianWriter().string('x'.repeat(32768)))
})

test('a count beyond what is left is damage, and allocates nothing', () => {
  for (const count of [-1, 2, 0x7fffffff]) {
    const bytes = new BigEndianWriter().int32(count).int32(5).finish()
    const reader = new BigEndianReader(bytes, place)
    refuses('CORRUPT_LOG', () => reader.array(4, () => reader.int32()))
  }
})

test('a varint takes seven bits a byte, and no more than 31 in all', () => {
  for (const [value, bytes] of [
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 1]],
    [300, [0xac, 2]],
    [0x7fffffff, [0xff, 0xff, 0xff, 0xff, 7]],
  ] as const) {
    const written = new BigEndianWriter().varint(value).finish()
    assert.equal([...written], bytes)
    assert.is(new BigEndianReader(written, place).varint(), value)
  }
  for (const bytes of [[0xff, 0xff, 0xff, 0xff, 8], [0x80, 0x80, 0x80, 0x80, 0x80, 0], [0x80]]) {
    refuses('CORRUPT_LOG', () => new BigEndianReader(Uint8Array.from(bytes), place).varint())
  }
  const text = new BigEndianWriter().compactString('ä').finish()
  assert.equal([...text], [3, 0xc3, 0xa4])
  assert.is(new BigEndianReader(text, place).compactString(), 'ä')
  refuses('CORRUPT_LOG', () => new BigEndianReader(Uint8Array.of(0), place).compactString())
})

test.run()
