import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BatchWalk } from '../../../bindings/log/segment/batch-walk.ts'
import { chainHeader, NO_BATCHES, UNCHECKED_BYTES } from '../../../bindings/log/segment/header-checksum.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { SealedBatch } from '../../../bindings/storage/partition-store.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { allocate, Random } from '../../kernel/support.ts'
import { join, newContext } from './support.ts'

interface Walked {
  readonly ends: readonly number[]
  readonly position: number
  readonly expectedOffset: number
  readonly fault: string | undefined
}

function walk(
  bytes: Uint8Array,
  options: { scratchBytes?: number; to?: number; expectedOffset?: number } = {},
): Walked {
  const disk = new VirtualDisk()
  const file = disk.open('a', { create: true })
  assert.ok(file)
  if (bytes.length > 0) file.write(bytes, 0)
  const whole = newContext(disk)
  const scratch = options.scratchBytes === undefined ? whole.scratch : allocate(whole.kernel, options.scratchBytes)
  const range = {
    from: 0,
    to: options.to ?? bytes.length,
    expectedOffset: options.expectedOffset ?? 0,
    isCleaned: false,
  }
  const walked = new BatchWalk({ ...whole, scratch }, file, range)
  const ends: number[] = []
  walked.run(({ position, nextOffset, header, buffer, bufferPosition }) => {
    const seen = buffer.bytes(bufferPosition, bufferPosition + header.sizeBytes)
    assert.equal(seen, bytes.subarray(position, position + header.sizeBytes), `bytes at ${position}`)
    ends.push(nextOffset)
  })
  if (scratch !== whole.scratch) scratch.free()
  const { position, expectedOffset, fault } = walked
  return { ends, position, expectedOffset, fault }
}

function batches(count: number, valueBytes: (index: number) => number = () => 20): SealedBatch[] {
  return Array.from({ length: count }, (_, index) =>
    sealedBatch({ baseOffset: index * 2, recordCount: 2, valueBytes: valueBytes(index) }),
  )
}

const walks = suite('walk')

walks('visits every batch, whatever the size of the window', () => {
  const random = new Random(3)
  const all = batches(60, () => random.next() % 400)
  const ends = all.map(({ nextOffset }) => nextOffset)
  const bytes = join(all)
  for (const scratchBytes of [61, 100, 333, 1000, 1 << 16]) {
    assert.equal(walk(bytes, { scratchBytes }), { ends, position: bytes.length, expectedOffset: 120, fault: undefined })
  }
})

walks('an empty file has no batches and no fault', () => {
  assert.equal(walk(new Uint8Array()), { ends: [], position: 0, expectedOffset: 0, fault: undefined })
})

walks('stops after the last whole batch of every truncation', () => {
  const all = batches(3)
  const bytes = join(all)
  const size = all[0]?.bytes.length ?? 0
  for (let cut = 0; cut < bytes.length; cut++) {
    const { position, fault } = walk(bytes.subarray(0, cut))
    assert.is(position, Math.floor(cut / size) * size, `cut at ${cut}`)
    const isZero = bytes.subarray(position, cut).every((byte) => byte === 0)
    assert.is(fault, cut % size === 0 ? undefined : isZero ? 'zero-filled' : 'incomplete', `cut at ${cut}`)
    assert.is(walk(bytes, { to: cut }).position, position, `a limit at ${cut}`)
  }
})

walks('stops before the batch with a flipped bit, or at its neighbour when the offset flipped', () => {
  const all = batches(4)
  const bytes = join(all)
  const size = all[0]?.bytes.length ?? 0
  for (let bit = 0; bit < size * 8; bit++) {
    const at = size + (bit >> 3)
    const leaderEpoch = bit >> 3 >= 12 && bit >> 3 < 16
    const flipped = bytes.slice()
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7))
    const { position, fault } = walk(flipped)
    if (leaderEpoch) continue
    assert.ok(fault !== undefined && position <= 2 * size, `bit ${bit}: ${fault} at ${position}`)
  }
})

walks('names the fault', () => {
  const [first, second] = batches(2)
  assert.ok(first && second)
  const with8 = (at: number, value: number) => {
    const bytes = second.bytes.slice()
    bytes[at] = value
    return walk(join([first, { ...second, bytes }])).fault
  }
  assert.is(with8(16, 1), 'bad-magic')
  assert.is(with8(second.bytes.length - 1, 99), 'bad-crc')
  assert.is(with8(7, 1), 'out-of-order')
  assert.is(with8(7, 3), 'out-of-order')
  assert.is(with8(8, 255), 'bad-length')
  assert.is(walk(first.bytes, { expectedOffset: 1 }).fault, 'out-of-order')
})

walks('a gap is allowed to a higher epoch only', () => {
  const first = sealedBatch({ baseOffset: 0, leaderEpoch: 4 })
  for (const [leaderEpoch, fault] of [
    [5, undefined],
    [4, 'out-of-order'],
    [3, 'out-of-order'],
  ] as const) {
    assert.is(walk(join([first, sealedBatch({ baseOffset: 9, leaderEpoch })])).fault, fault, `epoch ${leaderEpoch}`)
  }
})

walks('a tail of zeros is told from damage', () => {
  const bytes = join(batches(3))
  const zeros = new Uint8Array(bytes.length + 1000)
  zeros.set(bytes)
  assert.is(walk(zeros).fault, 'zero-filled')
  assert.is(walk(zeros).position, bytes.length)
  for (const at of [0, 8, 61, 999]) {
    const dirty = zeros.slice()
    dirty[bytes.length + at] = 1
    assert.is.not(walk(dirty).fault, 'zero-filled', `a byte at ${at}`)
  }
})

walks('a length beyond the limit of a batch asks for no memory', () => {
  const bytes = new Uint8Array(3 << 20)
  bytes.set(sealedBatch({ baseOffset: 0 }).bytes)
  new DataView(bytes.buffer).setInt32(8, 2 << 20)
  const { fault, position } = walk(bytes)
  assert.is(fault, 'bad-length')
  assert.is(position, 0)
})

walks.run()

const checksum = suite('checksum of what no CRC covers')

checksum('every flip of those bytes of any batch changes it, no flip of the others does', () => {
  const { kernel } = newContext(new VirtualDisk())
  const all = batches(5)
  const chained = (list: readonly Uint8Array[]) =>
    list.reduce((sum, bytes) => chainHeader(kernel, sum, bytes), NO_BATCHES)
  const whole = chained(all.map(({ bytes }) => bytes))
  for (const [index, { bytes }] of all.entries()) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const changed = chained(all.map((each, at) => (at === index ? flipped : each.bytes)))
      assert.is(changed !== whole, bit < UNCHECKED_BYTES * 8, `bit ${bit} of batch ${index}`)
    }
  }
})

checksum('order and number of batches count', () => {
  const { kernel } = newContext(new VirtualDisk())
  const [first, second] = batches(2)
  assert.ok(first && second)
  const one = chainHeader(kernel, NO_BATCHES, first.bytes)
  const two = chainHeader(kernel, one, second.bytes)
  const other = chainHeader(kernel, chainHeader(kernel, NO_BATCHES, second.bytes), first.bytes)
  assert.is(new Set([NO_BATCHES, one, two, other]).size, 4)
})

checksum.run()
