// Offsets that wait for the commit of their transaction, where several are of one partition (apache/kafka
// OffsetMetadataManagerTest, testReplayTransactionEndMarkerKeepsTheMostRecentCommittedOffset).
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CommittedOffset } from '../../../bindings/coordinator/group/group-entry.ts'
import { PendingOffsets } from '../../../bindings/coordinator/group/pending-offsets.ts'

const place = { groupId: 'g', topicId: 'a', topic: 't', partition: 0 }
const others = [
  { ...place, partition: 1 },
  { ...place, groupId: 'h' },
  { ...place, topicId: 'b' },
]

function at(nextOffset: number, where: typeof place = place): CommittedOffset {
  return { ...where, nextOffset, leaderEpoch: -1, metadata: '', commitTimestamp: 0 }
}

function taken(pending: PendingOffsets, producerId: number): number[] {
  return pending.take(producerId).map(({ nextOffset }) => nextOffset)
}

test('of two transactions the offset that was sent last wins, whichever is decided first', () => {
  for (const first of [1, 2]) {
    const pending = new PendingOffsets()
    pending.add(1, [at(5), ...others.map((each) => at(50, each))])
    pending.add(2, [at(3)])
    const answers = { [first]: taken(pending, first), [3 - first]: taken(pending, 3 - first) }
    assert.equal(answers, first === 1 ? { 1: [5, 50, 50, 50], 2: [3] } : { 1: [50, 50, 50], 2: [3] })
  }
})

test('if a transaction sends offsets of a partition twice, the last one counts', () => {
  const pending = new PendingOffsets()
  pending.add(1, [at(5)])
  pending.add(2, [at(6)])
  pending.add(1, [at(7)])
  assert.equal(taken(pending, 1), [7])
  assert.equal(taken(pending, 2), [])
})

test('dropping a topic’s offsets drops them in every transaction, and nothing else', () => {
  const pending = new PendingOffsets()
  pending.add(1, [at(5), ...others.map((each) => at(50, each))])
  pending.add(2, [at(6)])
  pending.dropWhere(({ topicId }) => topicId === 'a')
  assert.equal([taken(pending, 1), taken(pending, 2)], [[50], []])
})

test.run()
