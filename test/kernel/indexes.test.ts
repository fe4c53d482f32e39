import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex, newKernel, seeded, toHex } from './support.ts'

const kernel = newKernel()
const baseOffset = 5_000_000_000

function refused(work: () => unknown): void {
  assert.throws(work, (error: { code: string }) => error.code === 'INVALID_REQUEST')
}

test("the files' bytes are Kafka's", () => {
  const offsets = kernel.offsetIndex(baseOffset)
  offsets.append(baseOffset + 55, 4096)
  offsets.append(baseOffset + 2147483647, 2147483647)
  assert.is(toHex(offsets.bytes()), '00000037000010007fffffff7fffffff')
  const times = kernel.timeIndex(baseOffset)
  times.append(1700000000000, baseOffset + 55)
  assert.is(toHex(times.bytes()), '0000018bcfe5680000000037')
  offsets.free()
  times.free()
})

test(
  'offset lookups equal a linear search, at every size, while the block grows',
  seeded(31, (random) => {
    const index = kernel.offsetIndex(baseOffset)
    const entries: { offset: number; position: number }[] = []
    let offset = baseOffset + random.below(3)
    let position = 0
    for (let size = 0; size < 700; size++) {
      for (let lookups = 0; lookups < 30; lookups++) {
        const wanted = baseOffset - 3 + random.below(offset - baseOffset + 10)
        const found = entries.findLast((entry) => entry.offset <= wanted)?.position ?? 0
        assert.is(index.lookup(wanted), found, `${wanted} of ${size}`)
      }
      assert.is(index.entryCount, size)
      assert.is(index.lastOffset, entries.at(-1)?.offset ?? baseOffset)
      entries.push({ offset, position })
      assert.ok(index.append(offset, position))
      offset += 1 + random.below(5)
      position += 61 + random.below(5000)
    }
    assert.is(index.lookup(baseOffset + 1e12), entries.at(-1)?.position)
    index.free()
    assert.is(index.entryCount, 0)
    assert.is(index.lookup(offset), 0)
  }),
)

test(
  'time lookups equal a linear search',
  seeded(32, (random) => {
    const index = kernel.timeIndex(baseOffset)
    const entries: { timestamp: number; offset: number }[] = []
    let timestamp = 1700000000000
    // Not the base: what is older than all entries is answered by that.
    let offset = baseOffset + 3
    for (let size = 0; size < 400; size++) {
      for (let lookups = 0; lookups < 30; lookups++) {
        const wanted = 1699999999990 + random.below(timestamp - 1700000000000 + 20)
        const found = entries.findLast((entry) => entry.timestamp <= wanted)?.offset ?? baseOffset
        assert.is(index.lookup(wanted), found)
      }
      assert.is(index.lastTimestamp, entries.at(-1)?.timestamp ?? -1)
      entries.push({ timestamp, offset })
      assert.ok(index.append(timestamp, offset))
      assert.ok(index.append(timestamp, offset + 1), 'not above the last: ignored')
      assert.is(index.entryCount, size + 1)
      timestamp += 1 + random.below(5)
      offset += random.below(4)
    }
    index.free()
  }),
)

test(
  'lookups equal a linear search after a load and more entries, around every border of a group',
  seeded(34, (random) => {
    for (const count of [31, 32, 33, 63, 64, 65, 200, 1000]) {
      const written = kernel.offsetIndex(0)
      const offsets = Array.from({ length: count }, (_, entry) => entry * 5 + random.below(5))
      offsets.forEach((offset, entry) => void written.append(offset, entry * 100))
      const index = kernel.offsetIndex(0)
      assert.ok(index.load(written.bytes().slice()))
      const check = () => {
        for (let wanted = 0; wanted < (offsets.at(-1) as number) + 10; wanted++) {
          const found =
            Math.max(
              offsets.findLastIndex((offset) => offset <= wanted),
              0,
            ) * 100
          assert.is(index.lookup(wanted), found, `${wanted} of ${offsets.length}`)
        }
      }
      check()
      while (offsets.length < count * 2) {
        index.append((offsets.at(-1) ?? 0) + 3, offsets.length * 100)
        offsets.push((offsets.at(-1) ?? 0) + 3)
      }
      check()
      index.free()
      written.free()
    }
  }),
)

test('a file loads back, a damaged one is refused and changes nothing', () => {
  const index = kernel.offsetIndex(100)
  index.append(105, 10)
  index.append(109, 20)
  const file = index.bytes().slice()
  const other = kernel.offsetIndex(100)
  assert.ok(other.load(file))
  assert.equal([other.entryCount, other.lastOffset, other.lookup(108)], [2, 109, 10])
  for (const [damage, bytes] of [
    ['cut within an entry', file.slice(0, 12)],
    ['an offset twice', fromHex('00000005 0000000a 00000005 00000014')],
    ['descending offsets', fromHex('00000009 0000000a 00000005 00000014')],
    ['a position twice', fromHex('00000005 0000000a 00000009 0000000a')],
    ['descending positions', fromHex('00000005 00000014 00000009 0000000a')],
    ['a negative offset', fromHex('80000005 0000000a')],
    ['zeros of a preallocated file', fromHex('00000005 0000000a 00000000 00000000')],
  ] as const) {
    assert.not.ok(other.load(bytes), damage)
    assert.equal(other.bytes(), file, damage)
  }
  assert.ok(other.load(new Uint8Array(0)))
  assert.equal([other.entryCount, other.lastOffset], [0, 100])
  other.free()
  index.free()

  const times = kernel.timeIndex(100)
  assert.ok(times.load(fromHex('0000018bcfe5680000000005 0000018bcfe5680100000005')))
  assert.equal([times.entryCount, times.lastTimestamp, times.lookup(1700000000000)], [2, 1700000000001, 105])
  for (const [damage, bytes] of [
    ['cut within an entry', new Uint8Array(20)],
    ['a timestamp twice', fromHex('0000018bcfe5680000000005 0000018bcfe5680000000006')],
    ['descending offsets', fromHex('0000018bcfe5680000000005 0000018bcfe5680100000004')],
    ['a timestamp beyond 2^53', fromHex('002000000000000000000005')],
  ] as const) {
    assert.not.ok(times.load(bytes), damage)
    assert.is(times.entryCount, 2, damage)
  }
  times.free()
})

test('entries out of order or out of range are refused by name', () => {
  const index = kernel.offsetIndex(100)
  index.append(105, 10)
  refused(() => index.append(105, 20))
  refused(() => index.append(104, 20))
  refused(() => index.append(100 + 2147483648, 20))
  refused(() => index.append(106, -1))
  refused(() => index.append(106, 2147483648))
  assert.is(index.entryCount, 1)
  const times = kernel.timeIndex(100)
  times.append(5, 110)
  refused(() => times.append(6, 109))
  index.free()
  times.free()
})

test('an index without entries holds no memory, and gives back what it held', () => {
  const before = kernel.memory.usedBytes
  const index = kernel.offsetIndex(0)
  assert.is(kernel.memory.usedBytes, before)
  for (let entry = 1; entry < 1000; entry++) index.append(entry, entry)
  assert.is(kernel.memory.usedBytes, before + 8192 + 512, 'the entries and their summary')
  index.free()
  index.free()
  assert.is(kernel.memory.usedBytes, before)
})

test.run()
