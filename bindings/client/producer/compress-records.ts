import { allocate } from '../../model/allocate.ts'
import {
  type Codecs,
  type CompressedRecords,
  type CompressionType,
  codecOf,
  DECOMPRESSED_BYTES_MAX,
} from '../../model/compression.ts'
import { changedBytes } from '../../model/errors.ts'
import type { RecordBytes } from '../../model/records.ts'
import { varintBytes } from '../../model/varint.ts'
import { bodyBytes, utf8Bytes } from './record-size.ts'
import { TEXT_GROWTH } from './size-bounds.ts'
import type { CheckedRecord } from './validate-record.ts'

/** Bytes of the first record's two deltas, each of which `bodyBytes` counts as one. */
const FIRST_DELTA_BYTES = 2
const KEPT_BYTES = 1024 * 1024

const encoder = new TextEncoder()
/** Memory in which records are written before they are compressed. Nobody keeps a view of it. */
let kept: Uint8Array<ArrayBuffer> = new Uint8Array(0)

/**
 * Compresses the records of a batch; those without a timestamp get `now`. Returns `undefined` if compression gains
 * nothing, or if the records would decompress to more than readers take: then they are sent as they are.
 */
export function compressRecords(
  records: readonly CheckedRecord[],
  compression: CompressionType,
  codecs: Codecs,
  now: number,
): CompressedRecords | undefined {
  const plain = encodeRecords(records, now)
  if (plain.length > DECOMPRESSED_BYTES_MAX) return undefined
  const bytes = codecOf(codecs, compression).compress(plain)
  if (bytes.length >= plain.length) return undefined
  let maxTimestamp = Number.NEGATIVE_INFINITY
  for (const { timestamp = now } of records) maxTimestamp = Math.max(maxTimestamp, timestamp)
  const baseTimestamp = records[0]?.timestamp ?? now
  return { compression, bytes, recordCount: records.length, baseTimestamp, maxTimestamp }
}

/** Returns the records as they stand in a batch (kafka.md 1.2). The bytes are valid until the next call. */
export function encodeRecords(records: readonly CheckedRecord[], now: number): Uint8Array {
  const mostBytes = records.reduce((sum, { sizeBytes }) => sum + sizeBytes * TEXT_GROWTH, 0)
  if (kept.length < mostBytes) kept = allocate(mostBytes)
  const writer = new RecordWriter(kept)
  if (kept.length > KEPT_BYTES) kept = new Uint8Array(0)
  let index = 0
  try {
    const base = records[0]?.timestamp ?? now
    for (const record of records) writeRecord(writer, record, index++, base, now)
  } catch (error) {
    throw changedBytes(error, Math.max(0, index - 1))
  }
  return writer.bytes()
}

function writeRecord(writer: RecordWriter, record: CheckedRecord, index: number, base: number, now: number): void {
  const { key, value, timestamp = now, headers = [] } = record
  const delta = timestamp - base
  writer.varint(bodyBytes(record) - FIRST_DELTA_BYTES + longBytes(delta) + varintBytes(index))
  writer.zero()
  writer.varlong(delta)
  writer.varint(index)
  writer.field(key)
  writer.field(value)
  writer.varint(headers.length)
  for (const [name, header] of headers) {
    writer.field(name)
    writer.field(header)
  }
}

/** From this size on, a zigzagged delta may not be exact as a number. */
const EXACT_DELTA_MAX = 2 ** 51

function longBytes(delta: number): number {
  if (Math.abs(delta) < EXACT_DELTA_MAX) return varintBytes(delta)
  let bytes = 1
  for (let rest = zigzag64(delta); rest >= 128n; rest >>= 7n) bytes++
  return bytes
}

function zigzag64(delta: number): bigint {
  const value = BigInt(delta)
  return value < 0n ? -value * 2n - 1n : value * 2n
}

class RecordWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>
  #at = 0

  /** `bytes` must be large enough for everything that is written. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes
  }

  zero(): void {
    this.#bytes[this.#at++] = 0
  }

  /** Writes a number from -1 to 2^31 - 1. */
  varint(value: number): void {
    this.#groups(value < 0 ? 1 : value * 2)
  }

  varlong(value: number): void {
    if (Math.abs(value) < EXACT_DELTA_MAX) return this.#groups(value < 0 ? -value * 2 - 1 : value * 2)
    let rest = zigzag64(value)
    for (; rest >= 128n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 127n) | 128
    this.#bytes[this.#at++] = Number(rest)
  }

  #groups(zigzagged: number): void {
    let rest = zigzagged
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) + 128
    this.#bytes[this.#at++] = rest
  }

  field(field: RecordBytes): void {
    if (field === null) return this.varint(-1)
    if (typeof field !== 'string') {
      this.varint(field.length)
      this.#bytes.set(field, this.#at)
      this.#at += field.length
      return
    }
    this.varint(utf8Bytes(field))
    this.#at += encoder.encodeInto(field, this.#bytes.subarray(this.#at)).written
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }
}
