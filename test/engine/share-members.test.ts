// Consumers of a share group that wait for records of many partitions: what comes in one of them costs the same,
// however many there are.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AcquiredRange } from '../../bindings/broker/share-session.ts'
import { ShareGroups } from '../../bindings/coordinator/share/share-groups.ts'
import { WINDOW_OFFSETS } from '../../bindings/coordinator/share/share-partition.ts'
import type { HostedPartition } from '../../bindings/engine/hosted-partition.ts'
import { ShareMembers } from '../../bindings/engine/share-members.ts'
import { WaitingShareMembers } from '../../bindings/engine/waiting-share-members.ts'
import { LogError } from '../../bindings/model/errors.ts'

const COUNT = 1000
const MEMBERS = 20
/** A few for each member, and far fewer than one for each of its partitions. */
const LOOKS_MAX = 10 * MEMBERS
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

/** Looks for a member of one topic: twice what the topic is, and the end of the partition that has something. */
const SERVED = 3
const UNSERVED = 2
const OTHERS = Array.from({ length: COUNT }, (_, index) => `other-${index}`)

function stand(isLive: () => boolean = () => true) {
  const failing = new Set<number>()
  let looks = 0
  let planned = 0
  const ends = Array.from({ length: COUNT }, () => 0)
  const partitions = ends.map((_, partition) => ({
    id: { topic: 't', topicId: TOPIC_ID, partition },
    partition: {
      watermarks: { logStartOffset: 0 },
      get lastStableOffset() {
        looks++
        return ends[partition]
      },
    },
  })) as unknown as HostedPartition[]
  const members = new ShareMembers(new ShareGroups(), {
    facts: (topic) => {
      if (topic === 'gone') throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', 'it is gone', { topic })
      looks++
      return topic === 't' ? { topicId: TOPIC_ID, partitions: COUNT } : { topicId: topic, partitions: 0 }
    },
    partition: (topic, partition) => {
      if (failing.has(partition)) throw new LogError('MEMORY_CAP_REACHED', 'no memory for it', { topic, partition })
      return partitions[partition] as HostedPartition
    },
    partitionOf: ({ partition }) => partitions[partition],
    topicOf: () => (isLive() ? { name: 't', partitions: COUNT } : undefined),
    change: (records, done) => {
      planned += records.length
      done(undefined, undefined)
    },
  })
  const acquired: (readonly [string, readonly AcquiredRange[]])[] = []
  const acquire = (memberId: string, maxOffsets: number, { groupId = 'g', topics = ['t'] } = {}) => {
    const request = { topics, maxOffsets, lockMs: 1000, startAt: 'earliest' } as const
    const done = (_: unknown, ranges?: readonly AcquiredRange[]) => void acquired.push([memberId, ranges ?? []])
    members.acquire({ kind: 'acquireShare', member: { groupId, memberId }, request, release: () => {}, done }, 0)
  }
  const looked = (run: () => void) => {
    looks = 0
    run()
    return looks
  }
  return { members, partitions, ends, acquired, acquire, failing, looked, plannedSoFar: () => planned }
}

test('records that come, and those that are released, are looked for where they are', () => {
  const { members, partitions, ends, acquired, acquire, looked } = stand()
  for (let index = 0; index < MEMBERS; index++) acquire(`m${index}`, 1, { topics: ['t', ...OTHERS] })
  assert.equal(acquired, [])
  ends[7] = 3
  const came = looked(() => members.advanced(partitions[7] as HostedPartition, 0))
  assert.ok(came < LOOKS_MAX, `${came} looks for records that came`)
  assert.equal(
    acquired.map(([memberId, ranges]) => [memberId, ranges[0]?.partition, ranges[0]?.firstOffset]),
    [
      ['m0', 7, 0],
      ['m1', 7, 1],
      ['m2', 7, 2],
    ],
  )
  const [[memberId, [range]]] = acquired as [[string, readonly [AcquiredRange]]]
  const request = { ...range, type: 'release', delayMs: 0 } as const
  const member = { groupId: 'g', memberId }
  const gone = looked(() => members.acknowledge({ kind: 'acknowledgeShare', member, request, done: () => {} }, 0))
  assert.ok(gone < LOOKS_MAX, `${gone} looks for a record that was released`)
  assert.equal([acquired.length, acquired[3]?.[0], acquired[3]?.[1][0]?.firstOffset], [4, 'm3', 0])
})

