// Data between a quarter and three quarters of a ring file: in the frame where the ring has ample room, else synced in
// its segment (decision 032).
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { RING_FILE_BYTES, SIMULATED_SIZES, SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'
import { SHOWN, Writer } from './plain-writer.ts'

/** Flushes of the segment and of the ring until a batch of so many bytes is acknowledged. */
function flushesOfSend(ringFiles: number, valueBytes: number): { segment: number; ring: number } {
  const disk = new VirtualDisk()
  const host = new SyncHost(disk, { sizes: { ...SIMULATED_SIZES, ringFiles } })
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const batch = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0 }
  const flushes = { segment: 0, ring: 0 }
  disk.watch = (_number, kind, path) => {
    if (kind !== 'flush') return
    if (path.endsWith('.log')) flushes.segment++
    if (path.endsWith('.ring')) flushes.ring++
  }
  const sent = host.send({ ...batch, baseSequence: 0, values: ['x'.repeat(valueBytes)], acks: 'all' })
  while (!sent.answered) assert.ok(host.advance())
  return flushes
}

test('a batch of half a file is in its frame, with one flush, where the ring has ample room', () => {
  assert.equal(flushesOfSend(4, RING_FILE_BYTES / 2), { segment: 0, ring: 1 })
})

test('it is synced in its segment where few files are left for the frames after it', () => {
  assert.equal(flushesOfSend(2, RING_FILE_BYTES / 2), { segment: 1, ring: 1 })
})

test('no frame holds more than three quarters of a file', () => {
  assert.equal(flushesOfSend(4, (RING_FILE_BYTES * 3) / 4), { segment: 1, ring: 1 })
})

test('a segment that holds what its frame only names outlives a power loss, with its name, be it the first or a later one', () => {
  const host = new SyncHost(new VirtualDisk(), { sizes: { ...SIMULATED_SIZES, ringFiles: 2 } })
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, { 'segment.bytes': RING_FILE_BYTES })
  const batch = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, acks: 'all' } as const
  const values = ['a', 'b', 'c'].map((value) => value.repeat((RING_FILE_BYTES * 3) / 4))
  for (const [baseSequence, value] of values.entries()) {
    const sent = host.send({ ...batch, baseSequence, values: [value] })
    while (!sent.answered) assert.ok(host.advance())
    const later = new SyncHost(host.storage.image(new Random(1), 'none'))
    assert.equal(later.open().damage, [])
    const found = later.fetchAll('t', 0).map((record) => record.value[0])
    assert.equal(found, ['a', 'b', 'c'].slice(0, baseSequence + 1))
  }
})

// Of 1000 bytes each. Nothing of them is in memory but what waits to be written: the frame gets them from their segment.
for (const [what, batches, segmentBytes] of [
  ['too many for a frame, are written to their segment before it is synced', 20, 1 << 20],
  ['and have left the memory of reads, are written to their segment before a frame copies them', 2, 1 << 20],
  ['and whose segment is full, are written there before another one begins', 3, 2500],
] as const) {
  test(`small batches that wait, ${what}`, () => {
    const writer = new Writer(new VirtualDisk(), segmentBytes)
    writer.begin(SHOWN)
    for (let baseOffset = 0; baseOffset < batches; baseOffset++) {
      const batch = sealedBatch({ baseOffset, valueBytes: 900 })
      while (!writer.store.append(SHOWN, batch, true)) runNow(writer.store.activate(SHOWN))
    }
    assert.ok(writer.store.hasUnwritten(SHOWN))
    writer.commit(SHOWN)
    const { partitions, report } = new Writer(writer.disk.image(new Random(1), 'none')).open()
    assert.equal(report.damage, [])
    assert.is(partitions.find(({ id }) => id.topic === SHOWN.topic)?.nextOffset, batches)
  })
}

test.run()
