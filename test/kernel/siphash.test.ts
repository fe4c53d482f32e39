// The hash of record keys: the reference's vectors, and what hangs on its seed.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newKernel, Random, toHex } from './support.ts'

const kernel = newKernel()
const hashed = (bytes: Uint8Array): string => {
  const words = new Int32Array(4)
  kernel.hashOf(bytes, words)
  return toHex(new Uint8Array(words.buffer))
}
const seed = (bytes: Uint8Array) => kernel.seedHash(new Uint32Array(bytes.slice().buffer))
const counted = (length: number) => Uint8Array.from({ length }, (_, index) => index)

test('the reference vectors of SipHash-2-4-128: key 00 to 0f, inputs of 0, 1, … bytes', () => {
  seed(counted(16))
  assert.is(hashed(counted(0)), 'a3817f04ba25a8e66df67214c7550293')
  assert.is(hashed(counted(1)), 'da87c1d86b99af44347659119b22fc45')
})

test('every byte and the length take part, however long the input; another seed is another hash', () => {
  const random = new Random(7)
  for (const length of [1, 7, 8, 9, 15, 16, 17, 64, 1000, 65536, 70000]) {
    const bytes = random.bytes(length)
    const before = hashed(bytes)
    for (const at of [0, length >> 1, length - 1]) {
      bytes[at] = (bytes[at] as number) ^ 1
      assert.is.not(hashed(bytes), before, `byte ${at} of ${length}`)
      bytes[at] = (bytes[at] as number) ^ 1
    }
    assert.is(hashed(bytes), before)
    assert.is.not(hashed(bytes.subarray(1)), before)
    assert.is.not(hashed(Uint8Array.of(...bytes.subarray(0, 1000), 0)), before)
    seed(random.bytes(16))
    assert.is.not(hashed(bytes), before)
  }
  assert.is(kernel.memory.usedBytes, 0)
})

test('a key larger than the memory left is refused by name', () => {
  const small = newKernel(2 << 20)
  assert.throws(() => small.hashOf(new Uint8Array(3 << 20), new Int32Array(4)), /MEMORY_CAP_REACHED|no kernel memory/)
})

test.run()
