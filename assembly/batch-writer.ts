/**
 * RecordBatch v2, written in place. The binding keeps the position; everything here is a function of its arguments.
 *
 * Record: length varint, attributes 0, timestampDelta varlong, offsetDelta varint, key length varint, key, value length
 * varint, value, header count varint, headers. Varints are zigzag, least significant group of seven bits first.
 * Source: apache/kafka DefaultRecord, DefaultRecordBatch (4.0).
 */
import { store16, store32, store64 } from './bytes'
import { crc32c } from './crc32c'
import { KEY_STAGING, TIMESTAMPS, VALUE_STAGING } from './layout'

const STAGED_KEY: u32 = 1
const STAGED_VALUE: u32 = 2
const FAR_TIMESTAMP: u32 = 4

function zigzag32(value: i32): u32 {
  return (value << 1) ^ (value >> 31)
}

/** Bytes of an already zigzagged number. Nearly always one or two: predicted branches are cheaper than a division by seven. */
function varintSize(zigzagged: u64): u32 {
  if (zigzagged < 0x80) return 1
  return zigzagged < 0x4000 ? 2 : (70 - <u32>clz(zigzagged)) / 7
}

function writeVarint(address: usize, zigzagged: u64): usize {
  if (zigzagged < 0x80) {
    store<u8>(address, <u8>zigzagged)
    return address + 1
  }
  return zigzagged < 0x4000 ? writeTwo(address, <u32>zigzagged) : writeMany(address, zigzagged)
}

function writeTwo(address: usize, zigzagged: u32): usize {
  store<u16>(address, (zigzagged & 0x7f) | 0x80 | ((zigzagged >>> 7) << 8))
  return address + 2
}

function writeMany(address: usize, zigzagged: u64): usize {
  while (zigzagged > 0x7f) {
    store<u8>(address++, <u8>zigzagged | 0x80)
    zigzagged >>>= 7
  }
  store<u8>(address, <u8>zigzagged)
  return address + 1
}

/** Vectors may run past the end of the copy: only where the batch goes on there anyway. */
function copyStaged(to: usize, from: usize, length: u32, limit: usize): void {
  if (length > 256 || to + length + 16 > limit) {
    memory.copy(to, from, length)
    return
  }
  for (let at: usize = 0; at < length; at += 16) v128.store(to + at, v128.load(from + at))
}

/** Subtracts in 64 bits: the difference of two exact f64 can be inexact. */
function farDelta(): u64 {
  const delta = <i64>load<f64>(TIMESTAMPS) - <i64>load<f64>(TIMESTAMPS, 8)
  return <u64>((delta << 1) ^ (delta >> 63))
}

/**
 * Writes one record without the bytes that the binding puts in itself, and answers where the value goes: the key lies
 * directly before the value's length. Lengths are -1 for null. `headersBytes` counts the header count too; where it is 1
 * the count 0 is written here. Where the timestamp's delta needs more than 32 bits, FAR_TIMESTAMP says that both timestamps
 * lie at TIMESTAMPS. Answers 0 and writes nothing when the record doesn't fit before `limit`.
 */
export function record_reserve(
  address: usize,
  limit: usize,
  keyLength: i32,
  valueLength: i32,
  nearDelta: i32,
  offsetDelta: u32,
  headersBytes: u32,
  staged: u32,
): usize {
  const timestampDelta = staged & FAR_TIMESTAMP ? farDelta() : <u64>zigzag32(nearDelta)
  const offsetField = <u64>zigzag32(offsetDelta)
  const keyField = <u64>zigzag32(keyLength)
  const valueField = <u64>zigzag32(valueLength)
  const keyBytes = <u64>max(keyLength, 0)
  const valueBytes = <u64>max(valueLength, 0)
  const body =
    1 +
    <u64>varintSize(timestampDelta) +
    <u64>varintSize(offsetField) +
    <u64>varintSize(keyField) +
    keyBytes +
    <u64>varintSize(valueField) +
    valueBytes +
    <u64>headersBytes
  // Kafka's length field is a signed 32-bit number.
  if (body > 0x7fffffff) return 0
  const lengthField = body << 1
  if (<u64>address + <u64>varintSize(lengthField) + body > <u64>limit) return 0

  let at = writeVarint(address, lengthField)
  store<u8>(at, 0)
  at = writeVarint(at + 1, timestampDelta)
  at = writeVarint(at, offsetField)
  at = writeVarint(at, keyField)
  if (staged & STAGED_KEY) copyStaged(at, KEY_STAGING, keyLength, limit)
  at = writeVarint(at + <usize>keyBytes, valueField)
  if (staged & STAGED_VALUE) copyStaged(at, VALUE_STAGING, valueLength, limit)
  if (headersBytes === 1) store<u8>(at + <usize>valueBytes, 0)
  return at
}

