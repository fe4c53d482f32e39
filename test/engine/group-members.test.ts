// Members of groups as the engine serves them: who waits for an answer, who is told of a rebalance.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JoinedGroup } from '../../bindings/broker/consumer-session.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const POLL_MS = 60_000

// Without the notice such a member hears of it at its next commit: until then it works on what others have.
test('a member that polled too rarely is told when the group puts it out', () => {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const member = { groupId: 'g', memberId: 'm' }
  let told = 0
  const { generation } = host.ask<JoinedGroup>((done) => {
    const subscription = { rejoins: false, topics: ['t'], owned: [], assignors: ['range'], maxPollIntervalMs: POLL_MS }
    return { kind: 'joinGroup', request: { ...member, ...subscription }, rebalance: () => told++, done }
  })
  const assignments = [{ memberId: 'm', partitions: [{ topic: 't', partition: 0 }] }]
  host.ask<unknown>((done) => ({ kind: 'syncGroup', request: { ...member, generation, assignments }, done }))
  host.passTime(POLL_MS - 1000)
  assert.is(told, 0)
  host.passTime(2000)
  assert.is(told, 1)
  host.discard()
})

test('after a restart no member of a deleted group commits in a later one of its name, which goes on after its generation', () => {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const before = host.join('g', 'before', ['t'])
  host.ask<void>((done) => ({ kind: 'leaveGroup', groupId: 'g', memberId: 'before', done }))
  host.ask<void>((done) => ({ kind: 'deleteGroup', groupId: 'g', done }))
  const later = new SyncHost(host.storage.image(new Random(1), 'none'))
  later.open()
  const generation = later.join('g', 'after', ['t'])
  assert.is(generation, before + 1)
  const offsets = [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAg', topic: 't', partition: 0, nextOffset: 1 }]
  for (const each of [before, generation]) {
    const request = { groupId: 'g', memberId: 'before', generation: each, offsets }
    const late = later.start<void>((done) => ({ kind: 'commitOffsets', request, done }))
    later.settle()
    assert.ok(LogError.is(late.error, 'UNKNOWN_MEMBER_ID'), String(late.error))
  }
  host.discard()
  later.discard()
})

test.run()
