// Offsets that an unclean end left unused: readers pass over them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PartitionFactory } from '../../../bindings/log/partition/partition-factory.ts'
import type { PartitionStore } from '../../../bindings/storage/partition-store.ts'
import { newKernel } from '../../kernel/support.ts'

test('a read past the last batch goes on at its limit, not where it began', () => {
  const id = { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', topic: 't', partition: 0 }
  const stored = {
    id,
    logStartOffset: 0,
    nextOffset: 100,
    ceiling: 100,
    producers: [],
    maxTimestamp: -1,
    readOnly: false,
  }
  const store = { read: () => 0 } as unknown as PartitionStore
  const partition = new PartitionFactory(newKernel(), store, 0).partition(stored)
  const { batches, nextOffset, missing } = partition.read(10, 100, 1000)
  assert.equal(batches, [])
  assert.is(missing, undefined)
  assert.is(nextOffset, 100, 'a reader that waits at 10 for what is below 100 would wait for ever')
})

test.run()
