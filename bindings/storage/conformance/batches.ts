import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'
import type { SealedBatch } from '../partition-store.ts'

const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** Version and kind; version and coordinator epoch. Source: apache/kafka EndTransactionMarker. */
const ABORT_KEY = [0, 0, 0, 0]
const ABORT_VALUE = [0, 0, 0, 0, 0, 0]

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
  return sealed(wish, dataOf(wish), 0)
}

/** Of an open transaction of its producer. */
export function transactionalBatch(wish: BatchWish): SealedBatch {
  return sealed(wish, dataOf(wish), TRANSACTIONAL)
}

/** The marker that aborts the producer's transaction. */
export function abortMarker(wish: BatchWish): SealedBatch {
  return sealed(wish, recordOf(0, ABORT_KEY, ABORT_VALUE), TRANSACTIONAL | CONTROL)
}

function dataOf({ baseOffset, recordCount = 1, valueBytes = 10 }: BatchWish): readonly number[] {
  const contentOf = (index: number) => Array.from({ length: valueBytes }, (_, at) => (baseOffset + index + at) & 255)
  return Array.from({ length: recordCount }, (_, index) => recordOf(index, undefined, contentOf(index))).flat()
}

function sealed(wish: BatchWish, records: readonly number[], attributes: number): SealedBatch {
  const { baseOffset, recordCount = 1, timestamp = 1000 } = wish
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + records.length)
  const view = new DataView(bytes.buffer)
  view.setBigInt64(0, BigInt(baseOffset))
  view.setInt32(BATCH_LENGTH_AT, bytes.length - LOG_OVERHEAD_BYTES)
  view.setInt32(12, wish.leaderEpoch ?? 0)
  view.setInt8(16, 2)
  view.setInt16(21, attributes)
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

/** Without headers, all of one timestamp; the value tells offset from offset. */
function recordOf(index: number, key: readonly number[] | undefined, value: readonly number[]): readonly number[] {
  const keyed = key === undefined ? varint(-1) : [...varint(key.length), ...key]
  const body = [0, ...varint(0), ...varint(index), ...keyed, ...varint(value.length), ...value, ...varint(0)]
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
