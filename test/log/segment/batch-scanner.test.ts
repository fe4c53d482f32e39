import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { KernelBuffer } from '../../../bindings/kernel/kernel.ts'
import { BatchScanner } from '../../../bindings/log/segment/batch-scanner.ts'
import { SCRATCH_BYTES, type SegmentContext } from '../../../bindings/log/segment/segment-context.ts'
import type { SegmentIndexes } from '../../../bindings/log/segment/segment-indexes.ts'
import { SegmentReads } from '../../../bindings/log/segment/segment-reads.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { BATCH_BYTES_MAX } from '../../../bindings/model/limits.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { StoreFile } from '../../../bindings/storage/file-store.ts'
import { newKernel } from '../../kernel/support.ts'

const MEMORY_BYTES = 256 * 1024 * 1024
/** As `segment.bytes` has it by default. */
const SEGMENT_BYTES = 1024 * 1024 * 1024

/** A large segment: these bytes, then nothing but zeros. */
function segmentOf(bytes: Uint8Array): StoreFile {
  return {
    path: 'orders-0/00000000000000000000.log',
    size: () => SEGMENT_BYTES,
    read(into, position) {
      into.fill(0)
      into.set(bytes.subarray(position, position + into.length))
      return into.length
    },
    write: () => 0,
    truncate() {},
    flush() {},
    close() {},
  }
}

test('a length that no batch can have is damage, however much follows: verify and salvage ended for want of memory', () => {
  const scanner = new BatchScanner(newKernel(MEMORY_BYTES))
  const bytes = sealedBatch({ baseOffset: 0 }).bytes.slice()
  const sized = (sizeBytes: number) => {
    new DataView(bytes.buffer).setInt32(8, sizeBytes - 12)
    return scanner.inFile(segmentOf(bytes), 0, SEGMENT_BYTES)
  }
  assert.is(sized(MEMORY_BYTES + 1), 'bad-length')
  assert.is(sized(BATCH_BYTES_MAX + 1), 'bad-length')
  assert.is(sized(1 << 20), 'bad-crc')
  scanner.close()
})

test('a batch that memory has no room for is told so, and the scanner goes on: an open said that a buffer was freed twice', () => {
  const scanner = new BatchScanner(newKernel(4 << 20))
  const large = sealedBatch({ baseOffset: 0 }).bytes.slice()
  new DataView(large.buffer).setInt32(8, 64 << 20)
  assert.throws(
    () => scanner.inFile(segmentOf(large), 0, SEGMENT_BYTES),
    (error: unknown) => LogError.is(error, 'MEMORY_CAP_REACHED') && error.details['sizeBytes'] === (64 << 20) + 12,
  )
  const { bytes } = sealedBatch({ baseOffset: 7 })
  const found = scanner.inFile(segmentOf(bytes), 0, bytes.length)
  assert.ok(typeof found === 'object' && found.header.baseOffset === 7)
  scanner.close()
})

test('so is it for a read: it asked for memory to hold the batch, and its reader waited for that', () => {
  const kernel = newKernel(4 << 20)
  const scratch = kernel.allocate(SCRATCH_BYTES) as KernelBuffer
  const segment = { logPath: 'orders-0/00000000000000000000.log', baseOffset: 0, nextOffset: 9, isCleaned: false }
  const indexes = { lookup: () => 0 }
  const { bytes } = sealedBatch({ baseOffset: 0 })
  const read = (batchBytes: number) => {
    new DataView(bytes.buffer).setInt32(8, batchBytes - 12)
    const sized = { ...segment, sizeBytes: SEGMENT_BYTES }
    const reads = new SegmentReads({ scratch } as SegmentContext, sized, indexes as unknown as SegmentIndexes)
    const position = reads.positionOf(segmentOf(bytes), 0)
    return reads.whole(segmentOf(bytes), position, new Uint8Array(65_536), 0)
  }
  assert.is(read(BATCH_BYTES_MAX), -BATCH_BYTES_MAX)
  assert.is(read(BATCH_BYTES_MAX + 1), 65_536, 'the bytes, for the check of the reader')
})

test('of bytes in memory it takes the batch alone: each batch of a frame had all that follow copied with it', () => {
  const scanner = new BatchScanner(newKernel(4 * 1024 * 1024))
  const { bytes } = sealedBatch({ baseOffset: 0 })
  const all = new Uint8Array(16 * 1024 * 1024)
  all.set(bytes, 3)
  const found = scanner.inBytes(all, 3)
  assert.ok(typeof found !== 'string', `${found}`)
  assert.equal(found.bytes.slice(), bytes.slice())
  assert.is(scanner.inBytes(bytes.subarray(0, 60), 0), 'incomplete')
  assert.is(scanner.inBytes(bytes.subarray(0, -1), 0), 'incomplete')
  scanner.close()
})

test.run()
