import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { OffsetToCommit } from '../../../bindings/coordinator/group/commit-request.ts'
import { Groups, type JoinPlan } from '../../../bindings/coordinator/group/groups.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { place, refuses, topicId } from '../../log/catalogue/fixtures.ts'

const orders = topicId(1)
const reborn = topicId(2)
const live = new Map([[orders, { name: 'orders', partitions: 2 }]])
const topicOf = (id: string): { name: string; partitions: number } | undefined => live.get(id)

function applyAll(groups: Groups, records: readonly TableRecord[]): readonly TableRecord[] {
  for (const record of records) groups.apply(record, place)
  return records
}

function planJoin(groups: Groups, groupId: string, memberId: string, now: number = 0): JoinPlan {
  const topics = ['orders', 'orders', 'missing']
  const partitionsOf = (topic: string): number | undefined => (topic === 'orders' ? 2 : undefined)
  return groups.planJoin({ groupId, memberId, clientId: 'c', topics, maxPollIntervalMs: 1000, partitionsOf, now })
}

function at(nextOffset: number, partition: number = 0, id: string = orders): OffsetToCommit {
  return { topicId: id, partition, nextOffset, leaderEpoch: -1, metadata: '' }
}

function planCommit(
  groups: Groups,
  memberId: string,
  generation: number,
  ...offsets: OffsetToCommit[]
): readonly TableRecord[] {
  return groups.planCommit({ groupId: 'g', memberId, generation, offsets, now: 5 }, topicOf)
}

test('a member joins, commits, and a successor goes on where it stopped', () => {
  const groups = new Groups()
  const join = planJoin(groups, 'g', 'm1')
  assert.is(join.generation, 1)
  assert.equal(join.assignment, [
    { topic: 'orders', partition: 0 },
    { topic: 'orders', partition: 1 },
  ])
  const history = [...applyAll(groups, join.records)]
  history.push(...applyAll(groups, planCommit(groups, 'm1', 1, at(4), at(9, 1))))
  assert.is(groups.committed('g', orders, 1)?.nextOffset, 9)
  assert.is(groups.describe('g')?.state, 'Stable')

  const reopened = new Groups()
  for (const record of history) reopened.apply(structuredClone(record), place)
  assert.equal(reopened.list(), groups.list())
  reopened.dropMembers()
  assert.is(reopened.describe('g')?.state, 'Empty')
  assert.is(reopened.nextDeadline(), undefined)
  assert.is(reopened.committed('g', orders, 0)?.nextOffset, 4)
  refuses('UNKNOWN_MEMBER_ID', () => planCommit(reopened, 'm1', 1, at(5)))
  assert.is(planJoin(reopened, 'g', 'm2').generation, 2, 'generations go on across an open')
})

test('a second member is refused while the first is there, or on its way', () => {
  const groups = new Groups()
  const { records } = planJoin(groups, 'g', 'm1')
  refuses('GROUP_MAX_SIZE_REACHED', () => planJoin(groups, 'g', 'm2'))
  applyAll(groups, records)
  refuses('GROUP_MAX_SIZE_REACHED', () => planJoin(groups, 'g', 'm2'))
  try {
    planJoin(groups, 'g', 'm2')
  } catch (error) {
    assert.match((error as Error).message, '"g"')
  }
  planJoin(groups, 'other', 'm2')
  groups.planLeave('g', 'm1', 1)
  assert.is(planJoin(groups, 'g', 'm2').generation, 2)
})

test('a member that joins again begins a new generation, the old one can not commit', () => {
  const groups = new Groups()
  planJoin(groups, 'g', 'm')
  assert.is(planJoin(groups, 'g', 'm').generation, 2)
  refuses('ILLEGAL_GENERATION', () => planCommit(groups, 'm', 1, at(1)))
  refuses('ILLEGAL_GENERATION', () => planCommit(groups, 'm', 3, at(1)))
  refuses('UNKNOWN_MEMBER_ID', () => planCommit(groups, 'x', 2, at(1)))
  assert.is(planCommit(groups, 'm', 2, at(1)).length, 1)
})