test('what comes is looked for by one member more than get something, in each group', () => {
  const { members, partitions, ends, acquired, acquire, looked } = stand()
  for (const groupId of ['g', 'h']) {
    for (let index = 0; index < MEMBERS; index++) acquire(`${groupId}${index}`, 1, { groupId })
  }
  ends[7] = 3
  const came = looked(() => members.advanced(partitions[7] as HostedPartition, 0))
  assert.equal(
    acquired.map(([memberId]) => memberId),
    ['g0', 'g1', 'g2', 'h0', 'h1', 'h2'],
  )
  assert.is(came, 2 * (3 * SERVED + UNSERVED))
})

test('what a member that leaves had locked, and what expires, is looked for where it is', () => {
  const { members, partitions, ends, acquired, acquire, looked } = stand()
  for (const memberId of ['m0', 'm1', 'm2']) acquire(memberId, 1)
  ends[7] = 1
  members.advanced(partitions[7] as HostedPartition, 0)
  const left = looked(() => {
    members.leave({ kind: 'leaveShare', member: { groupId: 'g', memberId: 'm0' }, done: () => {} }, 0)
  })
  const expired = looked(() => members.tick(1000))
  assert.equal(
    acquired.map(([memberId, ranges]) => [memberId, ranges[0]?.partition, ranges[0]?.deliveryCount]),
    [
      ['m0', 7, 1],
      ['m1', 7, 2],
      ['m2', 7, 3],
    ],
  )
  assert.equal([left, expired], [SERVED + UNSERVED, SERVED])
})

// Each append looked at all groups that wait: 0.7 ms where there are a thousand.
test('what comes in a topic is nothing for members that wait for others', () => {
  const { members, partitions, ends, acquired, acquire } = stand()
  for (const other of OTHERS) acquire('m0', 1, { groupId: `of ${other}`, topics: [other] })
  acquire('m1', 1)
  ends[7] = 1
  const { at } = WaitingShareMembers.prototype
  const lookedAt: string[] = []
  WaitingShareMembers.prototype.at = function (topic, groupId) {
    lookedAt.push(groupId)
    return at.call(this, topic, groupId)
  }
  try {
    members.advanced(partitions[7] as HostedPartition, 0)
  } finally {
    WaitingShareMembers.prototype.at = at
  }
  assert.equal([acquired.length, lookedAt], [1, ['g']])
  // Nobody is looked for who waits no more.
  ends[7] = 2
  acquire('m1', 1)
  acquire('m2', 1)
  members.wake({ kind: 'wakeShare', member: { groupId: 'g', memberId: 'm2' }, done: () => {} })
  members.advanced(partitions[7] as HostedPartition, 0)
  assert.equal(
    acquired.map(([memberId, ranges]) => [memberId, ranges.length]),
    [
      ['m1', 1],
      ['m2', 0],
      ['m1', 1],
    ],
  )
})

// It looked at all of them, for each record of a backlog.
test('a member that asks looks where something may be, in the order of turns', () => {
  const { members, partitions, ends, acquired, acquire, looked } = stand()
  acquire('m0', 1)
  ends[7] = 2
  ends[9] = 2
  for (const at of [7, 9]) members.advanced(partitions[at] as HostedPartition, 0)
  const looks = ['m1', 'm2', 'm3', 'm4'].map((memberId) => looked(() => acquire(memberId, 1)))
  assert.equal(looks, [SERVED, SERVED, SERVED, UNSERVED])
  assert.equal(
    acquired.map(([memberId, [range]]) => [memberId, range?.partition, range?.firstOffset]),
    [
      ['m0', 7, 0],
      ['m1', 7, 1],
      ['m2', 9, 0],
      ['m3', 9, 1],
    ],
  )
})

