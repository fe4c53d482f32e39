/**
 * Checks batches and lays out their records as a table. Nothing is read at or after `address + available`, whatever the
 * bytes say, and every loop is bounded by those bytes.
 *
 * Row of the record table (32 bytes, positions relative to the batch, native order):
 *   0 keyPosition, 4 keyLength (-1 null), 8 valuePosition, 12 valueLength (-1 null), 16 offsetDelta, 20 headerCount,
 *   24 timestamp i64. Header count and headers begin where the value ends.
 * Beside the table lie the ends of the records, 4 bytes each.
 *
 * Source: apache/kafka DefaultRecordBatch, DefaultRecord (4.0): a length below 49 is no batch, a record must end where
 * its length says, and no byte may remain after the last record.
 */
import { isSafe, load16, load32, load64 } from './bytes'
import { crc32c } from './crc32c'
import { KEY_HASHES, RECORD_ENDS, RECORD_TABLE } from './layout'
import { siphash } from './siphash'

// Status numbers, mirrored in bindings/kernel/batch-reader.ts.
const INTACT: i32 = 0
const INCOMPLETE: i32 = 1
const BAD_LENGTH: i32 = 2
const BAD_MAGIC: i32 = 3
const BAD_CRC: i32 = 4
const BAD_COUNT: i32 = 5
const INT64_RANGE: i32 = 6

const OVERHEAD: u32 = 12
const HEADER: u32 = 61
/** length, attributes, timestampDelta, offsetDelta, key length, value length, header count: one byte each. */
const SMALLEST_RECORD: u32 = 7
const CODEC_BITS: u32 = 7
const LOG_APPEND_TIME: u32 = 8
const ROW: usize = 32
const HASH: usize = 16
const TABLE_ROWS: u32 = 1024

/**
 * Magic comes before completeness: it lies at the same place in every format, so it tells garbage from a torn batch.
 */
export function batch_structure(address: usize, available: u32): i32 {
  if (available < 12) return INCOMPLETE
  const length = <i32>load32(address + 8)
  if (length < <i32>(HEADER - OVERHEAD)) return BAD_LENGTH
  if (available < 17) return INCOMPLETE
  if (load<u8>(address + 16) !== 2) return BAD_MAGIC
  if (available < HEADER || <u32>length > available - OVERHEAD) return INCOMPLETE
  return INTACT
}

/** Checks the fields that no CRC covers, or that a faulty writer may have sealed. The structure is intact already. */
function fieldsFault(address: usize): i32 {
  const size = load32(address + 8) + OVERHEAD
  const baseOffset = load64(address)
  const lastOffsetDelta = <i32>load32(address + 23)
  const count = <i32>load32(address + 57)
  if (lastOffsetDelta < 0 || count < 0 || <i64>count > <i64>lastOffsetDelta + 1) return BAD_COUNT
  if ((load16(address + 21) & CODEC_BITS) === 0) {
    const recordsBytes = size - HEADER
    if (count === 0 ? recordsBytes !== 0 : <u32>count > recordsBytes / SMALLEST_RECORD) return BAD_COUNT
  }
  if (baseOffset < 0 || !isSafe(baseOffset + <i64>lastOffsetDelta + 1)) return INT64_RANGE
  if (!isSafe(load64(address + 27)) || !isSafe(load64(address + 35)) || !isSafe(load64(address + 43)))
    return INT64_RANGE
  return INTACT
}

export function batch_fault(address: usize, available: u32): i32 {
  const structure = batch_structure(address, available)
  if (structure !== INTACT) return structure
  const size = load32(address + 8) + OVERHEAD
  if (crc32c(0, address + 21, size - 21) !== load32(address + 17)) return BAD_CRC
  return fieldsFault(address)
}

/** The same without the CRC, for bytes that were checked before. */
export function batch_shape(address: usize, available: u32): i32 {
  const structure = batch_structure(address, available)
  return structure !== INTACT ? structure : fieldsFault(address)
}

export function batches_intact(address: usize, available: u32, expectedOffset: f64): u32 {
  let next = <i64>expectedOffset
  let at: u32 = 0
  while (at < available) {
    const batch = address + at
    if (batch_fault(batch, available - at) !== INTACT) break
    const baseOffset = load64(batch)
    if (baseOffset < next) break
    next = baseOffset + <i64>load32(batch + 23) + 1
    at += load32(batch + 8) + OVERHEAD
  }
  return at
}

