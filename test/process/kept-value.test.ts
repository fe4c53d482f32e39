// State and tables keep the last value of each key for as long as they live: in memory that holds nothing else.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KeptValue } from '../../bindings/client/process/kept-value.ts'
import { PartitionValues } from '../../bindings/client/process/partition-values.ts'
import { TableValues } from '../../bindings/client/process/table-values.ts'

const BATCH_BYTES = 64 * 1024
const facts = { topic: 'counts', topicId: 'id', partitions: 1 } as never

/** A value as a read gives it: a view of its batch. */
function ofBatch(sizeBytes: number, content: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(BATCH_BYTES), 16, sizeBytes).fill(content)
}

/** All memory that lives as long as the value. */
function memoryBytes(bytes: Uint8Array | undefined): number {
  return bytes?.buffer.byteLength ?? 0
}

// Regression: a key that nobody sets again kept all of the batch that its value was read from.
for (const sizeBytes of [0, 1, 64, 65, 1000]) {
  test(`a value of ${sizeBytes} bytes keeps nothing of the batch that it was read from`, () => {
    const values = new PartitionValues(facts, 0)
    values.set('a', ofBatch(sizeBytes, 1))
    const kept = values.values.get('a')?.bytes
    assert.equal(kept, new Uint8Array(sizeBytes).fill(1))
    assert.is(memoryBytes(kept), sizeBytes)
  })

  test(`nor does one of ${sizeBytes} bytes in a table, before and after its first read`, () => {
    const table = new TableValues()
    const read = new PartitionValues(facts, 0)
    read.set('a', ofBatch(sizeBytes, 1))
    table.add([read])
    table.partitions[0]?.set('b', ofBatch(sizeBytes, 2))
    for (const text of ['a', 'b']) assert.is(memoryBytes(table.get(text, new Uint8Array(1))), sizeBytes)
    assert.equal(table.get('b', new Uint8Array(1)), new Uint8Array(sizeBytes).fill(2))
  })
}

test('a value takes the memory of the one that it replaces, and is another one', () => {
  const values = new PartitionValues(facts, 0)
  const first = new KeptValue(ofBatch(1000, 1))
  values.keep('a', first)
  const memory = first.bytes.buffer
  for (const sizeBytes of [1000, 999, 500, 1000]) {
    const next = new KeptValue(ofBatch(sizeBytes, 2))
    values.keep('a', next)
    assert.is(values.values.get('a'), next)
    assert.is(next.bytes.buffer, memory)
    assert.equal(next.bytes, new Uint8Array(sizeBytes).fill(2))
  }
})

test('a value for which that is too small, or more than twice too large, gets memory of its own', () => {
  for (const sizeBytes of [1001, 499]) {
    const values = new PartitionValues(facts, 0)
    values.set('a', ofBatch(1000, 1))
    values.set('a', ofBatch(sizeBytes, 2))
    assert.is(memoryBytes(values.values.get('a')?.bytes), sizeBytes)
  }
})

test('a value that fills all of the memory that it was read from is copied like others', () => {
  const values = new PartitionValues(facts, 0)
  const value = new Uint8Array(1000)
  values.set('a', value)
  assert.is.not(values.values.get('a')?.bytes.buffer, value.buffer)
})

test.run()
