/**
 * RecordBatch v2, written in place: begin, a reserve for each record, seal. One batch is open at a time.
 *
 * Record: length varint, attributes 0, timestampDelta varlong, offsetDelta varint, key length varint, key, value length
 * varint, value, header count varint, headers. Varints are zigzag, least significant group of seven bits first.
 * Source: apache/kafka DefaultRecord, DefaultRecordBatch (4.0).
 */
import { store16, store32, store64 } from './bytes'
import { crc32c } from './crc32c'
import { KEY_STAGING, VALUE_STAGING } from './layout'
import { varintSize, writeShort, writeVarint, zigzag32 } from './varints'

const HEADER: usize = 61
const STAGED_KEY: u32 = 1
const STAGED_VALUE: u32 = 2

/** The open batch. Without one there is no room: `batchLimit` is 0, so that every record is refused. */
let batchStart: usize = 0
let batchEnd: usize = 0
let batchLimit: usize = 0
let recordCount: u32 = 0
let baseTimestamp: i64 = 0
let maxTimestamp: i64 = 0

/**
 * The timestamp seen last, as a number and as a zigzagged delta: records sent together mostly share one. NaN equals
 * none.
 */
let seenTimestamp: f64 = NaN
let seenTime: i64 = 0
let seenDelta: u64 = 0

/** What `batch_restore` goes back to. */
let markedEnd: usize = 0
let markedCount: u32 = 0
let markedTimestamp: i64 = 0

export function batch_begin(address: usize, limit: usize): void {
  batchStart = address
  batchEnd = address + HEADER
  batchLimit = limit
  recordCount = 0
  maxTimestamp = i64.MIN_VALUE
  seenTimestamp = NaN
}

export function batch_close(): void {
  batch_begin(0, 0)
  batchEnd = 0
}

export function batch_record_count(): u32 {
  return recordCount
}

export function batch_size(): u32 {
  return <u32>(batchEnd - batchStart)
}

export function batch_max_timestamp(): f64 {
  return recordCount === 0 ? -1 : <f64>maxTimestamp
}

export function batch_mark(): void {
  markedEnd = batchEnd
  markedCount = recordCount
  markedTimestamp = maxTimestamp
}

export function batch_restore(): void {
  batchEnd = markedEnd
  recordCount = markedCount
  maxTimestamp = markedTimestamp
  seenTimestamp = NaN
}

/** Zigzagged. Subtracts in 64 bits: the difference of two exact f64 can be inexact. */
function deltaOf(timestamp: f64): u64 {
  if (timestamp !== seenTimestamp) {
    const delta = <i64>timestamp - baseTimestamp
    seenTimestamp = timestamp
    seenTime = <i64>timestamp
    seenDelta = recordCount === 0 ? 0 : <u64>((delta << 1) ^ (delta >> 63))
  }
  return seenDelta
}

/**
 * Takes in `records` records, which end at `end` and have the timestamp seen last. Called once they are known to fit.
 */
function accept(end: usize, records: u32): void {
  batchEnd = end
  if (recordCount === 0) baseTimestamp = seenTime
  if (seenTime > maxTimestamp) maxTimestamp = seenTime
  recordCount += records
}

/** Vectors may write past the end of the copy: only for places that are followed by more of the batch. */
function copyStaged(to: usize, from: usize, length: u32): void {
  if (length > 256 || to + length + 16 > batchLimit) {
    memory.copy(to, from, length)
    return
  }
  for (let at: usize = 0; at < length; at += 16) v128.store(to + at, v128.load(from + at))
}

/**
 * Attributes 0, a timestamp delta of one byte, an offset delta of one or two; the fourth byte may be the next field's.
 */
function writeDeltas(address: usize, timestampField: u32, offsetField: u32): usize {
  if (offsetField > 0x7f) {
    const two = (offsetField & 0x7f) | 0x80 | ((offsetField >>> 7) << 8)
    store<u32>(address, (timestampField << 8) | (two << 16))
    return address + 4
  }
  store<u32>(address, (timestampField << 8) | (offsetField << 16))
  return address + 3
}

