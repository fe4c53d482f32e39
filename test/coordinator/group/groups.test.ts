import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { OffsetToCommit } from '../../../bindings/coordinator/group/commit-request.ts'
import { Groups } from '../../../bindings/coordinator/group/groups.ts'
import type { GroupNotice } from '../../../bindings/coordinator/group/live-group.ts'
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

function join(groups: Groups, groupId: string, memberId: string, now: number = 0, more: object = {}): void {
  const owned: never[] = []
  const subscription = { clientId: 'c', topics: ['orders', 'orders', 'missing'], owned, assignors: ['range'] }
  groups.join({ groupId, memberId, rejoins: false, ...subscription, maxPollIntervalMs: 1000, now, ...more })
}

/** What each member heard, in short: `m joined 2 leads`, `m synced 0 1`, `m refused CODE`, `m rebalance`. */
function heard(groups: Groups, now: number = 0): string[] {
  return groups.live.takeNotices(now).map((notice) => `${notice.memberId} ${inShort(notice)}`)
}

function inShort(notice: GroupNotice): string {
  switch (notice.kind) {
    case 'joined':
      return `joined ${notice.generation}${notice.members.length === 0 ? '' : ' leads'}`
    case 'synced':
      return `synced${notice.partitions.map(({ partition }) => ` ${partition}`).join('')}`
    case 'refused':
      return `refused ${notice.error.code}`
    case 'rebalance':
      return 'rebalance'
  }
}

const both = [0, 1].map((partition) => ({ topic: 'orders', partition }))

/** A group of one, settled: the records are durable. Answers them. */
function alone(groups: Groups, groupId: string, memberId: string, now: number = 0): readonly TableRecord[] {
  join(groups, groupId, memberId, now)
  const generation = groups.describe(groupId)?.generation ?? 0
  const assignments = [{ memberId, partitions: both }]
  const records = applyAll(groups, groups.planSync({ groupId, memberId, generation, assignments, now }))
  assert.equal(heard(groups), [`${memberId} joined ${generation} leads`, `${memberId} synced 0 1`])
  return records
}

function at(nextOffset: number, partition: number = 0, id: string = orders): OffsetToCommit {
  return { topicId: id, partition, nextOffset, leaderEpoch: -1, metadata: '' }
}

function sync(memberId: string, generation: number): Parameters<Groups['planSync']>[0] {
  return { groupId: 'g', memberId, generation, assignments: [], now: 0 }
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
  const history = [...alone(groups, 'g', 'm1')]
  assert.is(groups.describe('g')?.state, 'Stable')
  assert.is(groups.describe('g')?.generation, 1)
  history.push(...applyAll(groups, planCommit(groups, 'm1', 1, at(4), at(9, 1))))
  assert.is(groups.committed('g', orders, 1)?.nextOffset, 9)

  const reopened = new Groups()
  for (const record of history) reopened.apply(structuredClone(record), place)
  reopened.dropMembers()
  assert.equal([reopened.describe('g')?.state, reopened.describe('g')?.generation], ['Empty', 1])
  assert.equal(reopened.describe('g')?.offsets, groups.describe('g')?.offsets)
  assert.is(reopened.live.nextDeadline(), undefined)
  refuses('UNKNOWN_MEMBER_ID', () => planCommit(reopened, 'm1', 1, at(5)))
  alone(reopened, 'g', 'm2')
  assert.is(reopened.describe('g')?.generation, 2, 'generations go on across an open')
})