test('a member that asks finds what was released, what expired and what a window has room for again', () => {
  const { members, partitions, ends, acquired, acquire } = stand()
  const leave = (memberId: string) =>
    members.leave({ kind: 'leaveShare', member: { groupId: 'g', memberId }, done: () => {} }, 0)
  acquire('m0', WINDOW_OFFSETS)
  ends[7] = WINDOW_OFFSETS + 1
  members.advanced(partitions[7] as HostedPartition, 0)
  const [[, [window]]] = acquired as [[string, readonly [AcquiredRange]]]
  acquire('m1', 1)
  leave('m1')
  assert.equal(acquired.splice(0).length, 2, 'the second got nothing: the window was full')
  const first = { ...window, lastOffset: window.firstOffset, delayMs: 0 }
  const acknowledge = (type: 'accept' | 'release', range: AcquiredRange, delayMs = 0) => {
    const member = { groupId: 'g', memberId: 'm0' }
    members.acknowledge({ kind: 'acknowledgeShare', member, request: { ...range, type, delayMs }, done: () => {} }, 0)
  }
  acknowledge('accept', first)
  acquire('m2', 1)
  acknowledge('release', { ...first, firstOffset: 1, lastOffset: 1 })
  acquire('m3', 1)
  leave('m3')
  acquire('m4', 1)
  members.tick(1000)
  acquire('m5', 1)
  assert.equal(
    acquired.map(([memberId, [range]]) => [memberId, range?.firstOffset, range?.deliveryCount]),
    [
      ['m2', WINDOW_OFFSETS, 1],
      ['m3', 1, 2],
      ['m4', 1, 3],
      ['m5', 1, 4],
    ],
  )
})

// Regression: it had begun in memory alone, and a restart would have had it begin at a later end.
test('a member that is refused for one topic has not begun another', () => {
  const { acquire, plannedSoFar } = stand()
  assert.throws(() => acquire('m0', 1, { topics: ['t', 'gone'] }), LogError.is)
  assert.is(plannedSoFar(), 0)
  acquire('m0', 1)
  assert.is(plannedSoFar(), COUNT)
})

// Regression: it had the locks of what came before, and its request was refused: each time that was counted as a
// delivery, until the records were rejected as those that end their consumers.
test('a member gets what there is before a partition that finds no memory, and hears of that one next', () => {
  const { members, partitions, ends, acquired, acquire, failing } = stand()
  acquire('m0', 1)
  ends[6] = 1
  members.advanced(partitions[6] as HostedPartition, 0)
  for (const at of [7, 8]) {
    ends[at] = 1
    members.advanced(partitions[at] as HostedPartition, 0)
  }
  failing.add(8)
  acquire('m1', 10)
  assert.throws(
    () => acquire('m2', 10),
    (error: unknown) => LogError.is(error, 'MEMORY_CAP_REACHED'),
  )
  failing.clear()
  acquire('m2', 10)
  assert.equal(
    acquired.map(([memberId, [range]]) => [memberId, range?.partition, range?.deliveryCount]),
    [
      ['m0', 6, 1],
      ['m1', 7, 1],
      ['m2', 8, 1],
    ],
  )
})

// It would stand after the tombstones of what the group keeps of the topic.
test('nothing is planned in a topic whose delete is, though its partition may still show records', () => {
  let isLive = true
  const { members, partitions, ends, acquired, acquire, plannedSoFar } = stand(() => isLive)
  ends[7] = 1
  acquire('m0', 1)
  acquire('m1', 1)
  assert.equal([acquired.length, plannedSoFar() > 0], [1, true])
  const before = plannedSoFar()
  isLive = false
  ends[7] = 2
  members.advanced(partitions[7] as HostedPartition, 0)
  assert.equal([acquired.length, plannedSoFar()], [1, before])
  isLive = true
  members.advanced(partitions[7] as HostedPartition, 0)
  assert.is(acquired.length, 2)
})

test.run()
