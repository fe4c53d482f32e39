// What waits in a log of full size, and the room that is kept for it (decision 015): the simulation has sizes of its
// own.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../../bindings/entry/embedded/node-port.ts'
import { RESERVE_FILE } from '../../../bindings/log/journal/layout.ts'
import { WRITE_BUFFER_SIZES } from '../../../bindings/log/segment/write-buffers.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { emptyTails } from './empty-tails.ts'

const TOPIC = 't'
const KIB = 1024
const RING_FILE_BYTES = 512 * KIB
const RESERVED_BYTES = 288 * KIB
const SEGMENTS_MOST = 8
/** The head of a batch, and what stands in its only record before and after a value of these sizes. */
const overheadBytes = (batchBytes: number): number => 61 + (batchBytes > 8300 ? 11 : 7)

function hostOf(disk: VirtualDisk, partitions: number): SyncHost<VirtualDisk> {
  const sizes = { ringFileBytes: RING_FILE_BYTES, ringFiles: 2, writeBufferSizes: WRITE_BUFFER_SIZES }
  const host = new SyncHost(disk, { sizes })
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, partitions, {})
  return host
}

/** One batch of so many bytes from each of as many producers, to one partition after the other, at one moment. */
function sendAll(host: SyncHost<VirtualDisk>, partitions: number, batchBytes: readonly number[], freeBytes?: number) {
  const requests = batchBytes.map((sizeBytes, at) => {
    const place = { topic: TOPIC, partition: at % partitions, producerId: host.openProducer(), producerEpoch: 0 }
    const values = ['x'.repeat(sizeBytes - overheadBytes(sizeBytes))]
    return { ...place, baseSequence: 0, values, acks: 'all' } as const
  })
  host.settle()
  if (freeBytes !== undefined) host.storage.freeBytes = freeBytes
  return requests.map((request) => host.send(request))
}

/** Bytes of each write to a segment that such sends to one partition make. */
function writesOf(...batchBytes: readonly number[]): number[] {
  const disk = new VirtualDisk()
  const host = hostOf(disk, 1)
  sendAll(host, 1, [100])
  host.settle()
  const writes: number[] = []
  disk.watch = (_number, kind, path, range) => {
    if (kind === 'write' && path.startsWith(`${TOPIC}-`) && path.endsWith('.log')) writes.push(range?.lengthBytes ?? -1)
  }
  sendAll(host, 1, batchBytes)
  host.settle()
  host.discard()
  return writes
}

test('a batch of 16 KiB waits for those that follow, one of a byte more is written at once', () => {
  assert.equal(writesOf(16 * KIB, 100), [16 * KIB + 100])
  assert.equal(writesOf(16 * KIB + 1, 100), [16 * KIB + 1, 100])
})

test('32 KiB are written in one piece, and not a byte more', () => {
  assert.equal(writesOf(16 * KIB, 16 * KIB), [32 * KIB])
  assert.equal(writesOf(16 * KIB, 16 * KIB, 100), [32 * KIB, 100])
  assert.equal(writesOf(16 * KIB, 16 * KIB - 100, 101), [32 * KIB - 100, 101])
})

test('the reserve has 288 KiB for eight pieces and the blocks that each of them shares', async () => {
  assert.is(RESERVED_BYTES, SEGMENTS_MOST * (WRITE_BUFFER_SIZES.pieceBytes + 4 * KIB))
  const disk = new VirtualDisk()
  const log = await openLog(disk, nodePort, {})
  assert.is(disk.open(RESERVE_FILE, { create: false })?.size(), 2 * RING_FILE_BYTES + RESERVED_BYTES)
  await log.close()
})

test('on a full disk as much as may be buffered is written, acknowledged and read again', () => {
  const disk = new VirtualDisk()
  // One more than there may be segments with buffered batches.
  const partitions = SEGMENTS_MOST + 1
  const host = hostOf(disk, partitions)
  const all = (sizeBytes: number) => Array.from({ length: 2 * partitions }, () => sizeBytes)
  sendAll(host, partitions, all(100))
  host.settle()
  const sent = sendAll(host, partitions, all(16 * KIB), 0)
  host.settle()
  const taken = sent.filter(({ error }) => error === undefined)
  assert.is(taken.length, 2 * SEGMENTS_MOST, 'those of the segment that was one too many are refused')
  assert.ok((disk.open(RESERVE_FILE, { create: false })?.size() ?? 0) >= 2 * RING_FILE_BYTES, 'decisions keep theirs')
  host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 'still-decided', 1, {})
  emptyTails(host)
  for (let partition = 0; partition < SEGMENTS_MOST; partition++)
    assert.is(host.fetchAll(TOPIC, partition).length, 4, `partition ${partition}`)
})

test.run()
