// What the partitions of one producer tell of its transaction, after an end without a close.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FoundTransaction } from '../../bindings/coordinator/transaction/recovery.ts'
import { Transacting, type TransactingHooks } from '../../bindings/engine/transacting.ts'
import type { StoredPartition } from '../../bindings/storage/stored-state.ts'

/** A partition in which the producer has a transaction open, in this epoch. */
function open(partition: number, producerEpoch: number): StoredPartition {
  const producer = { producerId: 7, producerEpoch, currentTransactionFirstOffset: 0 }
  return { id: { topic: 't', partition }, producers: [producer] } as unknown as StoredPartition
}

// Damage may have taken the end of the older transaction in one of them. Under a lower epoch the other would refuse its
// marker.
test('it is ended in the largest epoch that any of them has, wherever that one stands', () => {
  for (const epochs of [
    [3, 4],
    [4, 3],
  ]) {
    let found: readonly FoundTransaction[] = []
    const recover = (given: readonly FoundTransaction[]) => {
      found = given
      return []
    }
    const transacting = new Transacting({ transactions: { recover }, now: () => 0 } as unknown as TransactingHooks)
    transacting.recover(
      epochs.map((epoch, partition) => open(partition, epoch)),
      false,
    )
    assert.equal(
      found.map(({ producerId, producerEpoch, partitions }) => [producerId, producerEpoch, partitions.length]),
      [[7, 4, 2]],
    )
  }
})

test.run()