test('a second member: everybody joins again, the leader shares, all go on', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  join(groups, 'g', 'm2')
  assert.equal(heard(groups), ['m1 rebalance'])
  assert.is(groups.describe('g')?.state, 'PreparingRebalance')
  assert.is(applyAll(groups, planCommit(groups, 'm1', 1, at(1))).length, 1, 'what it holds it may still commit')
  join(groups, 'g', 'm1', 0, { rejoins: true, owned: both })
  assert.equal(heard(groups), ['m1 joined 2 leads', 'm2 joined 2'])
  refuses('REBALANCE_IN_PROGRESS', () => planCommit(groups, 'm1', 1, at(1)))

  const of = (memberId: string, partitions: typeof both) => ({ memberId, partitions })
  const sync = { groupId: 'g', generation: 2, now: 0 }
  assert.equal(groups.planSync({ ...sync, memberId: 'm2', assignments: [] }), [])
  assert.equal(heard(groups), [], 'a follower waits for the leader')
  const assignments = [of('m1', both.slice(0, 1)), of('m2', both.slice(1))]
  const records = groups.planSync({ ...sync, memberId: 'm1', assignments })
  assert.equal(heard(groups), [], 'and the leader for the disk')
  applyAll(groups, records)
  assert.equal(heard(groups), ['m1 synced 0', 'm2 synced 1'])
  refuses('ILLEGAL_GENERATION', () => planCommit(groups, 'm1', 1, at(2)))
  assert.equal(groups.planSync({ ...sync, memberId: 'm2', assignments: [] }), [])
  assert.equal(heard(groups), ['m2 synced 1'], 'asked again, answered again')
})

test('a member that joins in the middle of a rebalance begins another; a sync of the old one is refused', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  join(groups, 'g', 'm2')
  join(groups, 'g', 'm1', 0, { rejoins: true })
  groups.planSync({ groupId: 'g', memberId: 'm2', generation: 2, assignments: [], now: 0 })
  const records = groups.planSync({ groupId: 'g', memberId: 'm1', generation: 2, assignments: [], now: 0 })
  groups.live.takeNotices(0)
  join(groups, 'g', 'm3')
  assert.equal(heard(groups), [
    'm1 refused REBALANCE_IN_PROGRESS',
    'm1 rebalance',
    'm2 refused REBALANCE_IN_PROGRESS',
    'm2 rebalance',
  ])
  applyAll(groups, records)
  assert.equal(heard(groups), [], 'an assignment that became durable too late settles nothing')
  assert.is(groups.describe('g')?.state, 'PreparingRebalance')
  join(groups, 'g', 'm2', 0, { rejoins: true })
  join(groups, 'g', 'm1', 0, { rejoins: true })
  assert.equal(heard(groups), ['m1 joined 3 leads', 'm2 joined 3', 'm3 joined 3'])
})

test('a release revokes everything from each member by itself: a member with nothing left is told nothing more', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  join(groups, 'g', 'm2')
  assert.equal(heard(groups), ['m1 rebalance'])
  assert.not.ok(groups.live.isReleased)
  const records = groups.planRelease(0)
  assert.equal(heard(groups), ['m1 rebalance'], 'm2 waits for its first assignment, and gets none here')
  join(groups, 'g', 'm1', 0, { rejoins: true, owned: both })
  assert.equal(heard(groups), ['m1 joined 2'], 'nobody leads')
  refuses('ILLEGAL_GENERATION', () => groups.planSync(sync('m1', 1)))
  assert.equal(groups.planSync(sync('m1', 2)), [])
  assert.equal(heard(groups), [], 'its generation is on its way to the disk')
  applyAll(groups, records)
  assert.equal(heard(groups), ['m1 synced'])
  assert.is(applyAll(groups, planCommit(groups, 'm1', 2, at(1))).length, 1, 'what it held it may commit')
  assert.not.ok(groups.live.isReleased)
  join(groups, 'g', 'm3')
  join(groups, 'g', 'm1', 0, { rejoins: true, owned: [] })
  assert.equal(heard(groups), [])
  assert.ok(groups.live.isReleased)
  assert.is(groups.live.nextDeadline(), 1000, 'polls alone: no rebalance can be late')
})

