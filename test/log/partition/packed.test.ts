// Packed records make the very batch that the same records make one by one, and so do a program's own; all fall under
// the same rules.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeInPlace, roomForBatch } from '../../../bindings/log/partition/encode.ts'
import { hasKey } from '../../../bindings/log/partition/keys.ts'
import type { BatchRecords } from '../../../bindings/model/batch-records.ts'
import { newKernel } from '../../kernel/support.ts'
import { randomOf } from '../catalogue/random.ts'

const kernel = newKernel()
const now = 1_700_000_000_000
const seal = {
  baseOffset: 7,
  partitionLeaderEpoch: 1,
  producerId: 5,
  producerEpoch: 2,
  baseSequence: 9,
  attributes: 0,
}

function batchOf(records: BatchRecords, isPlain = false): string {
  const buffer = kernel.allocate(roomForBatch(records))
  assert.ok(buffer)
  try {
    const { sizeBytes } = encodeInPlace(kernel, { buffer, position: 0 }, records, seal, now, false, isPlain)
    return Buffer.from(buffer.bytes(0, sizeBytes)).toString('hex')
  } finally {
    buffer.free()
  }
}

test('byte for byte, with room enough reserved for any lengths', () => {
  const random = randomOf(11)
  const field = () => (random.below(6) === 0 ? null : Buffer.alloc(random.pick([0, 1, 63, 64, 300, 8192, 70_000]), 'x'))
  for (let round = 0; round < 60; round++) {
    const list = Array.from({ length: 1 + random.below(30) }, () => {
      return { key: field(), value: field(), timestamp: undefined, headers: undefined }
    })
    const fields = list.flatMap(({ key, value }) => [key, value])
    const packed = {
      payload: Buffer.concat(fields.map((each) => each ?? Buffer.alloc(0))),
      lengths: Int32Array.from(fields, (each) => each?.length ?? -1),
    }
    assert.is(batchOf(packed), batchOf(list))
    assert.is(batchOf(list, true), batchOf(list))
    const texts = list.map(({ key, value }) => ({ key: key?.toString(), value: value?.toString() ?? null }))
    assert.is(batchOf(texts, true), batchOf(list))
    const keyed = list.map((_, index) => hasKey(packed, index))
    assert.equal(
      keyed,
      list.map(({ key }) => key !== null),
    )
  }
})

test.run()
