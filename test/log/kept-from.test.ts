// Which ranges of a partition are removed: Kafka's rules on their sizes and on the times of their records.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { keptFrom } from '../../bindings/log/retention/kept-from.ts'
import type { StoredRange } from '../../bindings/storage/partition-store.ts'

const NONE = { retentionMs: -1, retentionBytes: -1 }
const END = 1000

/** Ten offsets each. */
function ranges(...facts: readonly (readonly [sizeBytes: number, maxTimestamp: number])[]): StoredRange[] {
  return facts.map(([sizeBytes, maxTimestamp], index) => {
    const nextOffset = sizeBytes === 0 ? index * 10 : index * 10 + 10
    return { baseOffset: index * 10, nextOffset, sizeBytes, maxTimestamp }
  })
}

function kept(of: StoredRange[], config: Partial<typeof NONE>, at: Partial<Parameters<typeof keptFrom>[2]> = {}) {
  const moment = { now: 10_000, logStartOffset: 0, limitOffset: END, ...at }
  const { logStartOffset, takesActive } = keptFrom(of, { ...NONE, ...config }, moment)
  return takesActive ? [logStartOffset, 'all'] : [logStartOffset]
}

test('nothing is removed unless the config asks for it', () => {
  assert.equal(kept(ranges([100, 1], [100, 2]), {}), [0])
})

test('by size: as many as leave no less than retention.bytes', () => {
  const three = ranges([100, 1], [50, 1], [100, 1])
  assert.equal(kept(three, { retentionBytes: 250 }), [0])
  assert.equal(kept(three, { retentionBytes: 151 }), [0])
  assert.equal(kept(three, { retentionBytes: 150 }), [10])
  assert.equal(kept(three, { retentionBytes: 100 }), [20])
  assert.equal(kept(three, { retentionBytes: 0 }), [30, 'all'])
})

test('by time: those whose newest record is older than retention.ms, up to the first that is not', () => {
  const four = ranges([1, 1000], [1, 3000], [1, 2000], [1, 9000])
  assert.equal(kept(four, { retentionMs: 9000 }), [0], 'as old as may be')
  assert.equal(kept(four, { retentionMs: 8999 }), [10])
  assert.equal(kept(four, { retentionMs: 7500 }), [10], 'the third is older, and stands after one that stays')
  assert.equal(kept(four, { retentionMs: 6999 }), [30])
  assert.equal(kept(four, { retentionMs: 0 }), [40, 'all'])
  assert.equal(kept(four, { retentionMs: 0 }, { now: undefined }), [0], 'no clock that may be trusted')
})

test('by time after size; each alone takes what the other would leave', () => {
  const three = ranges([100, 9999], [100, 1], [100, 9999])
  assert.equal(kept(three, { retentionBytes: 200, retentionMs: 5000 }), [20])
})

test('an empty active range stays; what is below the start counts for nothing', () => {
  assert.equal(kept(ranges([100, 1], [0, -1]), { retentionBytes: 0, retentionMs: 0 }), [10])
  assert.equal(kept(ranges([100, 1], [100, 1], [100, 1]), { retentionBytes: 150 }, { logStartOffset: 15 }), [15])
  assert.equal(kept(ranges([100, 1], [100, 1]), { retentionBytes: 100 }, { logStartOffset: 5 }), [10])
})

test('an active range of which a deletion left nothing goes by the same rules', () => {
  const at = { logStartOffset: 20 }
  const two = ranges([100, 1], [100, 9000])
  assert.equal(kept(two, { retentionBytes: 0 }, at), [20, 'all'])
  assert.equal(kept(two, { retentionBytes: 1 }, at), [20])
  assert.equal(kept(two, { retentionMs: 900 }, at), [20, 'all'])
  assert.equal(kept(two, { retentionMs: 2000 }, at), [20])
  assert.equal(
    kept(ranges([100, 1], [0, -1]), { retentionBytes: 0 }, { logStartOffset: 10 }),
    [10],
    'an empty one stays',
  )
})

test('records that are not visible or not decided stay, and so do all after them', () => {
  const three = ranges([100, 1], [100, 1], [100, 1])
  assert.equal(kept(three, { retentionBytes: 0 }, { limitOffset: 19 }), [10])
  assert.equal(kept(three, { retentionMs: 0 }, { limitOffset: 20 }), [20])
})

test('records from the future hold their range and those after it; those without a time go with the next', () => {
  assert.equal(kept(ranges([1, 4e12], [1, 1]), { retentionMs: 10 }), [0])
  assert.equal(kept(ranges([1, -1], [1, 1], [1, 9999]), { retentionMs: 10 }), [20])
  assert.equal(kept(ranges([1, -1], [1, 9999]), { retentionMs: 10 }), [0])
  assert.equal(kept(ranges([1, -1]), { retentionMs: 10 }), [0])
})

test.run()