/**
 * Writes a record except its key and value. Returns where the value goes; the key goes right before the value's length.
 * A length of -1 means null. Returns 0, with nothing written, when the record doesn't fit.
 *
 * Only for the usual record: a short key, lengths and numbers of at most two bytes. Most of its fields have one byte,
 * so they aren't measured.
 */
export function record_reserve(keyLength: i32, valueLength: i32, timestamp: f64): usize {
  const delta = deltaOf(timestamp)
  const offsetField = recordCount << 1
  const keyField = zigzag32(keyLength)
  const valueField = zigzag32(valueLength)
  if ((delta | <u64>keyField) > 0x7f || valueField > 0x1fff || offsetField > 0x3fff) return 0
  const keyBytes = max(keyLength, 0)
  const valueBytes = max(valueLength, 0)
  // Attributes, timestamp delta, offset delta, key length, value length, header count: a byte each, or two.
  const body = 6 + (offsetField > 0x7f ? 1 : 0) + (valueField > 0x7f ? 1 : 0) + keyBytes + valueBytes
  let at = batchEnd
  // Reserves two bytes for the length. Near the end of the buffer that may be one too many: record_reserve_any decides.
  if (at + body + 2 > batchLimit) return 0
  at = writeShort(at, body << 1)
  const end = at + body
  at = writeDeltas(at, <u32>delta, offsetField)
  store<u8>(at, keyField)
  at = writeShort(at + 1 + keyBytes, valueField)
  store<u8>(at + valueBytes, 0)
  accept(end, 1)
  return at
}

/**
 * The same for any record. `headersBytes` includes the header count; at 1 there are no headers, and the count is
 * written here. A staged key or value is copied from its staging place.
 */
export function record_reserve_any(
  keyLength: i32,
  valueLength: i32,
  timestamp: f64,
  headersBytes: u32,
  staged: u32,
): usize {
  const delta = deltaOf(timestamp)
  const keyBytes = max(keyLength, 0)
  const valueBytes = max(valueLength, 0)
  const body = recordBody(keyLength, valueLength, delta, recordCount) + <u64>headersBytes
  // Kafka's length field is a signed 32-bit number.
  if (body > 0x7fffffff) return 0
  const lengthField = body << 1
  const end = <u64>batchEnd + <u64>varintSize(lengthField) + body
  if (end > <u64>batchLimit) return 0

  let at = writeVarint(batchEnd, lengthField)
  store<u8>(at, 0)
  at = writeVarint(at + 1, delta)
  at = writeVarint(at, <u64>zigzag32(recordCount))
  at = writeVarint(at, <u64>zigzag32(keyLength))
  if (staged & STAGED_KEY) copyStaged(at, KEY_STAGING, keyBytes)
  at = writeVarint(at + keyBytes, <u64>zigzag32(valueLength))
  if (staged & STAGED_VALUE) copyStaged(at, VALUE_STAGING, valueBytes)
  if (headersBytes === 1) store<u8>(at + valueBytes, 0)
  accept(<usize>end, 1)
  return at
}

/** Everything between a record's length and its headers. */
function recordBody(keyLength: i32, valueLength: i32, timestampDelta: u64, offsetDelta: u32): u64 {
  return (
    1 +
    <u64>varintSize(timestampDelta) +
    <u64>varintSize(<u64>zigzag32(offsetDelta)) +
    <u64>varintSize(<u64>zigzag32(keyLength)) +
    <u64>max(keyLength, 0) +
    <u64>varintSize(<u64>zigzag32(valueLength)) +
    <u64>max(valueLength, 0)
  )
}

/**
 * Reserves room for records whose key and value lengths lie as pairs in the value's staging place; -1 is null. Returns
 * where the payload goes, all keys and values one after the other; 0 when they don't fit; -1 when a record is longer
 * than the format allows, or the lengths don't add up to `payloadBytes`.
 */
