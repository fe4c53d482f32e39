// The cache of single reads: bounded and counted; what was used stays, and a partition that goes takes its batches
// along.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DecodedBatch } from '../../../bindings/kernel/kernel.ts'
import { BatchCache } from '../../../bindings/log/partition/batch-cache.ts'
import { CachedBatches } from '../../../bindings/log/partition/cached-batches.ts'

/** Each record's value is its offset as text; what is left of `memoryBytes` is padding after the last one. */
function batch(baseOffset: number, memoryBytes: number, recordCount = 10): DecodedBatch {
  const nextOffset = baseOffset + recordCount
  const plainBytes = memoryBytes - recordCount * 32
  const pack = (words: Int32Array<ArrayBuffer>, at: number): void => {
    const bytes = new Uint8Array(words.buffer, (at + recordCount * 8) * 4, plainBytes)
    for (let index = 0; index < recordCount; index++) {
      const value = Buffer.from(String(baseOffset + index))
      words.set([index * 8, -1, index * 8, value.length, index, 0, 0, 0], at + index * 8)
      bytes.set(value, index * 8)
    }
  }
  return { baseOffset, nextOffset, recordCount, memoryBytes, plainBytes, pack } as DecodedBatch
}

/** Brings it in, as a look for its first record does. */
function bringIn(cached: CachedBatches, each: DecodedBatch): void {
  assert.is(textOf(cached.findIn(each, each.baseOffset)), String(each.baseOffset))
}

function textOf(record: ReturnType<CachedBatches['find']>): string | undefined {
  const value = record?.valueOf()
  return value === undefined ? undefined : String(Buffer.from(value ?? []))
}

test('finds the record at an offset, in whatever order the batches came', () => {
  const cached = new CachedBatches(new BatchCache(1e6))
  for (const base of [50, 0, 30, 90]) bringIn(cached, batch(base, 600))
  const there = [0, 9, 30, 39, 50, 59, 90, 99]
  const missing = [10, 29, 40, 49, 60, 89, 100]
  for (const offset of there) assert.is(textOf(cached.find(offset)), String(offset))
  for (const offset of missing) assert.is(cached.find(offset), undefined, `offset ${offset}`)
})

test('never holds more than its bound, and what it still holds is right, whatever was moved and given up', () => {
  for (const limitBytes of [60_000, 200_000, 500_000]) {
    const cache = new BatchCache(limitBytes)
    const partitions = [new CachedBatches(cache), new CachedBatches(cache)]
    let found = 0
    for (let step = 0; step < 4000; step++) {
      const cached = partitions[step % 2] as CachedBatches
      const base = ((step * 37) % 500) * 10
      if (cached.find(base) === undefined)
        bringIn(cached, batch(base, 500 + (step % 7) * 300 + (step % 97 === 0 ? 9000 : 0)))
      const again = ((step * 89) % 25) * 10 + (step % 10)
      const record = cached.find(again)
      if (record !== undefined) assert.is(textOf(record), String(again))
      if (record !== undefined) found++
      if (step % 1000 === 999) partitions[0]?.clear()
      assert.ok(cache.usedBytes <= cache.limitBytes)
    }
    const kept = [...Array(500).keys()].filter((at) => partitions[1]?.find(at * 10) !== undefined)
    assert.ok(kept.length > limitBytes / 10_000 && kept.length < limitBytes / 1500, `${kept.length} of ${limitBytes}`)
    assert.ok(cache.usedBytes > limitBytes * 0.8, `${cache.usedBytes} of ${limitBytes}`)
    assert.ok(found > 100, `${found} found`)
  }
})

test('a partition that is gone has nothing in it any more, and its room is used again', () => {
  const cache = new BatchCache(50_000)
  const [first, second] = [new CachedBatches(cache), new CachedBatches(cache)]
  for (let base = 0; base < 200; base += 10) bringIn(first, batch(base, 2000))
  for (let base = 0; base < 200; base += 10) first.find(base)
  first.clear()
  for (let base = 0; base < 150; base += 10) bringIn(second, batch(base, 2000))
  for (let offset = 0; offset < 150; offset++) {
    assert.is(first.find(offset), undefined)
    assert.is(textOf(second.find(offset)), String(offset))
  }
})

test('what was asked for since stays, the oldest of the others goes', () => {
  const cached = new CachedBatches(new BatchCache(9 * 10_000))
  const bases = [...Array(7).keys()].map((at) => at * 10)
  for (const base of bases) bringIn(cached, batch(base, 9000))
  assert.ok(cached.find(5))
  for (const base of [70, 80]) bringIn(cached, batch(base, 9000))
  const kept = [...bases, 70, 80].filter((base) => cached.find(base) !== undefined)
  assert.ok(kept.includes(0) && kept.includes(80), `${kept}`)
  assert.not.ok(kept.includes(10), `${kept}`)
})

test('when all was asked for, room is made all the same', () => {
  const cached = new CachedBatches(new BatchCache(50_000))
  for (let base = 0; base < 2000; base += 10) {
    bringIn(cached, batch(base, 1500))
    for (let offset = 0; offset <= base; offset += 10) cached.find(offset)
  }
  assert.is(textOf(cached.find(1990)), '1990')
})

test('one larger than the bound is found in, not kept, and drives nothing out; the same one counts once', () => {
  const cache = new BatchCache(8000)
  const cached = new CachedBatches(cache)
  bringIn(cached, batch(0, 700))
  const { usedBytes } = cache
  bringIn(cached, batch(10, 8000))
  bringIn(cached, batch(0, 700))
  assert.is(cache.usedBytes, usedBytes)
  assert.is(cached.find(10), undefined)
  assert.ok(cached.find(0))
})

test('one larger than a slab has its own; many small ones take the place of several such', () => {
  const cache = new BatchCache(100_000)
  const cached = new CachedBatches(cache)
  for (let base = 0; base < 100; base += 10) bringIn(cached, batch(base, 40_000))
  for (let base = 1000; base < 1800; base += 10) bringIn(cached, batch(base, 1000))
  assert.is(textOf(cached.find(1799)), '1799')
  assert.is(cached.find(99), undefined)
  bringIn(cached, batch(0, 90_000))
  assert.is(textOf(cached.find(9)), '9')
  assert.ok(cache.usedBytes <= 100_000)
})

test.run()