test('a release in the middle of a rebalance asks its members anew, and waits no longer for who leaves', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  join(groups, 'g', 'm2')
  join(groups, 'g', 'm1', 0, { rejoins: true, owned: both })
  assert.equal(groups.planSync(sync('m2', 2)), [])
  const late = groups.planSync({ ...sync('m1', 2), assignments: [{ memberId: 'm1', partitions: both }] })
  groups.live.takeNotices(0)
  const records = groups.planRelease(0)
  assert.equal(heard(groups), [
    'm1 refused REBALANCE_IN_PROGRESS',
    'm1 rebalance',
    'm2 refused REBALANCE_IN_PROGRESS',
    'm2 rebalance',
  ])
  applyAll(groups, [...late, ...records])
  assert.equal(heard(groups), [])
  join(groups, 'g', 'm1', 0, { rejoins: true, owned: both })
  groups.planSync(sync('m1', 3))
  assert.equal(heard(groups), ['m1 joined 3', 'm1 synced'], 'what its leader had given it is void')
  groups.live.topicsChanged(['orders'], 0)
  groups.planLeave('g', 'm2', 0)
  assert.equal(heard(groups), [], 'nothing is shared anew')
  assert.not.ok(groups.live.isReleased)
  applyAll(groups, groups.planLeave('g', 'm1', 0))
  assert.ok(groups.live.isReleased)
  join(groups, 'late', 'm4', 0)
  assert.equal(heard(groups), [], 'who comes now waits for the next holder')
  assert.ok(groups.live.isReleased)
})

test('who gives up what it holds has the time between two polls for it, not what a rebalance before left', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  join(groups, 'g', 'm2')
  groups.planRelease(500)
  join(groups, 'g', 'm1', 600, { rejoins: true, owned: both })
  assert.equal(
    groups.live.expired(1100).filter(({ memberId }) => memberId === 'm1'),
    [],
  )
})

test('offsets of a transaction are taken between two generations, of members and their generation alone (KIP-447)', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  join(groups, 'g', 'm2')
  join(groups, 'g', 'm1', 0, { rejoins: true })
  assert.is(groups.describe('g')?.state, 'CompletingRebalance')
  const request = { groupId: 'g', memberId: 'm1', generation: 2, offsets: [at(3)], now: 5 }
  refuses('REBALANCE_IN_PROGRESS', () => groups.planCommit(request, topicOf))
  refuses('ILLEGAL_GENERATION', () => groups.addPending(7, { ...request, generation: 1 }, topicOf))
  refuses('UNKNOWN_MEMBER_ID', () => groups.addPending(7, { ...request, memberId: 'm9' }, topicOf))
  groups.addPending(7, request, topicOf)
  assert.ok(groups.isPending('g', orders, 0))
  applyAll(groups, groups.planPending(7))
  assert.is(groups.committed('g', orders, 0)?.nextOffset, 3)
})

test('a member that does not join again holds the others up until its time is over', () => {
  const groups = new Groups()
  alone(groups, 'g', 'slow')
  groups.live.polling('g', 'slow')
  join(groups, 'g', 'm2', 500, { maxPollIntervalMs: 300 })
  groups.live.polling('g', 'm2')
  groups.live.takeNotices(0)
  assert.equal(groups.live.expired(1499), [], 'the longest interval of its members')
  assert.is(groups.live.nextDeadline(), 1500)
  assert.equal(groups.live.expired(1500), [{ groupId: 'g', memberId: 'slow' }])
  assert.equal(groups.planLeave('g', 'slow', 1500), [])
  assert.equal(heard(groups), ['m2 joined 2 leads'], 'the lead goes to one that is there')
  refuses('UNKNOWN_MEMBER_ID', () => join(groups, 'g', 'slow', 1500, { rejoins: true }))
  assert.equal(groups.live.expired(1800), [{ groupId: 'g', memberId: 'm2' }], 'nor for ever for the assignment')
})

