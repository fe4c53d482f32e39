// What the kernel promises, in the order in which a log uses it. Each promise is proved at length in the files beside.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SEQUENCE_ACCEPTED, SEQUENCE_BELOW_WINDOW, SEQUENCE_OUT_OF_ORDER } from '../../bindings/kernel/kernel.ts'
import { failAllocation } from '../../bindings/kernel/kernel-seams.ts'
import { allocate, newKernel } from './support.ts'

const kernel = newKernel()
const { batchBuilder, batchReader } = kernel
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes))

/** Three records, as a partition's tail window holds them. */
function written(baseOffset: number): { buffer: ReturnType<typeof allocate>; size: number } {
  const buffer = allocate(kernel, 65536)
  batchBuilder.begin(buffer, 100)
  batchBuilder.append('ZRH', 'delayed', 1700000000000, [['source', 'radar']])
  batchBuilder.append('ZRH', null, 1700000000007, undefined)
  batchBuilder.append(null, new TextEncoder().encode('Zürich'), 1699999999999, undefined)
  const size = batchBuilder.seal({
    baseOffset,
    partitionLeaderEpoch: 3,
    producerId: 12,
    producerEpoch: 0,
    baseSequence: 40,
    attributes: 0,
  })
  return { buffer, size }
}

test('a batch is built in place and reads back as it was written', () => {
  const { buffer, size } = written(500)
  const batch = batchReader.decode(buffer, 100, size)
  if (typeof batch === 'string') return assert.unreachable(batch)
  assert.equal([batch.recordCount, batch.baseOffset, batch.nextOffset], [3, 500, 503])
  assert.equal(
    [0, 1, 2].map((index) => text(batch.keyOf(index))),
    ['ZRH', 'ZRH', null],
  )
  assert.equal(
    [0, 1, 2].map((index) => text(batch.valueOf(index))),
    ['delayed', null, 'Zürich'],
  )
  assert.equal(
    [0, 1, 2].map((index) => batch.offsetOf(index)),
    [500, 501, 502],
  )
  assert.equal(
    [0, 1, 2].map((index) => batch.timestampOf(index)),
    [1700000000000, 1700000000007, 1699999999999],
  )
  assert.equal(
    batch.headersOf(0).map(([name, value]) => [name, text(value)]),
    [['source', 'radar']],
  )
  assert.is(batch.header.maxTimestamp, 1700000000007)
  buffer.free()
})

test('one flipped bit anywhere in a batch is found, but for the bytes that a broker writes anew', () => {
  const { buffer, size } = written(500)
  for (let bit = 0; bit < size * 8; bit++) {
    const at = 100 + (bit >> 3)
    const bytes = buffer.bytes(at, at + 1)
    bytes[0] = (bytes[0] as number) ^ (1 << (bit & 7))
    const fault = batchReader.fault(buffer, 100, size)
    const isOutsideCrc = bit >> 3 < 8 || (bit >> 3 >= 12 && bit >> 3 < 16)
    if (isOutsideCrc) assert.ok(fault === undefined || fault === 'int64-range', `bit ${bit}: ${fault}`)
    else assert.ok(fault !== undefined, `bit ${bit}`)
    bytes[0] = (bytes[0] as number) ^ (1 << (bit & 7))
  }
  assert.is(batchReader.fault(buffer, 100, size), undefined)
  buffer.free()
})

test('a scan stops before the first byte that is not a whole batch in sequence', () => {
  const { buffer, size } = written(500)
  kernel.copy(buffer, 100, buffer, 100 + size, size)
  assert.is(batchReader.intactBytes(buffer, 100, 2 * size + 30, 500), size, 'offset 500 can not come twice')
  const next = written(503)
  kernel.copy(next.buffer, 100, buffer, 100 + size, size)
  assert.is(batchReader.intactBytes(buffer, 100, 2 * size + 30, 500), 2 * size)
  buffer.free()
  next.buffer.free()
})

test('a position is found by offset, an offset by time', () => {
  const offsets = kernel.offsetIndex(1000)
  const times = kernel.timeIndex(1000)
  for (let batch = 1; batch <= 10; batch++) {
    offsets.append(1000 + batch * 100, batch * 4096)
    times.append(50 + batch, 1000 + batch * 100)
  }
  assert.equal(
    [1099, 1100, 1199, 1200, 5000].map((offset) => offsets.lookup(offset)),
    [0, 4096, 4096, 8192, 40960],
  )
  assert.equal(
    [50, 51, 55, 99].map((timestamp) => times.lookup(timestamp)),
    [1000, 1100, 1500, 2000],
  )
  offsets.free()
  times.free()
})

test('a retry is known by its sequence, a gap too, and what lies too far back', () => {
  const table = kernel.producerTable()
  for (let batch = 0; batch < 6; batch++) table.push(12, 0, batch * 3, 3, 500 + batch * 3, 1)
  assert.is(table.check(12, 0, 18, 3), SEQUENCE_ACCEPTED)
  assert.is(table.check(12, 0, 15, 3), 515)
  assert.is(table.check(12, 0, 3, 3), 503)
  assert.is(table.check(12, 0, 0, 3), SEQUENCE_BELOW_WINDOW)
  assert.is(table.check(12, 0, 19, 3), SEQUENCE_OUT_OF_ORDER)
  assert.is(table.check(12, 0, 16, 3), SEQUENCE_OUT_OF_ORDER)
  table.free()
})

test('memory stays under its cap, and a refusal changes nothing', () => {
  const small = newKernel(2 << 20)
  const table = small.producerTable()
  const index = small.offsetIndex(0)
  failAllocation(small, 1)
  assert.not.ok(table.reserve())
  failAllocation(small, 1)
  assert.not.ok(index.append(5, 5))
  assert.equal([small.memory.usedBytes, index.entryCount], [0, 0])
  assert.is(small.allocate(2 << 20), undefined)
  assert.ok(small.memory.reservedBytes <= 2 << 20)
})

test.run()
