// A commit of more partitions than a frame holds, crashed before each of its operations: what was acknowledged stands,
// and what wasn't is there or not partition by partition, each at an offset that was asked for.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { crashEverywhere } from '../simulation/crash-everywhere.ts'

const PARTITIONS = 150
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

function commit(host: SyncHost, generation: number, nextOffset: number): void {
  const offsets = Array.from({ length: PARTITIONS }, (_, partition) => ({ topicId: TOPIC_ID, partition, nextOffset }))
  const request = { groupId: 'g', memberId: 'm', generation, offsets }
  host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
}

test('a large commit that a crash cuts off is kept from its first partition on, as far as it came', () => {
  const seen = { none: 0, some: 0, all: 0 }
  crashEverywhere<{ acknowledged: number; asked: number }>({
    ...{ modes: ['kill', 'none', 'all', 'torn'], step: 1, openingStep: 9, openingOf: 11 },
    nothingKnown: () => ({ acknowledged: 0, asked: 0 }),
    from: ({ asked }) => (asked === 2 ? 1 : Number.POSITIVE_INFINITY),
    hostOf: (disk) => new SyncHost(disk),
    play(disk, known) {
      const host = new SyncHost(disk)
      host.open()
      host.createTopic(TOPIC_ID, 't', PARTITIONS, {})
      const generation = host.join('g', 'm', ['t'])
      for (const nextOffset of [1, 2]) {
        known.asked = nextOffset
        commit(host, generation, nextOffset)
        known.acknowledged = nextOffset
      }
      host.close()
      host.discard()
    },
    judge(image, { acknowledged }) {
      const host = new SyncHost(image)
      const wrong = host.open().damage.map((damage) => JSON.stringify(damage))
      const found = host.engine.groups.describe('g')?.offsets.map(({ nextOffset }) => nextOffset) ?? []
      host.discard()
      const count = found.filter((nextOffset) => nextOffset === 2).length
      const expected = Array.from({ length: PARTITIONS }, (_, partition) => (partition < count ? 2 : 1))
      if (found.join() !== expected.join()) wrong.push(found.join())
      if (acknowledged === 2 && count < PARTITIONS) wrong.push(`${count} of ${PARTITIONS} acknowledged offsets`)
      seen[count === 0 ? 'none' : count < PARTITIONS ? 'some' : 'all']++
      return wrong
    },
  })
  assert.ok(seen.none > 0 && seen.some > 0 && seen.all > 0, JSON.stringify(seen))
})

test.run()
