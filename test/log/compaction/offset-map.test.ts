// Keys and their last offsets in memory of a given size, against a plain Map.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OffsetMap } from '../../../bindings/log/compaction/offset-map.ts'
import { newKernel, seeded } from '../../kernel/support.ts'
import { runNow } from '../support.ts'

const kernel = newKernel()
const bytes = (text: string) => new TextEncoder().encode(text)

test(
  'says of every key what a map of the keys themselves says, filled to the brim',
  seeded(11, (random) => {
    kernel.seedHash(Uint32Array.of(random.next(), random.next(), random.next(), random.next()))
    const map = new OffsetMap(kernel, 24 * (16384 + 4096))
    const expected = new Map<string, number>()
    for (let offset = 0; map.room > 0; offset += 1 + random.below(1000)) {
      const key = `key-${random.below(32_000)}`
      map.put(bytes(key), offset)
      expected.set(key, offset)
      if (map.isTight) runNow(map.grow())
    }
    assert.is(map.size, expected.size)
    assert.is(
      map.size,
      14_745,
      'nine tenths of the 16384 places that it grew to, with room left for the 4096 from before',
    )
    for (let index = 0; index < 32_000; index++) {
      assert.is(map.get(bytes(`key-${index}`)), expected.get(`key-${index}`) ?? -1, `key-${index}`)
    }
  }),
)

test('its memory is never more than was given, and grows with its keys', () => {
  for (const memoryBytes of [2000, 24 * 1024, 1_000_000, 16 * 1024 * 1024]) {
    let allocatedBytes = 0
    const before = globalThis.Int32Array
    // What a table has while it grows: the old one and the new one.
    globalThis.Int32Array = new Proxy(before, {
      construct: (target, [length]: [number]) => {
        if (length > 4) allocatedBytes = Math.max(allocatedBytes, 4 * (length + length / 4))
        return new target(length)
      },
    })
    try {
      const map = new OffsetMap(kernel, memoryBytes)
      for (let key = 0; map.room > 0; key++) {
        map.put(bytes(`key-${key}`), key)
        if (map.isTight) runNow(map.grow())
      }
      assert.ok(allocatedBytes <= memoryBytes, `${allocatedBytes} of ${memoryBytes}`)
      assert.ok(allocatedBytes > memoryBytes / 4, `only ${allocatedBytes} of ${memoryBytes}`)
    } finally {
      globalThis.Int32Array = before
    }
  }
})

test('a table that grows moves some places in each turn of the event loop', () => {
  const map = new OffsetMap(kernel, 24 * 200_000)
  let growths = 0
  for (let key = 0, turns = 0; map.room > 0; key++) {
    map.put(bytes(`key-${key}`), key)
    if (!map.isTight) continue
    turns = [...map.grow()].length
    // 2,048 places become 8,192, then 32,768, then 131,072.
    assert.is(turns, [0, 1, 7][growths++])
  }
  assert.is(growths, 3)
})

test('offset 0 is one, offsets beyond 2^32 too, and the empty key is a key', () => {
  const map = new OffsetMap(kernel, 0)
  map.put(bytes(''), 0)
  map.put(bytes('a'), 2 ** 52)
  assert.equal([map.get(bytes('')), map.get(bytes('a')), map.get(bytes('b'))], [0, 2 ** 52, -1])
  assert.ok(map.room > 0, 'some places, however little memory')
})

test('keys whose hashes have the same place are told apart by the rest of them', () => {
  const colliding = {
    hashOf: (key: Uint8Array, into: Int32Array) => into.set([7, 0, 0, key[0] as number]),
  }
  const map = new OffsetMap(colliding, 24 * 16)
  for (let key = 0; map.room > 0; key++) map.put(Uint8Array.of(key), key * 10)
  for (let key = 0; key < map.size; key++) assert.is(map.get(Uint8Array.of(key)), key * 10)
})

test.run()
