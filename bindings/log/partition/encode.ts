import type { BatchSeal, Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import { SharedBlocks } from '../../model/batch-memory.ts'
import { type BatchRecords, isCompressed, isPacked, recordCountOf } from '../../model/batch-records.ts'
import { changedBytes, LogError } from '../../model/errors.ts'
import type { EncodedRecord, RecordBytes } from '../../model/records.ts'

/** The most that a record's own fields take besides key, value and headers (kafka.md 1.2). */
const RECORD_OVERHEAD_BYTES = 21
const HEADER_OVERHEAD_BYTES = 10

/** UTF-8 needs at most three bytes for each UTF-16 unit. */
function mostBytes(value: RecordBytes | undefined): number {
  if (value === null || value === undefined) return 0
  return typeof value === 'string' ? value.length * 3 : value.length
}

/** Room that is sure to be enough for the batch of `records`. */
export function roomForBatch(records: BatchRecords): number {
  if (isPacked(records)) {
    return BATCH_HEADER_BYTES + recordCountOf(records) * RECORD_OVERHEAD_BYTES + records.payload.length
  }
  if (isCompressed(records)) return BATCH_HEADER_BYTES + records.bytes.length
  let total = BATCH_HEADER_BYTES
  for (const { key, value, headers } of records) {
    total += RECORD_OVERHEAD_BYTES + mostBytes(key) + mostBytes(value)
    if (headers === undefined) continue
    for (const [name, headerValue] of headers) total += HEADER_OVERHEAD_BYTES + name.length * 3 + mostBytes(headerValue)
  }
  return total
}

const decisions = new SharedBlocks()

export interface BatchPlace {
  readonly buffer: KernelBuffer
  readonly position: number
}

export interface EncodedBatch {
  readonly sizeBytes: number
  readonly recordCount: number
  readonly maxTimestamp: number
}

/**
 * Encodes and seals a batch. Records without a timestamp get `now`; with `isLogAppendTime` all do. The kernel has one
 * open batch: whatever fails here must not leave it open, or every later append would be refused.
 */
export function encodeInPlace(
  kernel: Kernel,
  { buffer, position }: BatchPlace,
  records: BatchRecords,
  seal: BatchSeal,
  now: number,
  isLogAppendTime: boolean = false,
  isPlain: boolean = false,
): EncodedBatch {
  const builder = kernel.batchBuilder
  builder.begin(buffer, position)
  try {
    if (isPlain) assertFits(builder.appendPlain(records as readonly EncodedRecord[], now))
    else addRecords(kernel, records, now, isLogAppendTime)
    const { recordCount, maxTimestamp } = builder
    return { sizeBytes: builder.seal(seal), recordCount, maxTimestamp }
  } catch (error) {
    builder.abandon()
    throw changedBytes(error)
  }
}

function addRecords({ batchBuilder }: Kernel, records: BatchRecords, now: number, isLogAppendTime: boolean): void {
  if (isPacked(records)) {
    assertFits(batchBuilder.appendPacked(records.payload, records.lengths, now))
    return
  }
  if (isCompressed(records)) {
    batchBuilder.putCompressed(records, isLogAppendTime ? now : records.maxTimestamp)
    return
  }
  let index = 0
  try {
    for (const { key, value, timestamp, headers } of records) {
      assertFits(batchBuilder.append(key ?? null, value, isLogAppendTime ? now : (timestamp ?? now), headers))
      index++
    }
  } catch (error) {
    throw changedBytes(error, index)
  }
}

function assertFits(isWritten: boolean): void {
  if (isWritten) return
  throw new LogError('MESSAGE_TOO_LARGE', 'a record does not fit in the room that was reserved for it', {})
}

/**
 * A batch that is encoded outside any window: for decisions, which reach their partition only once they are durable.
 * One that fits into `setAside` asks for no memory.
 */
export function encodeBatch(
  kernel: Kernel,
  records: readonly EncodedRecord[],
  seal: BatchSeal,
  now: number,
  setAside?: KernelBuffer,
): Uint8Array {
  const sizeBytes = roomForBatch(records)
  if (setAside !== undefined && sizeBytes <= setAside.sizeBytes) return encodeIn(setAside, kernel, records, seal, now)
  const buffer = kernel.allocate(sizeBytes)
  if (buffer === undefined) {
    throw new LogError('MEMORY_CAP_REACHED', `a batch of ${sizeBytes} bytes needs kernel memory`, { sizeBytes })
  }
  try {
    return encodeIn(buffer, kernel, records, seal, now)
  } finally {
    buffer.free()
  }
}

function encodeIn(
  buffer: KernelBuffer,
  kernel: Kernel,
  records: readonly EncodedRecord[],
  seal: BatchSeal,
  now: number,
): Uint8Array {
  const { sizeBytes } = encodeInPlace(kernel, { buffer, position: 0 }, records, seal, now)
  const bytes = decisions.take(sizeBytes)
  bytes.set(buffer.bytes(0, sizeBytes))
  return bytes
}
