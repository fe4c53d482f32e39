// A share group begins in all partitions of a topic at once, though it takes several frames to say so.
import * as assert from 'uvu/assert'
import type { AcquiredRange } from '../../bindings/broker/share-session.ts'
import type { LogError } from '../../bindings/model/errors.ts'
import type { Asked, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { afterCrash, opened, overStorages, TOPIC_ID } from './transaction-hosts.ts'

const test = overStorages('beginnings of share groups')

const PARTITIONS = 100
const member = { groupId: 's', memberId: 'm' }

function acquire(host: SyncHost) {
  const request = { topics: ['t'], maxOffsets: 10, lockMs: 1000, startAt: 'latest' } as const
  return host.start<readonly AcquiredRange[]>((done) => {
    return { kind: 'acquireShare', member, request, release: () => {}, done }
  })
}

function begunAt(host: SyncHost): readonly number[] {
  return host.engine.shares.facts('s').map(({ startOffset }) => startOffset)
}

const STORY = 'between the frames that say where it begins lets it begin as it was asked to in the other partitions'

/** Makes the group begin with the newest records, of which each partition has one. */
const BEGINS: Readonly<Record<string, (host: SyncHost) => Asked<unknown>>> = {
  'a crash': acquire,
  'a crash of a reset': (host) => {
    const at = Array.from({ length: PARTITIONS }, (_, partition) => ({ topicId: TOPIC_ID, partition, nextOffset: 1 }))
    return host.start<void>((done) => ({ kind: 'startShareGroup', groupId: 's', at, done }))
  },
}

function beginsAsAsked(begin: (host: SyncHost) => Asked<unknown>): void {
  const host = opened()
  host.createTopic(TOPIC_ID, 't', PARTITIONS, {})
  const producerId = host.openProducer()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    host.send({ topic: 't', partition, producerId, producerEpoch: 0, baseSequence: 0, values: ['a'], acks: 'all' })
  }
  host.settle()
  begin(host)
  const counts = new Set<number>()
  do {
    const crashed = afterCrash(host, 'none')
    const { length } = begunAt(crashed)
    if (counts.has(length)) continue
    counts.add(length)
    acquire(crashed)
    crashed.settle()
    assert.equal(begunAt(crashed), Array(PARTITIONS).fill(1), `${length} had begun before the crash`)
  } while (host.advance())
  assert.ok(counts.size > 2, 'it takes several frames')
}

// Files alone: a database takes more at once.
for (const [what, begin] of Object.entries(BEGINS)) test(`${what} ${STORY}`, () => beginsAsAsked(begin), ['files'])

// Regression: it was stored, and every list of the groups asked again and again for a partition that never came.
test('a group begins in no partition that its topic lacks, and at no offset that none can have', () => {
  const host = opened()
  host.createTopic(TOPIC_ID, 't', 2, {})
  const begin = (partition: number, nextOffset: number) => {
    const at = [0, partition].map((each) => ({ topicId: TOPIC_ID, topic: 't', partition: each, nextOffset }))
    const asked = host.start<void>((done) => ({ kind: 'startShareGroup', groupId: 's', at, done }))
    host.settle()
    return (asked.error as LogError | undefined)?.code
  }
  assert.is(begin(2, 0), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.is(begin(1, -1), 'INVALID_REQUEST')
  assert.equal(begunAt(host), [])
  assert.is(begin(1, 5), undefined)
  assert.equal(begunAt(host), [5, 5])
})

test.run()
