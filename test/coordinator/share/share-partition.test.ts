// What a share group does with one partition: locks, counts, delays, and what is stored of it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type LockRequest,
  SharePartition,
  WINDOW_OFFSETS,
} from '../../../bindings/coordinator/share/share-partition.ts'

const LOCK = 100
const range = (firstOffset: number, lastOffset: number, deliveryCount = 1) => ({
  firstOffset,
  lastOffset,
  deliveryCount,
})

const by = (memberId: string, maxOffsets: number, more: Partial<LockRequest> = {}): LockRequest => ({
  ...{ memberId, maxOffsets, lockMs: LOCK, now: 0 },
  ...more,
})

test('each offset goes to one member; new ones come after those that were released', () => {
  const shared = new SharePartition(10)
  assert.equal(shared.acquire(by('a', 3), 20), [range(10, 12)])
  assert.equal(shared.acquire(by('b', 2), 20), [range(13, 14)])
  assert.is(shared.acknowledge('a', range(11, 11), 'release', 0), undefined)
  assert.equal(shared.acquire(by('b', 3), 20), [range(11, 11, 2), range(15, 16)])
  assert.equal(shared.acquire(by('a', 5), 17), [], 'nothing at or above the limit')
  assert.is(shared.acknowledge('b', range(15, 16), 'release', 0), undefined)
  assert.equal(shared.acquire(by('a', 5), 16), [range(15, 15, 2)], 'where a damaged partition ends before it')
})

test('only the member that has the lock can acknowledge an offset, and only once', () => {
  const shared = new SharePartition(0)
  shared.acquire(by('a', 2), 9)
  assert.is(shared.acknowledge('b', range(0, 0), 'accept', 0), 0)
  assert.is(shared.acknowledge('a', range(0, 2), 'accept', 0), 2, 'all of a range or nothing')
  assert.is(shared.acknowledge('a', range(1, 1), 'accept', 0), undefined)
  assert.is(shared.acknowledge('a', range(1, 1), 'accept', 0), 1)
  assert.is(shared.startOffset, 0)
  assert.is(shared.acknowledge('a', range(0, 0), 'reject', 0), undefined)
  assert.is(shared.startOffset, 2, 'finished from the start on')
})

test('a partition has more while a record that comes alone is left in it for the next request', () => {
  const shared = new SharePartition(0)
  for (let delivery = 1; delivery <= 2; delivery++) {
    shared.acquire(by('a', 1), 1)
    shared.acknowledge('a', range(0, 0, delivery), 'release', 0)
  }
  assert.equal(shared.acquire(by('a', 5, { hasOthers: true }), 1), [])
  assert.ok(shared.hasMore)
  assert.equal(shared.acquire(by('a', 5), 1), [range(0, 0, 3)])
  assert.equal(shared.acquire(by('a', 5), 1), [])
  assert.not(shared.hasMore)
})

test('when a lock ends, a delay ends or a member leaves, the offset is available again, with the same delivery count', () => {
  const shared = new SharePartition(0)
  shared.acquire(by('a', 3), 3)
  assert.is(shared.nextDeadline, LOCK)
  assert.not(shared.expire(LOCK - 1))
  shared.acknowledge('a', range(0, 0), 'release', 70)
  assert.is(shared.nextDeadline, 70)
  assert.equal(shared.acquire(by('b', 3, { now: 69 }), 3), [], 'the delay holds')
  assert.ok(shared.expire(70))
  assert.equal(shared.acquire(by('b', 3, { now: 70 }), 3), [range(0, 0, 2)])
  assert.ok(shared.expire(LOCK))
  assert.is(shared.acknowledge('a', range(1, 1), 'accept', 0), 1, 'its lock is over')
  assert.equal(shared.acquire(by('c', 1, { now: LOCK }), 3), [range(1, 1, 2)])
  assert.ok(shared.releaseAll('c'))
  assert.not(shared.releaseAll('c'))
  assert.equal(shared.acquire(by('d', 9, { now: LOCK }), 3), [range(1, 1, 3)], 'delivered twice, it comes alone')
  assert.equal(shared.acquire(by('d', 9, { now: LOCK }), 3), [range(2, 2, 2)])
})

test('an offset that was delivered twice is delivered alone', () => {
  const shared = new SharePartition(0)
  for (const member of ['a', 'b']) {
    assert.is(shared.acquire(by(member, 9), 3).length, 1)
    shared.releaseAll(member)
  }
  assert.equal(shared.acquire(by('c', 9, { hasOthers: true }), 5), [range(3, 4)], 'others come along')
  assert.equal(shared.acquire(by('c', 9), 5), [range(0, 0, 3)])
  assert.equal(shared.acquire(by('c', 9), 5), [range(1, 1, 3)])
})

test('a delivery that no program saw does not count', () => {
  const shared = new SharePartition(0)
  shared.acquire(by('a', 1), 1)
  shared.acknowledge('a', range(0, 0), 'unseen', 0)
  assert.equal(shared.acquire(by('a', 1), 1), [range(0, 0, 1)])
})

test('if part of a range is gone, the rest can still be released unseen or acknowledged as a gap', () => {
  const shared = new SharePartition(0)
  shared.acquire(by('a', 8), 8)
  shared.acknowledge('a', range(4, 4), 'gap', 0)
  shared.moveStart(2)
  assert.is(shared.acknowledge('b', range(0, 7), 'unseen', 0), undefined, 'it holds nothing')
  assert.is(shared.acquiredCount, 5)
  assert.is(shared.acknowledge('a', range(0, 5), 'unseen', 0), undefined)
  assert.equal(shared.acquire(by('b', 9), 8), [range(2, 3), range(5, 5)])
  assert.is(shared.acknowledge('a', range(5, Number.MAX_SAFE_INTEGER), 'gap', 0), undefined)
  assert.equal([shared.acquiredCount, shared.unfinishedBetween(0, 8)], [3, 3])
})

