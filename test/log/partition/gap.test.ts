// Offsets that an unclean end left unused: readers pass over them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PartitionFactory } from '../../../bindings/log/partition/partition-factory.ts'
import type { PartitionStore } from '../../../bindings/storage/partition-store.ts'
import { newKernel } from '../../kernel/support.ts'

const id = { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', topic: 't', partition: 0 }

/** Ends at 101; `read` is its store's. */
function partitionOver(read: PartitionStore['read']) {
  const ends = { logStartOffset: 0, nextOffset: 101, ceiling: 101, maxTimestamp: -1 }
  const stored = { id, ...ends, producers: [], readOnly: false }
  return new PartitionFactory(newKernel(), { read } as unknown as PartitionStore, 0).partition(stored)
}

test('a read past the last batch goes on at its limit, not where it began', () => {
  const { batches, nextOffset, missing } = partitionOver(() => 0).read(10, 100, 1000)
  assert.equal(batches, [])
  assert.is(missing, undefined)
  assert.is(nextOffset, 100, 'a reader that waits at 10 for what is below 100 would wait for ever')
})

// As where a transaction is open that began after an unclean end: committed reads end at its first record. Regression:
// a read up to the end, a table and a processor with state waited until the transaction ended.
test('so does one whose next batch lies at the limit, or past it', () => {
  // The sample of kafka.md 1.6; its checksum leaves the base offset out.
  const batch = Buffer.from(
    '000000000000006400' +
      '00003affffffff02e99b8dd80000000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff' +
      '0000000110000000026b027600',
    'hex',
  )
  const read: PartitionStore['read'] = (_, __, into) => {
    into.set(batch)
    return batch.length
  }
  for (const limit of [100, 60]) {
    const { batches, nextOffset } = partitionOver(read).read(10, limit, 1000)
    assert.equal([batches.length, nextOffset], [0, limit])
  }
  assert.is(partitionOver(read).read(10, 101, 1000).nextOffset, 101)
})

test.run()
