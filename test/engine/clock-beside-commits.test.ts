// The clock is set, or the machine sleeps, while a commit is on its way to the disk: what begins with the commit has
// its time all the same.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JoinedGroup } from '../../bindings/broker/consumer-session.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { opened } from './storages.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const HOUR_MS = 3_600_000
const INTERVAL_MS = 1000

for (const [how, byMs] of [
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
] as const) {
  test(`an hour ${how}: a rebalance that a new partition brings about waits for its members`, () => {
    const storage = new VirtualDisk()
    const host = opened(storage)
    host.createTopic(TOPIC_ID, 't', 1, {})
    const subscription = { topics: ['t'], owned: [], assignors: ['range'], maxPollIntervalMs: INTERVAL_MS }
    const request = { groupId: 'g', memberId: 'm', rejoins: false, ...subscription }
    host.ask<JoinedGroup>((done) => ({ kind: 'joinGroup', request, rebalance: () => {}, done }))
    host.engine.groups.live.polling('g', 'm')
    const grown = host.start<void>((done) => ({ kind: 'createPartitions', name: 't', totalCount: 2, done }))
    storage.watch = (_operations, kind, path) => {
      if (kind !== 'flush' || !path.endsWith('.ring')) return
      storage.watch = undefined
      host.setClock(byMs)
    }
    while (!grown.answered) assert.ok(host.advance())
    assert.is(storage.watch, undefined)
    host.engine.tick(host.now)
    assert.is(host.engine.groups.describe('g')?.members.length, 1)
    host.passTime(INTERVAL_MS + 100)
    assert.is(host.engine.groups.describe('g')?.members.length, 0, 'nor for longer')
  })
}

test.run()
