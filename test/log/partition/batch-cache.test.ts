// The cache of single reads: bounded, counted, the used stay, a partition takes its own along.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DecodedBatch } from '../../../bindings/kernel/kernel.ts'
import { BatchCache, CachedBatches } from '../../../bindings/log/partition/batch-cache.ts'

function batch(baseOffset: number, memoryBytes: number, records = 10): DecodedBatch {
  return { baseOffset, nextOffset: baseOffset + records, memoryBytes } as DecodedBatch
}

test('finds the batch that holds an offset, in whatever order they came', () => {
  const cached = new CachedBatches(new BatchCache(1e6))
  for (const base of [50, 0, 30, 90]) cached.keep(batch(base, 100))
  for (const [offset, base] of [
    [0, 0],
    [9, 0],
    [10, undefined],
    [30, 30],
    [39, 30],
    [59, 50],
    [60, undefined],
    [99, 90],
    [100, undefined],
  ] as const) {
    assert.is(cached.find(offset)?.baseOffset, base, `offset ${offset}`)
  }
})

test('never holds more than its bound, counts what it holds, and empties to nothing', () => {
  const cache = new BatchCache(20_000)
  const partitions = [new CachedBatches(cache), new CachedBatches(cache)]
  for (let step = 0; step < 500; step++) {
    partitions[step % 2]?.keep(batch(((step * 37) % 200) * 10, 500 + (step % 7) * 300))
    assert.ok(cache.usedBytes <= cache.limitBytes)
  }
  const kept = [...Array(200).keys()].flatMap((at) => partitions.map((each) => each.find(at * 10)?.memoryBytes ?? 0))
  const sum = kept.reduce((total, bytes) => total + bytes, 0)
  assert.ok(cache.usedBytes > 15_000 && sum > 0 && sum < cache.usedBytes)
  partitions[0]?.clear()
  assert.is(partitions[0]?.find(0), undefined)
  partitions[1]?.clear()
  assert.is(cache.usedBytes, 0)
})

test('what was asked for since stays, the oldest of the others goes', () => {
  const cache = new BatchCache(4 * 1768)
  const cached = new CachedBatches(cache)
  for (const base of [0, 10, 20, 30]) cached.keep(batch(base, 1000))
  assert.ok(cached.find(5))
  cached.keep(batch(40, 1000))
  assert.equal(
    [0, 10, 20, 30, 40].map((base) => cached.find(base)?.baseOffset),
    [0, undefined, 20, 30, 40],
  )
})

test('one larger than the bound is not kept and drives nothing out; the same one counts once', () => {
  const cache = new BatchCache(3000)
  const cached = new CachedBatches(cache)
  cached.keep(batch(0, 1000))
  const { usedBytes } = cache
  cached.keep(batch(10, 2900))
  cached.keep(batch(0, 1000))
  assert.is(cache.usedBytes, usedBytes)
  assert.is(cached.find(10), undefined)
  assert.ok(cached.find(0))
})

test.run()