test('a member that polls too late is expired, and refused as soon as its leave is planned', () => {
  const groups = new Groups()
  applyAll(groups, planJoin(groups, 'g', 'm', 0).records)
  groups.polled('g', 'm', 500)
  assert.equal(groups.expired(1499), [])
  groups.polling('g', 'm')
  assert.equal(groups.expired(5000), [])
  groups.polled('g', 'm', 5000)
  assert.is(groups.nextDeadline(), 6000)
  const expired = groups.expired(6000)
  assert.equal([expired.length, expired[0]?.groupId, expired[0]?.memberId], [1, 'g', 'm'])
  const leave = groups.planLeave('g', 'm', 6000)
  refuses('UNKNOWN_MEMBER_ID', () => planCommit(groups, 'm', 1, at(1)))
  refuses('UNKNOWN_MEMBER_ID', () => groups.planLeave('g', 'm', 6000))
  assert.equal(groups.expired(9000), [])
  assert.is(groups.describe('g')?.state, 'Stable')
  applyAll(groups, leave)
  assert.equal([groups.describe('g')?.state, groups.describe('g')?.generation], ['Empty', 1])
})

test('no committed offset survives its topic, not even one whose commit was on its way', () => {
  const groups = new Groups()
  applyAll(groups, planJoin(groups, 'g', 'm').records)
  const history = [...applyAll(groups, planCommit(groups, 'm', 1, at(3)))]
  const late = planCommit(groups, 'm', 1, at(8, 1))
  const tombstones = groups.planTopicDelete(orders)
  assert.is(tombstones.length, 2)
  live.delete(orders)
  refuses('UNKNOWN_TOPIC_ID', () => planCommit(groups, 'm', 1, at(9)))
  live.set(reborn, { name: 'orders', partitions: 2 })
  const next = planCommit(groups, 'm', 1, at(1, 0, reborn))
  history.push(...applyAll(groups, [...late, ...tombstones, ...next]))
  live.set(orders, { name: 'orders', partitions: 2 })

  const replayed = new Groups()
  for (const record of history) replayed.apply(structuredClone(record), place)
  for (const seen of [groups, replayed]) {
    assert.is(seen.committed('g', orders, 0), undefined)
    assert.is(seen.committed('g', orders, 1), undefined)
    assert.is(seen.committed('g', reborn, 0)?.nextOffset, 1)
  }
  assert.equal(groups.planTopicDelete(orders), [])
})

test('a tombstone of a dead topic leaves the offset of its successor alone', () => {
  const groups = new Groups()
  applyAll(groups, planJoin(groups, 'g', 'm').records)
  live.set(reborn, { name: 'orders', partitions: 2 })
  const commits = [...planCommit(groups, 'm', 1, at(3)), ...planCommit(groups, 'm', 1, at(7, 0, reborn))]
  applyAll(groups, commits)
  applyAll(groups, groups.planTopicDelete(orders))
  assert.is(groups.committed('g', orders, 0), undefined)
  assert.is(groups.committed('g', reborn, 0)?.nextOffset, 7)
})

test('a commit is taken whole or not at all', () => {
  const groups = new Groups()
  applyAll(groups, planJoin(groups, 'g', 'm').records)
  const good = at(1)
  refuses('UNKNOWN_TOPIC_ID', () => planCommit(groups, 'm', 1, good, at(1, 0, topicId(9))))
  for (const partition of [2, -1, 0.5]) {
    refuses('UNKNOWN_TOPIC_OR_PARTITION', () => planCommit(groups, 'm', 1, good, at(1, partition)))
  }
  for (const offset of [-1, 0.5, 2 ** 53, Number.NaN, '1' as never]) {
    refuses('INVALID_REQUEST', () => planCommit(groups, 'm', 1, good, at(offset)))
  }
  refuses('INVALID_REQUEST', () => planCommit(groups, 'm', 1, good, { ...good, leaderEpoch: -2 }))
  refuses('OFFSET_METADATA_TOO_LARGE', () => planCommit(groups, 'm', 1, good, { ...good, metadata: 'ä'.repeat(2049) }))
  assert.equal(groups.planTopicDelete(orders), [])
  assert.is(planCommit(groups, 'm', 1, { ...good, metadata: 'ä'.repeat(2048) }).length, 1)
  assert.equal(planCommit(groups, 'm', 1), [])
})

test('group ids and intervals that no record could hold are refused', () => {
  const groups = new Groups()
  for (const groupId of ['', 'x'.repeat(32768), '\ud800', 5 as never]) {
    refuses('INVALID_GROUP_ID', () => planJoin(groups, groupId, 'm'))
  }
  for (const maxPollIntervalMs of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
    const request = { groupId: 'g', memberId: 'm', clientId: 'c', topics: [], partitionsOf: () => 1, now: 0 }
    refuses('INVALID_REQUEST', () => groups.planJoin({ ...request, maxPollIntervalMs }))
  }
  assert.equal(groups.list(), [])
  planJoin(groups, 'x'.repeat(32767), 'm')
})

test.run()
