import type { AppendResult } from '../../broker/producer-session.ts'
import { type BatchRecords, isCompressed, isPacked, type PackedRecords } from '../../model/batch-records.ts'
import { type CompressedRecords, compressionId, compressionOf } from '../../model/compression.ts'
import { changedBytes } from '../../model/errors.ts'
import type { EncodedRecord } from '../../model/records.ts'
import { type MessageReader, malformed } from './message-reader.ts'
import type { MessageWriter } from './message-writer.ts'

/** A record's two lengths, its timestamp, and its count of headers. */
const RECORD_BYTES_MIN = 20

/** Stands in place of the count where compressed or packed records follow. */
const COMPRESSED = -1
const PACKED = -2

/** Hot path: one loop, with room made for all records at once. */
export function writeRecords(writer: MessageWriter, records: BatchRecords): void {
  try {
    writeAll(writer, records)
  } catch (error) {
    throw changedBytes(error)
  }
}

function writeAll(writer: MessageWriter, records: BatchRecords): void {
  if (isPacked(records)) return writeParts(writer, records)
  if (isCompressed(records)) return writeCompressed(writer, records)
  if (records.length > 0 && records.every(isPackable)) return writePacked(writer, records)
  let sizeBytes = 4
  for (const { key, value } of records) sizeBytes += RECORD_BYTES_MIN + (key?.length ?? 0) + (value?.length ?? 0)
  writer.reserve(sizeBytes)
  writer.int32(records.length)
  let index = 0
  try {
    for (const { key, value, timestamp, headers } of records) {
      writer.bytes(key ?? null)
      writer.bytes(value)
      writer.float64(timestamp ?? Number.NaN)
      writeHeaders(writer, headers ?? NO_HEADERS)
      index++
    }
  } catch (error) {
    throw changedBytes(error, index)
  }
}

function isPackable({ timestamp, headers }: EncodedRecord): boolean {
  return timestamp === undefined && headers === undefined
}

/** In the form of PackedRecords, so that the other side makes no object for each record. */
function writePacked(writer: MessageWriter, records: readonly EncodedRecord[]): void {
  let sizeBytes = 12 + records.length * 8
  for (const { key, value } of records) sizeBytes += (key?.length ?? 0) + (value?.length ?? 0)
  writer.reserve(sizeBytes)
  writer.int32(PACKED).int32(records.length)
  let at = writer.leaveOpen(records.length * 8 + 4)
  let payloadBytes = 0
  let index = 0
  try {
    for (const { key, value } of records) {
      const keyBytes = writer.content(key ?? null)
      const valueBytes = writer.content(value)
      writer.int32At(at, keyBytes)
      writer.int32At(at + 4, valueBytes)
      payloadBytes += Math.max(keyBytes, 0) + Math.max(valueBytes, 0)
      at += 8
      index++
    }
  } catch (error) {
    throw changedBytes(error, index)
  }
  writer.int32At(at, payloadBytes)
}

export function readRecords(reader: MessageReader): BatchRecords {
  const records: EncodedRecord[] = []
  const count = reader.int32()
  if (count === PACKED) return readPacked(reader)
  if (count === COMPRESSED) return readCompressed(reader)
  // No client sends an empty list, and no batch is empty.
  if (count === 0) throw malformed()
  reader.assertRoom(count, RECORD_BYTES_MIN)
  for (let left = count; left > 0; left--) {
    const key = reader.bytes()
    const value = reader.bytes()
    const time = reader.float64()
    const timestamp = Number.isNaN(time) ? undefined : time
    if (timestamp !== undefined && !(Number.isSafeInteger(timestamp) && timestamp >= 0)) throw malformed()
    const headers = readHeaders(reader)
    records.push({ key, value, timestamp, headers: headers.length === 0 ? undefined : headers })
  }
  return records
}

function writeParts(writer: MessageWriter, { payload, lengths }: PackedRecords): void {
  writer.int32(PACKED).int32(lengths.length >> 1)
  writer.content(new Uint8Array(lengths.buffer, lengths.byteOffset, lengths.byteLength))
  writer.lastBytes(payload)
}

function readPacked(reader: MessageReader): PackedRecords {
  const count = reader.count(8)
  const lengths = reader.int32s(count * 2)
  let payloadBytes = 0
  // Hot path: an iterator of a typed array takes seven times as long.
  for (let at = 0; at < lengths.length; at++) {
    const length = lengths[at] as number
    if (length < -1) throw malformed()
    payloadBytes += Math.max(length, 0)
  }
  const payload = reader.bytes()
  if (count === 0 || payload?.length !== payloadBytes) throw malformed()
  return { payload, lengths }
}

/** The answer to an append. */
export function writeAppended(writer: MessageWriter, { baseOffset, appendTime, isLogAppendTime }: AppendResult): void {
  writer
    .float64(baseOffset)
    .float64(appendTime)
    .uint8(isLogAppendTime === true ? 1 : 0)
}

export function readAppended(reader: MessageReader): AppendResult {
  const baseOffset = reader.float64()
  const appendTime = reader.float64()
  if (!Number.isSafeInteger(baseOffset) || !Number.isFinite(appendTime)) throw malformed()
  return { baseOffset, appendTime, isLogAppendTime: reader.uint8() === 1 }
}

function writeCompressed(writer: MessageWriter, records: CompressedRecords): void {
  const { compression, bytes, recordCount, baseTimestamp, maxTimestamp } = records
  writer.int32(COMPRESSED).uint8(compressionId(compression)).int32(recordCount)
  writer.float64(baseTimestamp).float64(maxTimestamp).lastBytes(bytes)
}

function readCompressed(reader: MessageReader): CompressedRecords {
  const compression = compressionOf(reader.uint8())
  const recordCount = reader.int32()
  const baseTimestamp = reader.float64()
  const maxTimestamp = reader.float64()
  const bytes = reader.bytes()
  if (compression === undefined || recordCount < 1 || bytes === null) throw malformed()
  if (!Number.isSafeInteger(baseTimestamp) || !Number.isSafeInteger(maxTimestamp)) throw malformed()
  return { compression, bytes, recordCount, baseTimestamp, maxTimestamp }
}

type Header = readonly [name: string, value: Uint8Array<ArrayBuffer> | null]

const NO_HEADERS: readonly Header[] = []

function writeHeaders(
  writer: MessageWriter,
  headers: readonly (readonly [string, Uint8Array | string | null])[],
): void {
  writer.int32(headers.length)
  for (const [name, value] of headers) writer.text(name).bytes(value)
}

function readHeaders(reader: MessageReader): readonly Header[] {
  const count = reader.count(8)
  if (count === 0) return NO_HEADERS
  return Array.from({ length: count }, () => [reader.text(), reader.bytes()] as const)
}
