import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'
import type { SealedBatch } from '../partition-store.ts'

/** What a case wants in a batch; everything else is filled in. */
export interface BatchWish {
  /** Offset of the first record. */
  readonly baseOffset: number
  /** 1 by default. */
  readonly recordCount?: number | undefined
  /** Of all its records, in milliseconds since 1970; 1000 by default. */
  readonly timestamp?: number | undefined
  /** -1 by default, which is no producer. */
  readonly producerId?: number | undefined
  /** -1 by default. */
  readonly producerEpoch?: number | undefined
  /** Sequence of the first record; -1 by default. */
  readonly baseSequence?: number | undefined
  /** 0 by default. */
  readonly leaderEpoch?: number | undefined
  /** Bytes of each record's value; 10 by default. */
  readonly valueBytes?: number | undefined
}

/**
 * Whole record batches with a right CRC, written plainly: the suite needs them without the kernel. Source: apache/kafka
 * DefaultRecordBatch.
 */
export function sealedBatch(wish: BatchWish): SealedBatch {
  const { baseOffset, recordCount = 1, timestamp = 1000, valueBytes = 10 } = wish
  const records = Array.from({ length: recordCount }, (_, index) => recordOf(index, baseOffset, valueBytes)).flat()
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + records.length)
  const view = new DataView(bytes.buffer)
  view.setBigInt64(0, BigInt(baseOffset))
  view.setInt32(BATCH_LENGTH_AT, bytes.length - LOG_OVERHEAD_BYTES)
  view.setInt32(12, wish.leaderEpoch ?? 0)
  view.setInt8(16, 2)
  view.setInt32(23, recordCount - 1)
  view.setBigInt64(27, BigInt(timestamp))
  view.setBigInt64(35, BigInt(timestamp))
  view.setBigInt64(43, BigInt(wish.producerId ?? -1))
  view.setInt16(51, wish.producerEpoch ?? -1)
  view.setInt32(53, wish.baseSequence ?? -1)
  view.setInt32(57, recordCount)
  bytes.set(records, BATCH_HEADER_BYTES)
  view.setUint32(17, crc32c(bytes.subarray(21)))
  return { bytes, baseOffset, nextOffset: baseOffset + recordCount, maxTimestamp: timestamp }
}

/** Without key and headers, all of one timestamp; the value tells offset from offset. */
function recordOf(index: number, baseOffset: number, valueBytes: number): readonly number[] {
  const value = Array.from({ length: valueBytes }, (_, at) => (baseOffset + index + at) & 255)
  const body = [0, ...varint(0), ...varint(index), ...varint(-1), ...varint(valueBytes), ...value, ...varint(0)]
  return [...varint(body.length), ...body]
}

function varint(value: number): readonly number[] {
  const bytes: number[] = []
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  bytes.push(rest)
  return bytes
}

function crc32c(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}