/** The position of the walk over records: records_begin sets it, records_fill advances it. */
let batch: usize = 0
let cursor: usize = 0
let batchEnd: usize = 0
let recordsLeft: u32 = 0
let offsetDeltaMin: i64 = 0
let offsetDeltaMax: i64 = 0
let baseTimestamp: i64 = 0
let maxTimestamp: i64 = 0
let isLogAppendTime: bool = false

/** After a read past its end `hasFailed`, which every caller asks before it uses what it read. */
let cursorEnd: usize = 0

function readByte(): u32 {
  if (cursor >= cursorEnd) return fail()
  return load<u8>(cursor++)
}

function fail(): u32 {
  // From here on every read fails too.
  cursor = usize.MAX_VALUE
  return 0
}

function hasFailed(): bool {
  return cursor === usize.MAX_VALUE
}

function readVarintLong(): u64 {
  let value: u64 = 0
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    const group = readByte()
    value |= (<u64>(group & 0x7f)) << shift
    if (group < 0x80) return value
  }
  fail()
  return 0
}

/** At most five groups of seven bits, the last one with four: anything longer is no 32-bit number. */
function readVarint(): i32 {
  let group = readByte()
  let value = group & 0x7f
  if (group >= 0x80) {
    group = readByte()
    value |= (group & 0x7f) << 7
    if (group >= 0x80) {
      group = readByte()
      value |= (group & 0x7f) << 14
      if (group >= 0x80) {
        group = readByte()
        value |= (group & 0x7f) << 21
        if (group >= 0x80) {
          group = readByte()
          value |= group << 28
          if (group > 15) fail()
        }
      }
    }
  }
  return (value >>> 1) ^ -(value & 1)
}

function skip(length: i32): void {
  if (length <= 0) return
  if (cursor > cursorEnd || <usize>length > cursorEnd - cursor) fail()
  else cursor += length
}

/** The batch's shape is intact. */
export function records_begin(address: usize): void {
  const attributes = load16(address + 21)
  batch = address
  cursor = address + HEADER
  batchEnd = address + load32(address + 8) + OVERHEAD
  recordsLeft = load32(address + 57)
  offsetDeltaMin = 0
  offsetDeltaMax = <i64>load32(address + 23)
  baseTimestamp = load64(address + 27)
  maxTimestamp = load64(address + 35)
  isLogAppendTime = (attributes & LOG_APPEND_TIME) !== 0
}

/** Rows written to the record table; 0 when all records are done; a negative fault. */
export function records_fill(): i32 {
  const rows = min(recordsLeft, TABLE_ROWS)
  const rowsEnd = RECORD_TABLE + <usize>rows * ROW
  let row = fillUsual(RECORD_TABLE, rowsEnd)
  while (row < rowsEnd) {
    const fault = readRecord(row)
    if (fault !== INTACT) return -fault
    row = fillUsual(row + ROW, rowsEnd)
  }
  recordsLeft -= rows
  if (recordsLeft === 0 && cursor !== batchEnd) return -BAD_COUNT
  return rows
}

/** Hashes the keys of the record table's first `rows`, 16 bytes each; a record without a key has none. */
export function records_hash(rows: u32): void {
  let row = RECORD_TABLE
  let hash = KEY_HASHES
  for (let index: u32 = 0; index < min(rows, TABLE_ROWS); index++) {
    const keyLength = load<i32>(row, 4)
    if (keyLength >= 0) siphash(batch + load<u32>(row), keyLength, hash)
    row += ROW
    hash += HASH
  }
}

function storeEnd(row: usize, end: u32): void {
  store<u32>(RECORD_ENDS + ((row - RECORD_TABLE) >>> 3), end)
}

/** Most bytes before the key: length, attributes, timestampDelta, offsetDelta and key length, with two bytes each. */
const USUAL_PREFIX: usize = 10

/**
 * Reads usual records into the rows from `row` on, much quicker than others: those without headers, with no number
 * above two bytes, and not at the very end of the batch. Returns the row of the first other or faulty one, of which
 * nothing was read. What the walk needs is in locals meanwhile, as the compiler keeps no global in a register.
 */