function recordBody(keyLength: i32, valueLength: i32, timestampDelta: u64, offsetDelta: u32): u64 {
  return (
    2 +
    <u64>varintSize(timestampDelta) +
    <u64>varintSize(<u64>zigzag32(offsetDelta)) +
    <u64>varintSize(<u64>zigzag32(keyLength)) +
    <u64>max(keyLength, 0) +
    <u64>varintSize(<u64>zigzag32(valueLength)) +
    <u64>max(valueLength, 0)
  )
}

/**
 * Bytes that `count` records take whose key and value lengths lie as pairs in the value's staging place; -1 is null.
 * Answers -1 where a record is longer than its format can say, or the lengths don't add up to `payloadBytes`.
 */
export function packed_size(count: u32, payloadBytes: u32, nearDelta: i32, offsetDelta: u32, flags: u32): f64 {
  const timestampDelta = flags & FAR_TIMESTAMP ? farDelta() : <u64>zigzag32(nearDelta)
  let total: u64 = 0
  let payload: u64 = 0
  for (let index: u32 = 0; index < count; index++) {
    const pair = VALUE_STAGING + ((<usize>index) << 3)
    const keyLength = load<i32>(pair)
    const valueLength = load<i32>(pair, 4)
    if (keyLength < -1 || valueLength < -1) return -1
    const body = recordBody(keyLength, valueLength, timestampDelta, offsetDelta + index)
    if (body > 0x7fffffff) return -1
    total += <u64>varintSize(body << 1) + body
    payload += <u64>max(keyLength, 0) + <u64>max(valueLength, 0)
  }
  return payload === payloadBytes ? <f64>total : -1
}

/**
 * Writes those records over their own payload: keys and values, one behind the other, lie as far ahead of `address` as all
 * fields together are long, so what is written never reaches what is still to be moved.
 */
export function packed_write(
  address: usize,
  payload: usize,
  count: u32,
  nearDelta: i32,
  offsetDelta: u32,
  flags: u32,
): void {
  const timestampDelta = flags & FAR_TIMESTAMP ? farDelta() : <u64>zigzag32(nearDelta)
  let at = address
  for (let index: u32 = 0; index < count; index++) {
    const pair = VALUE_STAGING + ((<usize>index) << 3)
    const keyLength = load<i32>(pair)
    const valueLength = load<i32>(pair, 4)
    at = writeVarint(at, recordBody(keyLength, valueLength, timestampDelta, offsetDelta + index) << 1)
    store<u8>(at, 0)
    at = writeVarint(at + 1, timestampDelta)
    at = writeVarint(at, <u64>zigzag32(offsetDelta + index))
    at = writeVarint(at, <u64>zigzag32(keyLength))
    at = moveDown(at, payload, max(keyLength, 0))
    payload += max(keyLength, 0)
    at = writeVarint(at, <u64>zigzag32(valueLength))
    at = moveDown(at, payload, max(valueLength, 0))
    payload += max(valueLength, 0)
    store<u8>(at, 0)
    at++
  }
}

/**
 * The target lies before the source, so vectors can go from front to back. The last one may run over: what follows the
 * target is not written yet, and what follows the source is not reached while sixteen bytes lie between the two.
 */
function moveDown(to: usize, from: usize, length: u32): usize {
  if (length > 256 || from - to < 16) memory.copy(to, from, length)
  else for (let at: usize = 0; at < length; at += 16) v128.store(to + at, v128.load(from + at))
  return to + length
}

export function varint_write(address: usize, value: i32): usize {
  return writeVarint(address, <u64>zigzag32(value))
}

/**
 * Header of 61 bytes before the records, CRC from byte 21 on. Answers the size of the batch.
 * 0 baseOffset 8, 8 batchLength 4, 12 partitionLeaderEpoch 4, 16 magic 1, 17 crc 4, 21 attributes 2, 23 lastOffsetDelta 4,
 * 27 baseTimestamp 8, 35 maxTimestamp 8, 43 producerId 8, 51 producerEpoch 2, 53 baseSequence 4, 57 recordCount 4.
 */
export function batch_seal(
  address: usize,
  size: u32,
  recordCount: u32,
  baseTimestamp: f64,
  maxTimestamp: f64,
  baseOffset: f64,
  leaderEpoch: u32,
  producerId: f64,
  producerEpoch: u32,
  baseSequence: u32,
  attributes: u32,
): u32 {
  store64(address, <i64>baseOffset)
  store32(address + 8, size - 12)
  store32(address + 12, leaderEpoch)
  store<u8>(address + 16, 2)
  store16(address + 21, attributes)
  store32(address + 23, recordCount - 1)
  store64(address + 27, <i64>baseTimestamp)
  store64(address + 35, <i64>maxTimestamp)
  store64(address + 43, <i64>producerId)
  store16(address + 51, producerEpoch)
  store32(address + 53, baseSequence)
  store32(address + 57, recordCount)
  store32(address + 17, crc32c(0, address + 21, size - 21))
  return size
}

/** Both fields lie outside the CRC. */
export function batch_stamp(address: usize, baseOffset: f64, leaderEpoch: u32): void {
  store64(address, <i64>baseOffset)
  store32(address + 12, leaderEpoch)
}
