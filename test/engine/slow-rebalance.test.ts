// A rebalance whose assignments take long to reach the disk.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JoinedGroup } from '../../bindings/broker/consumer-session.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { opened } from './storages.ts'

const INTERVAL_MS = 1000

// Regression: its deadline lay behind, so that a program's timer came again and again until the disk was done.
test('nobody is late where all wait for the disk, and no deadline comes again and again', () => {
  const storage = new VirtualDisk()
  const host = opened(storage)
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const subscription = { topics: ['t'], owned: [], assignors: ['range'], maxPollIntervalMs: INTERVAL_MS }
  const member = { groupId: 'g', memberId: 'm', ...subscription, rejoins: false }
  const { generation } = host.ask<JoinedGroup>((done) => {
    return { kind: 'joinGroup', request: member, rebalance: () => {}, done }
  })
  const request = { groupId: 'g', memberId: 'm', generation, assignments: [] }
  const synced = host.start<unknown>((done) => ({ kind: 'syncGroup', request, done }))
  let aheadMs = 0
  storage.watch = (_operations, kind, path) => {
    if (kind !== 'flush' || !path.endsWith('.ring')) return
    storage.watch = undefined
    host.tickAfter(2 * INTERVAL_MS)
    aheadMs = (host.engine.nextDeadline() ?? Number.POSITIVE_INFINITY) - host.now
  }
  while (!synced.answered) assert.ok(host.advance())
  assert.ok(aheadMs > 0, `the next deadline is ${aheadMs} ms away`)
  assert.is(synced.error, undefined)
  host.engine.groups.live.polling('g', 'm')
  host.engine.groups.live.topicsChanged(['t'], host.now)
  host.passTime(INTERVAL_MS + 100)
  assert.is(host.engine.groups.describe('g')?.members.length, 0, 'the next rebalance has its own')
})

// Regression: what a commit completed was taken for the moment at which the commit had begun, so a member had spent its
// interval before it was given anything.
test('a member whose assignment took longer to be durable than its interval has all of it', () => {
  const storage = new VirtualDisk()
  const host = opened(storage)
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  storage.watch = (_operations, kind, path) => {
    if (kind === 'flush' && path.endsWith('.ring')) host.takeTime(2 * INTERVAL_MS)
  }
  host.join('g', 'm', ['t'], INTERVAL_MS)
  storage.watch = undefined
  host.passTime(INTERVAL_MS - 100)
  assert.is(host.engine.groups.describe('g')?.members.length, 1)
  host.passTime(200)
  assert.is(host.engine.groups.describe('g')?.members.length, 0, 'nor more than that')
})

test.run()
