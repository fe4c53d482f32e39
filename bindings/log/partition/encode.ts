import type { BatchBuilder, BatchSeal, Kernel } from '../../kernel/kernel.ts'
import { type BatchRecords, isCompressed, isPacked, recordCountOf } from '../../model/batch-records.ts'
import { LogError } from '../../model/errors.ts'
import type { EncodedRecord, RecordBytes } from '../../model/records.ts'

/** Header of a batch, and the most that a record's own fields take besides key, value and headers (kafka.md 1.2). */
export const BATCH_HEADER_BYTES = 61
const RECORD_OVERHEAD_BYTES = 21
const HEADER_OVERHEAD_BYTES = 10

/** UTF-8 needs at most three bytes for each UTF-16 unit. */
function mostBytes(value: RecordBytes): number {
  if (value === null) return 0
  return typeof value === 'string' ? value.length * 3 : value.length
}

/** Room that is surely enough for the batch of `records`. */
export function mostBatchBytes(records: BatchRecords): number {
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

/** Appends all records to the batch that was begun in `kernel.batchBuilder`; records without a time get `now`, or all. */
export function encodeRecords(
  kernel: Kernel,
  records: BatchRecords,
  now: number,
  isLogAppendTime: boolean = false,
): void {
  const builder = kernel.batchBuilder
  if (isPacked(records)) {
    assertFits(builder, builder.appendPacked(records.payload, records.lengths, now))
    return
  }
  if (isCompressed(records)) {
    builder.putCompressed(records, isLogAppendTime ? now : records.maxTimestamp)
    return
  }
  for (const { key, value, timestamp, headers } of records) {
    assertFits(builder, builder.append(key, value, isLogAppendTime ? now : (timestamp ?? now), headers))
  }
}

function assertFits(builder: BatchBuilder, isWritten: boolean): void {
  if (isWritten) return
  builder.abandon()
  throw new LogError('MESSAGE_TOO_LARGE', 'a record does not fit in the room that was reserved for it', {})
}

/** A batch on its own, outside any window: for decisions, which reach their partition only once they are durable. */
export function encodeBatch(
  kernel: Kernel,
  records: readonly EncodedRecord[],
  seal: BatchSeal,
  now: number,
): Uint8Array {
  const sizeBytes = mostBatchBytes(records)
  const buffer = kernel.allocate(sizeBytes)
  if (buffer === undefined) {
    throw new LogError('MEMORY_CAP_REACHED', `a batch of ${sizeBytes} bytes needs kernel memory`, { sizeBytes })
  }
  try {
    kernel.batchBuilder.begin(buffer, 0)
    encodeRecords(kernel, records, now)
    const size = kernel.batchBuilder.seal(seal)
    return buffer.bytes(0, size).slice()
  } finally {
    buffer.free()
  }
}