// Regression: it was put out while it waited for the others, and once more each time that it joined anew.
test('the time that a member waits for others, until it has joined and has its partitions, is not its own', () => {
  const groups = new Groups()
  alone(groups, 'g', 'slow')
  heard(groups)
  groups.live.polled('g', 'slow', 0)
  join(groups, 'g', 'quick', 100, { maxPollIntervalMs: 50 })
  assert.equal(heard(groups, 100), ['slow rebalance'])
  assert.equal(groups.live.expired(999), [])
  join(groups, 'g', 'slow', 999, { rejoins: true })
  assert.equal(heard(groups, 999), ['slow joined 2 leads', 'quick joined 2'])
  groups.planSync({ ...sync('quick', 2), now: 1009 })
  groups.live.polled('g', 'slow', 1009)
  assert.equal(groups.live.expired(1900), [])
  applyAll(groups, groups.planSync({ ...sync('slow', 2), now: 1900 }))
  assert.equal(heard(groups, 1900), ['slow synced', 'quick synced'])
  // Ten of its fifty milliseconds went between the two answers.
  assert.is(groups.live.nextDeadline(), 1940)
  assert.equal(groups.live.expired(1939), [])
  assert.equal(groups.live.expired(1940), [{ groupId: 'g', memberId: 'quick' }])
})

test('a member that joins beside one that is stuck stays as that one is put out', () => {
  const groups = new Groups()
  alone(groups, 'g', 'stuck')
  groups.live.polled('g', 'stuck', 100)
  join(groups, 'g', 'new', 100)
  heard(groups, 100)
  groups.live.clockMoved(3_600_000)
  assert.equal(groups.live.expired(1_100 + 3_600_000), [{ groupId: 'g', memberId: 'stuck' }])
})

test('the wait for one that does not join again is counted in time that passes, wherever the clock is set', () => {
  for (const movedMs of [3_600_000, -3_600_000]) {
    const groups = new Groups()
    alone(groups, 'g', 'slow')
    groups.live.polling('g', 'slow')
    join(groups, 'g', 'm2', 500)
    groups.live.polling('g', 'm2')
    groups.live.clockMoved(movedMs)
    assert.equal(groups.live.expired(1499 + movedMs), [])
    assert.equal(groups.live.expired(1500 + movedMs), [{ groupId: 'g', memberId: 'slow' }])
  }
})

test('offsets that wait for a commit go with their group: no later group of its name gets them', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  groups.addPending(7, { groupId: 'g', memberId: 'm1', generation: 1, offsets: [at(3), at(4, 1)], now: 5 }, topicOf)
  applyAll(groups, groups.planLeave('g', 'm1', 6))
  applyAll(groups, groups.planDelete('g', 7))
  assert.not.ok(groups.isPending('g', orders, 0))
  alone(groups, 'g', 'm2')
  assert.equal(groups.planPending(7), [])
  assert.is(groups.committed('g', orders, 0), undefined)
})

test('offsets that wait for a commit go with their topic: none is committed after its delete', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  groups.addPending(7, { groupId: 'g', memberId: 'm1', generation: 1, offsets: [at(3), at(4, 1)], now: 5 }, topicOf)
  assert.equal([...groups.planTopicDelete(orders)], [])
  assert.not.ok(groups.isPending('g', orders, 0))
  assert.equal(groups.planPending(7), [])
})

test('members without a common assignor are refused', () => {
  const groups = new Groups()
  refuses('INCONSISTENT_GROUP_PROTOCOL', () => join(groups, 'g', 'm1', 0, { assignors: [] }))
  assert.is(groups.describe('g'), undefined)
  alone(groups, 'g', 'm1')
  refuses('INCONSISTENT_GROUP_PROTOCOL', () => join(groups, 'g', 'm2', 0, { assignors: ['mine'] }))
  assert.is(groups.describe('g')?.state, 'Stable')
})

test('new partitions of a topic that a group reads make it rebalance', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm1')
  groups.live.topicsChanged(['other'], 0)
  assert.equal(heard(groups), [])
  groups.live.topicsChanged(['orders'], 0)
  assert.equal(heard(groups), ['m1 rebalance'])
})

