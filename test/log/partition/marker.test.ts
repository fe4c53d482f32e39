// The markers of one transaction are encoded once: in each partition it has its own offset, and is as whole as one by
// itself.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeMarker, encodeMarkers } from '../../../bindings/log/partition/marker.ts'
import { newKernel } from '../../kernel/support.ts'

for (const isCommit of [true, false]) {
  test(`${isCommit ? 'commit' : 'abort'} markers differ in their offset alone, beyond 32 bits too`, () => {
    const kernel = newKernel()
    const marker = { producerId: 7, producerEpoch: 3, isCommit }
    const baseOffsets = [0, 5, 5, 2 ** 31, 2 ** 32 - 1, 2 ** 40 + 7]
    const facts = { leaderEpoch: 9, now: 1_700_000_000_000 }
    const together = encodeMarkers(kernel, marker, { ...facts, baseOffsets })
    const alone = baseOffsets.map((baseOffset) => encodeMarker(kernel, marker, { ...facts, baseOffset }))
    assert.equal(together, alone)
  })
}

test('a transaction that ends nowhere has none', () => {
  const marker = { producerId: 7, producerEpoch: 3, isCommit: true }
  assert.equal(encodeMarkers(newKernel(), marker, { baseOffsets: [], leaderEpoch: 0, now: 0 }), [])
})

test.run()