test('when the clock is put forward or back, locks last as long as they would have', () => {
  const shared = new SharePartition(0)
  shared.acquire(by('a', 1), 1)
  shared.clockMoved(1000)
  assert.not(shared.expire(1000 + LOCK - 1))
  assert.ok(shared.expire(1000 + LOCK))
  shared.acquire(by('a', 1, { now: 1000 }), 1)
  shared.clockMoved(-900)
  assert.not(shared.expire(100 + LOCK - 1))
  assert.is(shared.nextDeadline, 100 + LOCK, 'nobody waits for the time that was')
  assert.ok(shared.expire(100 + LOCK))
})

test('deliveries run ahead of the first unfinished offset by no more than the window', () => {
  const shared = new SharePartition(5)
  assert.equal(shared.acquire(by('a', 9999), 99_999), [range(5, 4 + WINDOW_OFFSETS)])
  assert.equal(shared.acquire(by('a', 1), 99_999), [])
  shared.acknowledge('a', range(5, 6), 'accept', 0)
  assert.equal(shared.acquire(by('a', 9), 99_999), [range(5 + WINDOW_OFFSETS, 6 + WINDOW_OFFSETS)])
})

test('when the log start moves, offsets below it are finished', () => {
  const shared = new SharePartition(0)
  shared.acquire(by('a', 4), 9)
  shared.moveStart(2)
  assert.is(shared.acknowledge('a', range(1, 1), 'accept', 0), 1)
  assert.is(shared.acknowledge('a', range(2, 3), 'accept', 0), undefined)
  assert.is(shared.startOffset, 4)
  shared.moveStart(50)
  assert.equal(shared.acquire(by('a', 1), 99), [range(50, 50)])
})

test('what is stored restores the same state, without the locks', () => {
  const shared = new SharePartition(0)
  shared.acquire(by('a', 6), 9)
  shared.acknowledge('a', range(1, 2), 'accept', 0)
  shared.acknowledge('a', range(4, 4), 'reject', 0)
  const batches = shared.stateBatches()
  assert.equal(batches, [
    { ...range(0, 0), state: 'available' },
    { ...range(1, 2), state: 'acknowledged' },
    { ...range(3, 3), state: 'available' },
    { ...range(4, 4), state: 'archived' },
    { ...range(5, 5), state: 'available' },
  ])
  const restarted = new SharePartition(shared.startOffset, batches)
  assert.equal(restarted.stateBatches(), batches)
  assert.equal(restarted.acquire(by('b', 9), 7), [range(0, 0, 2), range(3, 3, 2), range(5, 5, 2), range(6, 6)])
})

test('random calls: no offset has two locks, none is delivered after it was finished, counts only go up', () => {
  let seed = 7
  const below = (limit: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * limit)
  }
  let shared = new SharePartition(0)
  const holders = new Map<number, string>()
  const finished = new Set<number>()
  const counts = new Map<number, number>()
  for (let step = 0; step < 20_000; step++) {
    const member = 'abc'[below(3)] ?? 'a'
    const held = [...holders].filter(([, holder]) => holder === member).map(([offset]) => offset)
    const offset = held[below(held.length || 1)]
    const choice = below(10)
    if (choice < 4 || offset === undefined) {
      for (const { firstOffset, lastOffset, deliveryCount } of shared.acquire(by(member, 1 + below(4)), step)) {
        for (let at = firstOffset; at <= lastOffset; at++) {
          assert.not(holders.has(at) || finished.has(at), `offset ${at}`)
          assert.is(deliveryCount, (counts.get(at) ?? 0) + 1)
          counts.set(at, deliveryCount)
          holders.set(at, member)
        }
      }
    } else if (choice < 9) {
      const type = (['accept', 'reject', 'release', 'accept', 'accept'] as const)[choice - 4] ?? 'accept'
      assert.is(shared.acknowledge(member, range(offset, offset, counts.get(offset)), type, 0), undefined)
      holders.delete(offset)
      if (type !== 'release') finished.add(offset)
    } else if (below(20) === 0) {
      shared = new SharePartition(shared.startOffset, shared.stateBatches())
      holders.clear()
    } else {
      shared.releaseAll(member)
      for (const each of held) holders.delete(each)
    }
  }
  assert.ok(finished.size > 1000)
  for (let offset = 0; offset < shared.startOffset; offset++) assert.ok(finished.has(offset))
})

// Regression: only so many came as were deleted, until the first of them was acknowledged.
test('what was finished behind deleted records makes room in the window', () => {
  const shared = new SharePartition(0)
  const request = { memberId: 'a', maxOffsets: WINDOW_OFFSETS, lockMs: 100, now: 0 }
  shared.acquire(request, 2 * WINDOW_OFFSETS)
  const rest = { firstOffset: 1, lastOffset: WINDOW_OFFSETS - 1, deliveryCount: 1 }
  assert.is(shared.acknowledge('a', rest, 'accept', 0), undefined)
  shared.moveStart(1)
  assert.is(shared.startOffset, WINDOW_OFFSETS)
  const [range] = shared.acquire(request, 2 * WINDOW_OFFSETS)
  assert.is(range?.lastOffset, 2 * WINDOW_OFFSETS - 1)
})

test.run()
