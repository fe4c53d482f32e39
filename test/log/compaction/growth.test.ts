// A delete horizon makes each record of its batch longer, as timestamps are counted from it then. A segment near
// Kafka's greatest, 2^31 - 1 bytes, has no room for that. Once, a pass wrote on to where no index entry can point: the
// log ended, and so did each one that was opened after it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { DECOMPRESSED_BYTES_MAX } from '../../../bindings/model/compression.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { BATCH_BYTES_MAX } from '../../../bindings/model/limits.ts'
import { MemoryRowStore } from '../../../bindings/storage/drivers/memory-rows.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'
import { CompactedLog, ID, judge, judgeHeaders } from './harness.ts'

const FILES = { ringFileBytes: 16384, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 4, openFilesMax: 6 }
const RETENTION_MS = 1e9
/** In place of 2^31 - 1: about as much as the segments have. */
const SEGMENT_BYTES_MAX = 2000

function logOf(segmentBytes: number): CompactedLog {
  const kernel = newKernel(64 << 20, nodeCodecs)
  const options = { segmentBytes, deleteRetentionMs: RETENTION_MS, mapBytes: 1 << 20 }
  return new CompactedLog(
    kernel,
    (source) => new FilePartitionStore(new VirtualDisk(), kernel, source, { ...FILES, random: () => 0.5 }),
    { ...options, segmentBytesMax: SEGMENT_BYTES_MAX },
  )
}

/** Ends the active segment, and goes on until a checkpoint covers it, so that a pass has something new. */
function goOn(log: CompactedLog): void {
  const isCovered = (): boolean => (log.store.compactable(ID).segments.at(-1)?.baseOffset ?? 0) >= from
  const from = log.nextOffset
  for (let tries = 0; !isCovered(); tries++) {
    assert.ok(tries < 50, 'a checkpoint comes')
    log.append(-1, false, [[`go on ${tries % 2}`, 'x'.repeat(1500)]])
    log.commit()
  }
}

const tombstones = (log: CompactedLog): number => log.visible().filter(({ value }) => value === null).length

test('a segment without room for it grows no further, and its tombstones go pass by pass', () => {
  const log = logOf(SEGMENT_BYTES_MAX)
  for (let index = 0; log.store.ranges(ID).length < 2; index++) log.append(-1, false, [[`k${index}`, null]])
  goOn(log)
  for (let round = 1; tombstones(log) > 0; round++) {
    assert.ok(round < 9, `${tombstones(log)} tombstones stay`)
    const before = tombstones(log)
    assert.ok(log.compact())
    judge(log)
    judgeHeaders(log)
    for (const { sizeBytes } of log.store.ranges(ID)) assert.ok(sizeBytes <= SEGMENT_BYTES_MAX, `${sizeBytes} bytes`)
    assert.ok(round === 1 || tombstones(log) < before, 'some of them go')
    log.now += RETENTION_MS
    goOn(log)
  }
})

test('what would pass the greatest size all the same ends the pass, and nothing is changed', () => {
  const log = logOf(3 * SEGMENT_BYTES_MAX)
  log.append(
    -1,
    false,
    [
      ['k', 'v'.repeat(2500)],
      ['l', 'v'],
      ['m', null],
    ],
    'gzip',
  )
  for (let index = 0; index < 30; index++)
    log.append(-1, false, [
      ['k', 'v'],
      ['other', `${index}`],
    ])
  goOn(log)
  const before = log.store.ranges(ID)
  assert.ok((before[0]?.sizeBytes ?? 0) > SEGMENT_BYTES_MAX)
  assert.throws(
    () => log.compact(),
    (error: unknown) => LogError.is(error, 'RECORD_LIST_TOO_LARGE') && /t-0 can't be compacted/.test(error.message),
  )
  assert.equal(log.store.ranges(ID), before)
})

test('a batch as large as one may be gets no horizon, with which no open would take it for one', () => {
  const log = new CompactedLog(newKernel(512 << 20), () => new MemoryRowStore(), {
    ...{ segmentBytes: 1e6, deleteRetentionMs: RETENTION_MS, mapBytes: 1 << 20 },
  })
  log.append(-1, false, [['k'.repeat(BATCH_BYTES_MAX - 61 - 15), null]])
  log.append(-1, false, [['behind', 'x']])
  log.commit()
  const sizeOf = () => log.store.ranges(ID)[0]?.sizeBytes ?? 0
  const before = sizeOf()
  assert.ok(before <= BATCH_BYTES_MAX && before > BATCH_BYTES_MAX - 4, `${before} bytes`)
  assert.ok(log.compact())
  assert.ok(sizeOf() <= BATCH_BYTES_MAX, `${sizeOf()} bytes`)
})

test('records that would come to more than readers decompress are kept plain', () => {
  const kernel = newKernel(256 << 20, nodeCodecs)
  const options = { segmentBytes: 1e6, deleteRetentionMs: RETENTION_MS, mapBytes: 1 << 20 }
  const log = new CompactedLog(kernel, () => new MemoryRowStore(), options)
  // All of a record but its key: length and key's length have four bytes each, the five other fields one.
  const key = 'k'.repeat(DECOMPRESSED_BYTES_MAX - 13)
  log.append(-1, false, [[key, null]], 'gzip')
  log.append(-1, false, [['behind', 'x']])
  log.commit()
  const into = new Uint8Array(64 << 20)
  const batch = () => {
    runNow(log.store.prepareRead(ID, 0))
    const sizeBytes = log.store.read(ID, 0, into) ?? 0
    const buffer = kernel.allocate(sizeBytes)
    assert.ok(buffer)
    buffer.bytes(0, sizeBytes).set(into.subarray(0, sizeBytes))
    const decoded = kernel.batchReader.decode(buffer, 0, sizeBytes)
    buffer.free()
    if (typeof decoded === 'string') return assert.unreachable(decoded) as never
    return decoded
  }
  const before = batch()
  assert.is(before.plainBytes, 61 + DECOMPRESSED_BYTES_MAX, 'all that readers decompress')
  assert.ok(log.compact())
  const after = batch()
  assert.ok(after.plainBytes > before.plainBytes)
  assert.is(after.keyOf(0)?.length, key.length)
  assert.is(after.timestampOf(0), before.timestampOf(0))
})

test.run()