export function packed_reserve(records: u32, payloadBytes: u32, timestamp: f64): f64 {
  const delta = deltaOf(timestamp)
  let total: u64 = 0
  let payload: u64 = 0
  for (let index: u32 = 0; index < records; index++) {
    const pair = VALUE_STAGING + ((<usize>index) << 3)
    const keyLength = load<i32>(pair)
    const valueLength = load<i32>(pair, 4)
    if (keyLength < -1 || valueLength < -1) return -1
    const body = recordBody(keyLength, valueLength, delta, recordCount + index) + 1
    if (body > 0x7fffffff) return -1
    total += <u64>varintSize(body << 1) + body
    payload += <u64>max(keyLength, 0) + <u64>max(valueLength, 0)
  }
  if (payload !== payloadBytes) return -1
  const end = <u64>batchEnd + total
  return end > <u64>batchLimit ? 0 : <f64>(end - payload)
}

/**
 * Writes those records over their own payload. The payload lies as far past the batch's end as all fields together are
 * long, so a write never reaches bytes that are still to be moved.
 */
export function packed_write(records: u32, place: usize, timestamp: f64): void {
  const delta = deltaOf(timestamp)
  let payload = place
  let at = batchEnd
  for (let index: u32 = 0; index < records; index++) {
    const pair = VALUE_STAGING + ((<usize>index) << 3)
    const keyLength = load<i32>(pair)
    const valueLength = load<i32>(pair, 4)
    const offsetDelta = recordCount + index
    at = writeVarint(at, (recordBody(keyLength, valueLength, delta, offsetDelta) + 1) << 1)
    store<u8>(at, 0)
    at = writeVarint(at + 1, delta)
    at = writeVarint(at, <u64>zigzag32(offsetDelta))
    at = writeVarint(at, <u64>zigzag32(keyLength))
    at = moveDown(at, payload, max(keyLength, 0))
    payload += max(keyLength, 0)
    at = writeVarint(at, <u64>zigzag32(valueLength))
    at = moveDown(at, payload, max(valueLength, 0))
    payload += max(valueLength, 0)
    store<u8>(at, 0)
    at++
  }
  accept(at, records)
}

/**
 * The target lies before the source, so vectors are copied front to back. The last one may read and write too far:
 * nothing is written yet past the target, the source isn't reached while sixteen bytes lie between the two, and past
 * the batch's limit memory may end.
 */
function moveDown(to: usize, from: usize, length: u32): usize {
  if (length > 256 || from - to < 16 || from + length + 16 > batchLimit) memory.copy(to, from, length)
  else for (let at: usize = 0; at < length; at += 16) v128.store(to + at, v128.load(from + at))
  return to + length
}

/**
 * Takes in encoded records, mostly compressed, as the only ones of their batch. Returns where they go, or 0 when they
 * don't fit. `base` is the timestamp of the first record, `greatest` the greatest one.
 */
export function records_put(length: u32, records: u32, base: f64, greatest: f64): usize {
  const at = batchEnd
  if (<u64>at + <u64>length > <u64>batchLimit) return 0
  baseTimestamp = <i64>base
  maxTimestamp = <i64>greatest
  recordCount = records
  batchEnd = at + length
  return at
}

/**
 * Header of 61 bytes before the records, CRC from byte 21 on. Returns the size of the batch.
 * 0 baseOffset 8, 8 batchLength 4, 12 partitionLeaderEpoch 4, 16 magic 1, 17 crc 4, 21 attributes 2,
 * 23 lastOffsetDelta 4, 27 baseTimestamp 8, 35 maxTimestamp 8, 43 producerId 8, 51 producerEpoch 2, 53 baseSequence 4,
 * 57 recordCount 4.
 */
export function batch_seal(
  baseOffset: f64,
  leaderEpoch: u32,
  producerId: f64,
  producerEpoch: u32,
  baseSequence: u32,
  attributes: u32,
): u32 {
  const address = batchStart
  const size = batch_size()
  store64(address, <i64>baseOffset)
  store32(address + 8, size - 12)
  store32(address + 12, leaderEpoch)
  store<u8>(address + 16, 2)
  store16(address + 21, attributes)
  store32(address + 23, recordCount - 1)
  store64(address + 27, baseTimestamp)
  store64(address + 35, maxTimestamp)
  store64(address + 43, <i64>producerId)
  store16(address + 51, producerEpoch)
  store32(address + 53, baseSequence)
  store32(address + 57, recordCount)
  store32(address + 17, crc32c(0, address + 21, size - 21))
  batch_close()
  return size
}
