// What the batches that are left can say against snapshots and leader epochs, and what they can't.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PartitionHistory } from '../../../bindings/log/verify/partition-history.ts'
import type { StoredProducer } from '../../../bindings/storage/stored-state.ts'

/** One record of each producer, as `[offset, producerId, sequence, leaderEpoch]`. */
function historyOf(
  cleanedUpTo: number,
  batches: readonly (readonly [number, number, number, number])[],
): PartitionHistory {
  const history = new PartitionHistory(0, cleanedUpTo)
  for (const [baseOffset, producerId, baseSequence, partitionLeaderEpoch] of batches) {
    const header = { baseOffset, lastOffsetDelta: 0, producerId, producerEpoch: 0, baseSequence, partitionLeaderEpoch }
    history.take({ ...header, attributes: 0 } as never, new Uint8Array(0))
  }
  return history
}

function producer(producerId: number, offset: number, sequence: number): StoredProducer {
  const batch = {
    baseOffset: offset,
    lastOffset: offset,
    firstSequence: sequence,
    lastSequence: sequence,
    timestamp: 0,
  }
  return { producerId, producerEpoch: 0, batches: [batch], coordinatorEpoch: -1, currentTransactionFirstOffset: -1 }
}

test('a producer whose batch compaction may have taken isn’t contradicted', () => {
  const [first, second] = [producer(1, 59, 11), producer(2, 20, 7)]
  const left = [[20, 2, 7, 0]] as const
  assert.is(historyOf(60, left).contradicts([first, second]), undefined)
  assert.is(historyOf(0, left).contradicts([first, second]), first, 'all of its batches would be there')
  // An older batch of it stayed, as the last one of its time.
  assert.is(historyOf(60, [[5, 1, 3, 0], ...left]).contradicts([first, second]), undefined)
  assert.is(historyOf(60, [...left, [59, 1, 12, 0]]).contradicts([first, second]), first, 'another sequence')
  assert.is(historyOf(60, [...left, [60, 1, 12, 0]]).contradicts([first, second]), first, 'a batch after it')
})

test('a producer is contradicted by each field of its last batch', () => {
  const right = producer(1, 20, 7)
  const [batch] = right.batches
  assert.ok(batch)
  const history = historyOf(0, [[20, 1, 7, 0]])
  assert.is(history.contradicts([right]), undefined)
  const others = [{ baseOffset: 19 }, { lastOffset: 21 }, { firstSequence: 8 }]
  const wrong = others.map((other) => ({ ...right, batches: [{ ...batch, ...other }] }))
  for (const each of [...wrong, { ...right, producerEpoch: 1 }]) assert.is(history.contradicts([right, each]), each)
})

test('an epoch whose first batches compaction may have taken isn’t contradicted', () => {
  const entries = [0, 50, 70].map((startOffset, epoch) => ({ epoch, startOffset }))
  const left = [[83, 1, 0, 2]] as const
  assert.is(historyOf(80, left).contradictsEpochs(entries), undefined)
  assert.is(historyOf(80, [[20, 1, 0, 0]]).contradictsEpochs(entries), undefined)
  assert.is(
    historyOf(80, [[83, 1, 0, 1]]).contradictsEpochs(entries)?.epoch,
    2,
    'a batch of another epoch after its start',
  )
  assert.is(historyOf(80, left).contradictsEpochs([...entries, { epoch: 3, startOffset: 900 }])?.epoch, 3)
})

test('an epoch whose batches lie below a moved log start isn’t contradicted by newer ones that its file lacks', () => {
  const moved = [{ epoch: 2, startOffset: 65572 }]
  assert.is(historyOf(0, [[131_072, 1, 0, 3]]).contradictsEpochs(moved), undefined)
  assert.is(historyOf(0, [[131_072, 1, 0, 1]]).contradictsEpochs(moved)?.epoch, 2, 'an older one after it')
})

test('an epoch begins with its first batch, and the first one not after the last batch', () => {
  const batches = [
    [0, 1, 0, 0],
    [5, 1, 1, 2],
  ] as const
  const entriesAt = (first: number, second: number) => [
    { epoch: 0, startOffset: first },
    { epoch: 2, startOffset: second },
  ]
  assert.is(historyOf(0, batches).contradictsEpochs(entriesAt(0, 5)), undefined)
  assert.is(historyOf(0, batches).contradictsEpochs(entriesAt(0, 4))?.startOffset, 4)
  assert.is(historyOf(0, batches).contradictsEpochs(entriesAt(7, 8))?.startOffset, 7)
})

test.run()
