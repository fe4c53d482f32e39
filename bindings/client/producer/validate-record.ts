import { LogError } from '../../model/errors.ts'
import type { EncodedRecord, HeaderList, RecordBytes } from '../../model/records.ts'
import type { ProducerRecord } from '../producer-record.ts'

/** An EncodedRecord with what the producer needs besides: hot path, one object a record. */
export interface CheckedRecord extends EncodedRecord {
  /** About what it takes in a batch; strings count as if they were ASCII. */
  readonly sizeBytes: number
}

const RECORD_OVERHEAD_BYTES = 12

/** Refuses what plain JavaScript can hand over wrongly: INVALID_RECORD names field and place, never the content. */
export function checkRecord(record: ProducerRecord, index: number): CheckedRecord {
  if (typeof record !== 'object' || record === null) throw invalid(index, 'record', 'an object')
  const { topic, timestamp, headers } = record
  if (typeof topic !== 'string') throw invalid(index, 'topic', 'a string')
  const key = record.key ?? null
  const { value } = record
  if (!isBytes(key)) throw invalid(index, 'key', 'a string, a Uint8Array or null')
  if (!isBytes(value)) throw invalid(index, 'value', 'a string, a Uint8Array or null')
  if (timestamp !== undefined && !(Number.isSafeInteger(timestamp) && timestamp >= 0)) {
    throw invalid(index, 'timestamp', 'whole milliseconds since 1970')
  }
  const list = headers === undefined ? undefined : headerList(headers, index)
  let sizeBytes = RECORD_OVERHEAD_BYTES + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  for (const [name, header] of list ?? []) sizeBytes += name.length + (header === null ? 0 : header.length) + 4
  return { key, value, timestamp, headers: list, sizeBytes }
}

function isBytes(value: unknown): value is RecordBytes {
  return typeof value === 'string' || value === null || (value instanceof Uint8Array && !isDetached(value))
}

/** A transferred buffer has no length left, while the view was made with one; an empty one is fine. */
function isDetached({ buffer, length }: Uint8Array): boolean {
  return length === 0 && 'detached' in buffer && buffer.detached === true
}

function headerList(headers: NonNullable<ProducerRecord['headers']>, index: number): HeaderList {
  if (typeof headers !== 'object' || headers === null) throw invalid(index, 'headers', 'an object or a list of pairs')
  const pairs: readonly unknown[] = Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string' || !isBytes(pair[1])) {
      throw invalid(index, 'headers', 'pairs of a name and a string, a Uint8Array or null')
    }
  }
  return pairs as HeaderList
}

function invalid(index: number, field: string, expected: string): LogError {
  return new LogError('INVALID_RECORD', `${field} of record ${index} must be ${expected}`, { index, field })
}
