import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FirstOpenOffsets } from '../../../bindings/log/segment/first-open-offsets.ts'

function producer(producerId: number, currentTransactionFirstOffset: number) {
  return { producerId, producerEpoch: 0, coordinatorEpoch: 0, currentTransactionFirstOffset, batches: [] }
}

test('the oldest transaction holds readers back, whoever ends in between', () => {
  const open = new FirstOpenOffsets()
  assert.equal([open.lowest(9), open.oldestProducer, open.firstOffsetOf(-1)], [9, undefined, -1])
  for (const [producerId, offset] of [
    [7, 0],
    [3, 2],
    [5, 4],
  ] as const)
    open.begin(producerId, offset)
  open.begin(3, 6)
  assert.equal(
    [7, 3, 5].map((each) => open.firstOffsetOf(each)),
    [0, 2, 4],
    'one that is open goes on',
  )
  assert.equal([open.end(3), open.lowest(9), open.oldestProducer], [2, 0, 7])
  assert.equal([open.end(7), open.lowest(9), open.oldestProducer], [0, 4, 5])
  assert.equal([open.end(7), open.firstOffsetOf(7)], [-1, -1], 'nothing is open')
  open.begin(7, 8)
  assert.equal([open.end(5), open.lowest(20), open.oldestProducer], [4, 8, 7])
  assert.equal([open.end(7), open.lowest(20), open.oldestProducer], [8, 20, undefined])
})

test('what recovery found is taken in the order of offsets', () => {
  const found = [producer(1, 8), producer(2, -1), producer(3, 5)]
  const open = new FirstOpenOffsets(found)
  assert.equal([open.oldestProducer, open.lowest(9)], [3, 5])
  assert.equal(
    Array.from(open.of(found), (each) => each.currentTransactionFirstOffset),
    [8, -1, 5],
  )
  assert.equal([open.end(3), open.oldestProducer, open.lowest(9)], [5, 1, 8])
})

test.run()