function fillUsual(row: usize, rowsEnd: usize): usize {
  const base = isLogAppendTime ? maxTimestamp : baseTimestamp
  // Every sum with a usual delta is a safe number then.
  if (!isSafe(base - USUAL_MAX) || !isSafe(base + USUAL_MAX)) return row
  const deltaBits: u32 = isLogAppendTime ? 0 : USUAL_MAX
  const from = batch
  const limit = batchEnd
  const offsetMax = <i32>offsetDeltaMax
  let lastDelta = <i32>(offsetDeltaMin - 1)
  let record = cursor
  for (; row < rowsEnd && record + USUAL_PREFIX <= limit; row += ROW) {
    let at = afterUsual(record)
    const end = at + (usual >>> 1)
    if (at === 0 || (usual & 1) !== 0 || end > limit) break
    at = afterUsual(at + 1)
    if (at === 0) break
    const timestamp = base + <i64>unzigzag(usual & deltaBits)
    at = afterUsual(at)
    if (at === 0) break
    const offsetDelta = unzigzag(usual)
    const key = afterUsual(at)
    if (key === 0) break
    const keyLength = unzigzag(usual)
    at = key + max(keyLength, 0)
    // The value's length and the header count.
    if (at + 2 > end) break
    const value = afterUsual(at)
    if (value === 0) break
    const valueLength = unzigzag(usual)
    at = value + max(valueLength, 0)
    if (at + 1 !== end || load<u8>(at) !== 0) break
    if (offsetDelta <= lastDelta || offsetDelta > offsetMax) break
    store<u32>(row, <u32>(key - from))
    store<i32>(row, max(keyLength, -1), 4)
    store<u32>(row, <u32>(value - from), 8)
    store<i32>(row, max(valueLength, -1), 12)
    store<i32>(row, offsetDelta, 16)
    store<i32>(row, 0, 20)
    store<i64>(row, timestamp, 24)
    storeEnd(row, <u32>(end - from))
    record = end
    lastDelta = offsetDelta
  }
  cursor = record
  offsetDeltaMin = <i64>lastDelta + 1
  return row
}

const USUAL_MAX: u32 = 0x3fff
/** What `afterUsual` read, still zigzagged. */
let usual: u32 = 0

/**
 * Reads a varint of one or two bytes and returns where it ends; 0 if it is longer. Two bytes may be read. The end comes
 * by a branch, which the processor foresees instead of waiting for one number before it reads the next.
 */
function afterUsual(at: usize): usize {
  const pair = <u32>load<u16>(at)
  if ((pair & 0x80) === 0) {
    usual = pair & 0x7f
    return at + 1
  }
  usual = (pair & 0x7f) | ((pair & 0x7f00) >>> 1)
  return (pair & 0x8000) === 0 ? at + 2 : 0
}

function unzigzag(number: u32): i32 {
  return <i32>(number >>> 1) ^ -(<i32>number & 1)
}

function readRecord(row: usize): i32 {
  cursorEnd = batchEnd
  const length = readVarint()
  if (hasFailed() || length < 0 || <usize>length > batchEnd - cursor) return BAD_COUNT
  const end = cursor + length
  cursorEnd = end
  readByte()
  const zigzagged = readVarintLong()
  const offsetDelta = <i64>readVarint()
  const keyLength = readVarint()
  store<u32>(row, <u32>(cursor - batch))
  skip(keyLength)
  const valueLength = readVarint()
  store<u32>(row, <u32>(cursor - batch), 8)
  skip(valueLength)
  const headerCount = readVarint()
  if (hasFailed()) return BAD_COUNT
  if (headerCount !== 0 && !skipHeaders(headerCount)) return BAD_COUNT
  if (cursor !== end || offsetDelta < offsetDeltaMin || offsetDelta > offsetDeltaMax) return BAD_COUNT
  offsetDeltaMin = offsetDelta + 1
  const delta = <i64>(zigzagged >>> 1) ^ -(<i64>(zigzagged & 1))
  const timestamp = isLogAppendTime ? maxTimestamp : baseTimestamp + delta
  // The base is a safe integer, so a sum that overflows 64 bits is none.
  if (!isSafe(timestamp)) return INT64_RANGE
  store<i32>(row, keyLength < 0 ? -1 : keyLength, 4)
  store<i32>(row, valueLength < 0 ? -1 : valueLength, 12)
  store<i32>(row, <i32>offsetDelta, 16)
  store<i32>(row, headerCount, 20)
  store<i64>(row, timestamp, 24)
  storeEnd(row, <u32>(end - batch))
  return INTACT
}

/** A header has at least two bytes, so a count that the record can't hold is refused before the walk. */
function skipHeaders(count: i32): bool {
  if (count < 0 || <usize>count > (cursorEnd - cursor) >>> 1) return false
  for (let index = 0; index < count; index++) {
    const nameLength = readVarint()
    if (nameLength < 0) return false
    skip(nameLength)
    skip(readVarint())
    if (hasFailed()) return false
  }
  return true
}
