// A share group waits for records of a topic that is changed, deleted and made again in one commit: it begins in the new
// topic, and where that begins.
import * as assert from 'uvu/assert'
import type { AcquiredRange } from '../../bindings/broker/share-session.ts'
import type { Command } from '../../bindings/engine/commands.ts'
import { fresh, overStorages } from './transaction-hosts.ts'

const test = overStorages('share groups of topics that are made again')

const LATER_ID = 'AAAAAAAAAAAAAAAAAAAABA'
const member = { groupId: 's', memberId: 'm' }

type Change = (done: (error: unknown) => void) => Command

const CHANGES: Readonly<Record<string, Change>> = {
  'its records are deleted': (done) => {
    return { kind: 'deleteRecords', at: [{ topic: 't', partition: 0, beforeOffset: 3 }], done }
  },
  'it gets more partitions': (done) => ({ kind: 'createPartitions', name: 't', totalCount: 4, done }),
}

for (const [name, change] of Object.entries(CHANGES)) {
  for (const startAt of ['earliest', 'latest'] as const) {
    test(`${name} before: from ${startAt} on nothing of the new topic is left out`, () => {
      const host = fresh()
      const send = (...values: string[]) => {
        const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
        const sent = host.send({ ...place, values, acks: 'all' })
        host.settle()
        assert.equal([sent.answered, sent.error], [true, undefined])
      }
      const acquire = () => {
        const request = { topics: ['t'], maxOffsets: 10, lockMs: 1000, startAt } as const
        return host.start<readonly AcquiredRange[]>((done) => {
          return { kind: 'acquireShare', member, request, release: () => {}, done }
        })
      }
      acquire()
      send('a', 'b', 'c', 'd')
      const waiting = acquire()
      host.settle()
      assert.not(waiting.answered)
      const asked = [
        host.start<void>(change),
        host.start<void>((done) => ({ kind: 'deleteTopic', name: 't', done })),
        host.start<void>((done) => {
          return { kind: 'createTopic', topicId: LATER_ID, name: 't', partitions: 3, config: {}, done }
        }),
      ]
      host.settle()
      for (const { answered, error } of asked) assert.equal([answered, error], [true, undefined])
      assert.not(waiting.answered)
      send('e')
      assert.is(waiting.error, undefined)
      assert.equal(
        waiting.value?.map(({ topicId, firstOffset, lastOffset }) => [topicId, firstOffset, lastOffset]),
        [[LATER_ID, 0, 0]],
      )
    })
  }
}

test.run()