test('a member that polls too late is expired, and refused as soon as its leave is planned', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm')
  groups.live.polled('g', 'm', 500)
  assert.equal(groups.live.expired(1499), [])
  groups.live.polling('g', 'm')
  assert.equal(groups.live.expired(5000), [])
  groups.live.polled('g', 'm', 5000)
  assert.is(groups.live.nextDeadline(), 6000)
  assert.equal(groups.live.expired(6000), [{ groupId: 'g', memberId: 'm' }])
  const leave = groups.planLeave('g', 'm', 6000)
  refuses('UNKNOWN_MEMBER_ID', () => planCommit(groups, 'm', 1, at(1)))
  refuses('UNKNOWN_MEMBER_ID', () => groups.planLeave('g', 'm', 6000))
  refuses('UNKNOWN_MEMBER_ID', () => groups.live.polling('g', 'm'))
  assert.equal(groups.live.expired(9000), [])
  applyAll(groups, leave)
  assert.equal([groups.describe('g')?.state, groups.describe('g')?.generation], ['Empty', 1])
})

test('offsets are set by hand, and a group deleted, while it has no members', () => {
  const groups = new Groups()
  const set = { groupId: 'g', offsets: [at(7)], now: 1 }
  applyAll(groups, groups.planSetOffsets(set, topicOf))
  assert.is(groups.committed('g', orders, 0)?.nextOffset, 7)
  const history = [...alone(groups, 'g', 'm')]
  refuses('NON_EMPTY_GROUP', () => groups.planSetOffsets(set, topicOf))
  refuses('NON_EMPTY_GROUP', () => groups.planDelete('g', 2))
  refuses('GROUP_ID_NOT_FOUND', () => groups.planDelete('other', 2))
  history.push(...applyAll(groups, groups.planLeave('g', 'm', 2)))
  history.push(...applyAll(groups, groups.planDelete('g', 3)))
  const replayed = new Groups()
  for (const record of history) replayed.apply(structuredClone(record), place)
  for (const seen of [groups, replayed]) {
    assert.is(seen.describe('g'), undefined)
    join(seen, 'g', 'later')
    assert.equal(heard(seen), ['later joined 2 leads'], 'a position that is fenced by generation 1 stays so')
  }
})

test('no committed offset survives its topic, not even one whose commit was on its way', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm')
  const history = [...applyAll(groups, planCommit(groups, 'm', 1, at(3)))]
  const late = planCommit(groups, 'm', 1, at(8, 1))
  const tombstones = [...groups.planTopicDelete(orders)]
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
  assert.equal([...groups.planTopicDelete(orders)], [])
})

test('a tombstone of a dead topic leaves the offset of its successor alone', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm')
  live.set(reborn, { name: 'orders', partitions: 2 })
  const commits = [...planCommit(groups, 'm', 1, at(3)), ...planCommit(groups, 'm', 1, at(7, 0, reborn))]
  applyAll(groups, commits)
  applyAll(groups, [...groups.planTopicDelete(orders)])
  assert.is(groups.committed('g', orders, 0), undefined)
  assert.is(groups.committed('g', reborn, 0)?.nextOffset, 7)
})

test('a commit is taken whole or not at all', () => {
  const groups = new Groups()
  alone(groups, 'g', 'm')
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
  assert.equal([...groups.planTopicDelete(orders)], [])
  assert.is(planCommit(groups, 'm', 1, { ...good, metadata: 'ä'.repeat(2048) }).length, 1)
  assert.equal(planCommit(groups, 'm', 1), [])
})

test('group ids and intervals that no record could hold are refused', () => {
  const groups = new Groups()
  for (const groupId of ['', 'x'.repeat(32768), '\ud800', 5 as never]) {
    refuses('INVALID_GROUP_ID', () => join(groups, groupId, 'm'))
  }
  for (const maxPollIntervalMs of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
    refuses('INVALID_REQUEST', () => join(groups, 'g', 'm', 0, { maxPollIntervalMs }))
  }
  assert.equal(groups.list(), [])
  join(groups, 'x'.repeat(32767), 'm')
})

test.run()
