import { crc32c } from '@node-rs/crc32'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { crc32cReference } from './reference.ts'
import { allocate, fromHex, newKernel, put, seeded } from './support.ts'

const kernel = newKernel()
/** What comes from outside is taken in chunks of 64 KiB: the last one is of every kind too. */
const longLengths = [
  5000, 5274, 5275, 5306, 12345, 16384, 20001, 20479, 20480, 20481, 65536, 70_000, 100003, 262147, 1048576,
]
const buffer = allocate(kernel, 1048576 + 64)

test('the check value and the samples of RFC 3720 B.4', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, index) => index)
  const samples: readonly (readonly [Uint8Array, number])[] = [
    [new TextEncoder().encode('123456789'), 0xe3069283],
    [new Uint8Array(0), 0],
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [ascending, 0x46dd794e],
    [ascending.slice().reverse(), 0x113fdb5c],
    [
      fromHex(`01c000000000000000000000000000001400000000000400
               0000001400000018280000000000000002000000 00000000`),
      0xd9963a56,
    ],
  ]
  for (const [bytes, crc] of samples) {
    assert.is(kernel.crc32cOf(bytes), crc)
    put(buffer, 3, bytes)
    assert.is(kernel.crc32c(buffer, 3, bytes.length), crc)
    assert.is(crc32cReference(bytes), crc)
  }
})

test(
  'every length from 0 to 4096 at all sixteen alignments',
  seeded(1, (random) => {
    const bytes = random.bytes(4096 + 16)
    put(buffer, 0, bytes)
    for (let length = 0; length <= 4096; length++) {
      for (let start = 0; start < 16; start++) {
        const expected = crc32c(bytes.subarray(start, start + length))
        if (kernel.crc32c(buffer, start, length) !== expected) assert.unreachable(`length ${length} at ${start}`)
      }
    }
  }),
)

test(
  'large lengths at all sixteen alignments, inside the kernel and from outside',
  seeded(2, (random) => {
    const bytes = random.bytes(1048576 + 16)
    put(buffer, 0, bytes)
    for (const length of longLengths) {
      for (let start = 0; start < 16; start++) {
        const part = bytes.subarray(start, start + length)
        const expected = crc32c(part)
        assert.is(kernel.crc32c(buffer, start, length), expected, `length ${length} at ${start}`)
        assert.is(kernel.crc32cOf(part), expected, `length ${length} at ${start}, from outside`)
      }
    }
  }),
)

test('bytes beside the range have no part in it', () => {
  for (const length of [100, 209, 210, 300, 20479, 20480, 30000]) {
    const sums = [0x00, 0xff, 0x5a].map((around) => {
      buffer.bytes(0, length + 64).fill(around)
      buffer.bytes(16, 16 + length).fill(7)
      return kernel.crc32c(buffer, 16, length)
    })
    assert.is(sums[0], sums[1])
    assert.is(sums[0], sums[2])
  }
})

test(
  'the native add-on and the bytewise reference agree, so that either may judge',
  seeded(3, (random) => {
    for (let round = 0; round < 200; round++) {
      const bytes = random.bytes(random.below(3000))
      assert.is(crc32c(bytes), crc32cReference(bytes))
    }
  }),
)

test("both sparse multiples are divisible by Castagnoli's polynomial", () => {
  const degrees = [32, 28, 27, 26, 25, 23, 22, 20, 19, 18, 14, 13, 11, 10, 9, 8, 6, 0]
  const polynomial = degrees.reduce((sum, degree) => sum | (1n << BigInt(degree)), 0n)
  assert.is(polynomial, 0x11edc6f41n)
  for (const terms of [
    [98, 77, 51, 38, 33, 28, 4, 0],
    [5275, 4508, 2751, 0],
  ]) {
    let rest = terms.reduce((sum, degree) => sum | (1n << BigInt(degree)), 0n)
    for (let degree = terms[0] as number; degree >= 32; degree--)
      if ((rest >> BigInt(degree)) & 1n) rest ^= polynomial << BigInt(degree - 32)
    assert.is(rest, 0n)
  }
})

test.run()
