// Share groups that read the log's own topics: they go on where they were, as in any other topic.
import * as assert from 'uvu/assert'
import type { AcquiredRange } from '../../bindings/broker/share-session.ts'
import { sharePlaces } from '../../bindings/engine/sessions/group-descriptions.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { afterCrash, fresh, overStorages, TOPIC_ID } from './transaction-hosts.ts'

const test = overStorages("share groups of the log's own topics")

const OFFSETS = '__consumer_offsets'
const member = { groupId: 's', memberId: 'm' }

function setOffset(host: SyncHost, nextOffset: number): void {
  const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset }]
  host.ask<void>((done) => ({ kind: 'setOffsets', groupId: 'g', offsets, done }))
}

/** Takes what there is for the group and accepts it. */
function accepted(host: SyncHost): number[] {
  const request = { topics: [OFFSETS], maxOffsets: 100, lockMs: 1000, startAt: 'earliest' } as const
  const acquired = host.start<readonly AcquiredRange[]>((done) => {
    return { kind: 'acquireShare', member, request, release: () => {}, done }
  })
  host.settle()
  for (const range of acquired.value ?? []) {
    const request = { ...range, type: 'accept', delayMs: 0 } as const
    host.ask<void>((done) => ({ kind: 'acknowledgeShare', member, request, done }))
  }
  host.ask<void>((done) => ({ kind: 'leaveShare', member, done }))
  return (acquired.value ?? []).flatMap(({ firstOffset, lastOffset }) => {
    return Array.from({ length: lastOffset - firstOffset + 1 }, (_, index) => firstOffset + index)
  })
}

test('what was accepted of them is not delivered again after a close and a crash', () => {
  const host = fresh()
  for (const nextOffset of [1, 2]) setOffset(host, nextOffset)
  assert.equal(accepted(host), [0, 1])
  assert.equal(
    sharePlaces(host.engine).map(({ place }) => place),
    [{ topic: OFFSETS, partition: 0, nextOffset: 2 }],
  )
  host.close()
  const again = afterCrash(host, 'all')
  assert.equal(accepted(again), [])
  setOffset(again, 3)
  const crashed = afterCrash(again, 'none')
  assert.equal(accepted(crashed), [2])
})

test.run()
