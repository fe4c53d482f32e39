// How far a pass may go, as the segments alone tell it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dirtyPart } from '../../../bindings/log/compaction/dirty-part.ts'

const NOW = 1_700_000_000_000
const YEAR_MS = 31_536_000_000

/** Segments of ten offsets each; answers the base offsets of those that a pass would work on. */
function reached(maxTimestamps: readonly number[], minCompactionLagMs: number, lastStableOffset = 1000): number[] {
  const segments = maxTimestamps.map((maxTimestamp, index) => {
    return { baseOffset: index * 10, nextOffset: index * 10 + 10, sizeBytes: 100, firstTimestamp: NOW, maxTimestamp }
  })
  const config = { minCleanableDirtyRatio: 0, minCompactionLagMs, maxCompactionLagMs: Number.MAX_SAFE_INTEGER }
  const dirty = dirtyPart({ cleanedOffset: 0, segments }, lastStableOffset, config, { now: NOW, trustedNow: NOW })
  return (dirty?.segments ?? []).map(({ baseOffset }) => baseOffset)
}

test('without a lag records of the future hold nothing up: one with a wrong clock had kept all after it from any pass', () => {
  assert.equal(reached([NOW, NOW + YEAR_MS, NOW], 0), [0, 10, 20])
  assert.equal(reached([Number.MAX_SAFE_INTEGER, NOW], 0), [0, 10])
})

test('with a lag a pass ends below the first record that is younger', () => {
  assert.equal(reached([NOW - 10, NOW - 9, NOW - 10], 10), [0])
  assert.equal(reached([NOW - 10, NOW + YEAR_MS, NOW - 10], 10), [0])
  assert.equal(reached([NOW - 10, NOW - 10], 10), [0, 10])
})

test('no pass goes beyond the last stable offset', () => {
  assert.equal(reached([NOW, NOW, NOW], 0, 29), [0, 10])
})

test.run()
