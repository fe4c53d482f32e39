// Share groups as their records tell them: what a restart finds, what a deleted topic leaves, when a deadline is due.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ShareablePartition, ShareGroups } from '../../../bindings/coordinator/share/share-groups.ts'
import { type LockRequest, SharePartition } from '../../../bindings/coordinator/share/share-partition.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { LogError } from '../../../bindings/model/errors.ts'

const topicId = 'b25jZWxvZy50cmFuc2FjMg'
const at = { groupId: 'g', topicId, topic: 't', partition: 0, logStartOffset: 0, endOffset: 10 }
const place = { topic: '__share_group_state', partition: 0, offset: 0 }

const asked = (more: Partial<LockRequest> = {}): LockRequest => {
  return { memberId: 'a', maxOffsets: 3, lockMs: 100, now: 0, ...more }
}
const said = (offset: number, type: 'accept' | 'release' | 'unseen' = 'accept', availableAt = 0) => {
  return { memberId: 'a', firstOffset: offset, lastOffset: offset, deliveryCount: 1, beginning: 1, type, availableAt }
}

/** What a member gets that asks; the group begins at the first record where it hasn't begun. */
function acquire(groups: ShareGroups, from: ShareablePartition, request: LockRequest) {
  const { groupId, ...id } = from
  const begun = groups.isKnown(from) ? [] : groups.planStart(groupId, [{ ...id, startOffset: 0 }])
  const planned = groups.planAcquire(from, request)
  return { ranges: planned?.ranges ?? [], records: [...begun, ...(planned?.records ?? [])] }
}

function replayed(records: readonly TableRecord[]): ShareGroups {
  const groups = new ShareGroups()
  for (const record of records) groups.apply(record, place)
  return groups
}

test('a restart finds what was finished and how often the rest was delivered; locks are gone', () => {
  const groups = new ShareGroups()
  const records = [...acquire(groups, at, asked()).records, ...groups.planAcknowledge(at, said(1))]
  assert.equal(groups.planAcknowledge(at, said(0, 'release')), [], 'a release changes nothing that is stored')
  assert.equal(acquire(replayed(records), at, asked({ memberId: 'b' })).ranges, [
    { firstOffset: 0, lastOffset: 0, deliveryCount: 2 },
    { firstOffset: 2, lastOffset: 2, deliveryCount: 2 },
    { firstOffset: 3, lastOffset: 3, deliveryCount: 1 },
  ])
})

test('its own records that come back durable change nothing a second time', () => {
  const groups = new ShareGroups()
  const { records } = acquire(groups, at, asked())
  groups.planAcknowledge(at, said(0))
  for (const record of records) groups.apply(record, place)
  assert.equal(acquire(groups, at, asked({ memberId: 'b', maxOffsets: 1 })).ranges, [
    { firstOffset: 3, lastOffset: 3, deliveryCount: 1 },
  ])
})

test('a group that began at the end has its place stored before anything was there', () => {
  const records = new ShareGroups().planStart('g', [{ topicId, partition: 0, startOffset: 10 }])
  assert.is(records.length, 1)
  const later = acquire(replayed(records), { ...at, endOffset: 12 }, asked())
  assert.equal(later.ranges, [{ firstOffset: 10, lastOffset: 11, deliveryCount: 1 }])
})

test('nothing of a deleted topic is left, now and after a restart', () => {
  const groups = new ShareGroups()
  const before = acquire(groups, at, asked()).records
  const tombstones = [...groups.planTopicDelete(topicId)]
  assert.equal(
    tombstones.map(({ value }) => value),
    [null],
  )
  for (const each of [groups, replayed([...before, ...tombstones])]) {
    const error = (() => {
      try {
        return each.planAcknowledge(at, said(0))
      } catch (thrown) {
        return thrown
      }
    })()
    assert.ok(LogError.is(error, 'INVALID_RECORD_STATE'))
    assert.is(acquire(each, at, asked()).ranges[0]?.deliveryCount, 1)
  }
})

test('the next deadline is that of the first lock or delay, moves with the clock, and goes with what was expired', () => {
  const groups = new ShareGroups()
  assert.is(groups.nextDeadline(), undefined)
  acquire(groups, at, asked())
  acquire(groups, { ...at, partition: 1 }, asked({ lockMs: 50 }))
  assert.is(groups.nextDeadline(), 50)
  groups.planAcknowledge(at, said(0, 'release', 20))
  assert.is(groups.nextDeadline(), 20)
  groups.clockMoved(1000)
  assert.is(groups.nextDeadline(), 1020)
  assert.equal(groups.expire(1019), [])
  assert.is(groups.expire(1020).length, 1)
  assert.is(groups.nextDeadline(), 1050)
  assert.is(groups.expire(1100).length, 2)
  assert.is(groups.nextDeadline(), undefined)
})

test('a leave and an expiry look at the partitions with locks, however many there are', () => {
  const groups = new ShareGroups()
  const acquireIn = (partition: number, endOffset: number, now = 0) =>
    acquire(groups, { ...at, partition, endOffset }, asked({ now }))
  for (let partition = 0; partition < 1000; partition++) acquireIn(partition, partition === 7 ? 1 : 0)
  const looked = (call: 'releaseAll' | 'expire', run: () => readonly { readonly partition: number }[]) => {
    const original = SharePartition.prototype[call] as (this: SharePartition, given: never) => boolean
    let looks = 0
    SharePartition.prototype[call] = function (given: never) {
      looks++
      return original.call(this, given)
    }
    try {
      return [run().map(({ partition }) => partition), looks, groups.isHeld]
    } finally {
      SharePartition.prototype[call] = original as never
    }
  }
  assert.ok(groups.isHeld)
  assert.equal(
    looked('releaseAll', () => groups.release('a')),
    [[7], 1, false],
  )
  acquireIn(7, 1, 10)
  assert.equal(
    looked('expire', () => groups.expire(110)),
    [[7], 1, false],
  )
})

test('deliveries are counted as far as the stored field goes', () => {
  const groups = new ShareGroups()
  const one = { ...at, endOffset: 1 }
  let records: readonly TableRecord[] = []
  for (let count = 0; count < 32_800; count++) {
    records = acquire(groups, one, asked()).records
    groups.planAcknowledge(one, { ...said(0, 'release'), deliveryCount: Math.min(count + 1, 32_767) })
  }
  assert.is(acquire(replayed(records), one, asked()).ranges[0]?.deliveryCount, 32_767)
})

test.run()
