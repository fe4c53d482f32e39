import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import type { HeaderList, RecordBytes } from '../../model/records.ts'
import { varintBytes } from '../../model/varint.ts'
import { viewLength } from '../../model/view-length.ts'

/** Key, value and headers of a record that was checked. */
export interface SizedRecord {
  readonly key?: RecordBytes | undefined
  readonly value: RecordBytes
  readonly headers?: HeaderList | undefined
}

/** Bytes of the attributes, and of the two deltas of a batch's first record. */
const FIRST_RECORD_FIXED_BYTES = 3
/**
 * Bytes that the two deltas of a later record may take in addition: they have ten and five bytes instead of one each.
 */
const LATER_DELTA_BYTES = 13
const NO_HEADERS: HeaderList = []

/** The exact size of the batch that holds only this record. */
export function loneBatchBytes(record: SizedRecord): number {
  const body = bodyBytes(record)
  return BATCH_HEADER_BYTES + varintBytes(body) + body
}

/** The most bytes that the record takes as one of several. */
export function mostRecordBytes(record: SizedRecord): number {
  const body = bodyBytes(record) + LATER_DELTA_BYTES
  return varintBytes(body) + body
}

/** Bytes of a record without its length field, if it is the first of its batch. Later records have longer deltas. */
export function bodyBytes({ key, value, headers = NO_HEADERS }: SizedRecord): number {
  let total = FIRST_RECORD_FIXED_BYTES + fieldBytes(key ?? null) + fieldBytes(value) + varintBytes(headers.length)
  for (const [name, header] of headers) total += fieldBytes(name) + fieldBytes(header)
  return total
}

function fieldBytes(field: RecordBytes): number {
  if (field === null) return 1
  const length = typeof field === 'string' ? utf8Bytes(field) : viewLength(field)
  return varintBytes(length) + length
}

export function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit >= 0x800) bytes += unit >= 0xd800 && unit < 0xe000 ? 1 : 2
    else if (unit >= 0x80) bytes++
  }
  return bytes
}
