// A key that is in thousands of partitions: each of its values costs as much as the first one.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PartitionValues } from '../../bindings/client/process/partition-values.ts'
import { TableValues } from '../../bindings/client/process/table-values.ts'
import { hashOfKey } from '../../bindings/client/producer/partitioner.ts'

const COUNT = 20_000
const facts = { topic: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAg', partitions: COUNT, config: {} }
const key = new Uint8Array([107])
const value = (partition: number) => new Uint8Array([partition & 255, partition >> 8])

// Regression: it recursed over all of the key's partitions, and ended with a stack overflow.
test('a key in every partition has the value of its own partition, then of one that it had before', () => {
  const table = new TableValues()
  table.add(
    Array.from({ length: COUNT }, (_, partition) => {
      const read = new PartitionValues(facts, partition)
      read.set('k', value(partition))
      return read
    }),
  )
  const hash = hashOfKey(key)
  assert.equal(table.get('k', key), value(hash % COUNT))
  table.partitions[hash % COUNT]?.set('k', null)
  assert.equal(table.get('k', key), value(hash % (COUNT - 1)))
  for (const partition of table.partitions) if (partition.partition !== 7) partition.set('k', null)
  assert.equal([table.get('k', key), table.texts()], [value(7), ['k']])
  table.partitions[7]?.set('k', null)
  assert.equal([table.get('k', key), table.texts()], [undefined, []])
})

test.run()
