import { LogError } from '../../model/errors.ts'
import type { EncodedRecord, HeaderList, RecordBytes } from '../../model/records.ts'
import { isByteArray, isDetached, saysItsLength } from '../../model/view-length.ts'
import { isWellFormed } from '../../model/well-formed.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { fieldSlip } from '../record-fields.ts'
import { HOW_TO_DECLARE } from '../topic/topic.ts'

/**
 * An EncodedRecord with what the producer needs in addition. Hot path: one object for each record, and no literal. If a
 * garbage collection finds most objects of a literal in use, as it does in the midst of large sends, V8 allocates all
 * later ones among its old objects for good.
 */
export class CheckedRecord implements EncodedRecord {
  readonly key: RecordBytes
  readonly value: RecordBytes
  readonly timestamp: number | undefined
  readonly headers: HeaderList | undefined
  /** The most bytes that the record takes in a batch, where each UTF-16 unit of a string counts as one byte. */
  readonly sizeBytes: number

  constructor(
    key: RecordBytes,
    value: RecordBytes,
    timestamp: number | undefined,
    headers: HeaderList | undefined,
    sizeBytes: number,
  ) {
    this.key = key
    this.value = value
    this.timestamp = timestamp
    this.headers = headers
    this.sizeBytes = sizeBytes
  }
}

/** The most bytes that lengths, deltas and attributes of a record take, and those of a header (kafka.md 1.2). */
const RECORD_OVERHEAD_BYTES = 36
const HEADER_OVERHEAD_BYTES = 10

/** Checks what plain JavaScript can pass wrongly. INVALID_RECORD names field and position, never the content. */
export function checkRecord(record: ProducerRecord | undefined, index: number): CheckedRecord {
  if (typeof record !== 'object' || record === null) throw invalid(index, 'record', RECORD)
  assertFields(record, index)
  const { topic, timestamp, headers, value, partition } = record
  if (typeof topic !== 'string') throw invalid(index, 'topic', TOPIC)
  const key = record.key ?? null
  if (!isBytes(key)) throw invalid(index, 'key', bytesFor(key))
  if (!isBytes(value)) throw invalid(index, 'value', bytesFor(value))
  if (partition !== undefined && !isCount(partition)) throw invalid(index, 'partition', 'a whole number from 0 on')
  if (timestamp !== undefined && !isCount(timestamp)) throw invalid(index, 'timestamp', 'whole milliseconds since 1970')
  let sizeBytes = RECORD_OVERHEAD_BYTES + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  if (headers === undefined) return new CheckedRecord(key, value, timestamp, headers, sizeBytes)
  const list = headerList(headers, index)
  for (const [name, header] of list) {
    sizeBytes += HEADER_OVERHEAD_BYTES + name.length + (header === null ? 0 : header.length)
  }
  return new CheckedRecord(key, value, timestamp, list, sizeBytes)
}

/**
 * Returns the `sizeBytes` that `checkRecord` would give the record, if it has neither headers nor a timestamp of its
 * own; else -1. Hot path: whether its fields are bytes of the length that they state is checked when they are copied
 * (view-length.ts), or by `isPlain`.
 */
export function plainSizeBytes(record: ProducerRecord): number {
  const { value, timestamp, headers } = record
  if (timestamp !== undefined || headers !== undefined || fieldSlip(record) !== undefined) return -1
  const keyBytes = saidBytes(record.key ?? null)
  const valueBytes = saidBytes(value)
  return keyBytes >= 0 && valueBytes >= 0 ? RECORD_OVERHEAD_BYTES + keyBytes + valueBytes : -1
}

function saidBytes(field: RecordBytes): number {
  if (field === null) return 0
  if (typeof field === 'object' && ArrayBuffer.isView(field)) return field.length | 0
  return isBytes(field) ? field.length : -1
}

/** Whether key and value can be written. */
export function isPlain({ key, value }: ProducerRecord): boolean {
  return isBytes(key ?? null) && isBytes(value)
}

/** How many UTF-16 units of the record `sizeBytes` counts as one byte each. */
export function textUnits({ key, value }: ProducerRecord): number {
  return (typeof key === 'string' ? key.length : 0) + (typeof value === 'string' ? value.length : 0)
}

function assertFields(record: ProducerRecord, index: number): void {
  const slip = fieldSlip(record)
  if (slip === undefined) return
  const { field, meant } = slip
  const message = `record ${index} has a field ${JSON.stringify(field)}: did you mean ${meant}?`
  throw new LogError('INVALID_RECORD', message, { index, field, nearest: [meant] })
}

/**
 * Returns the record's topic, for callers that must know it first. Throws INVALID_RECORD for what is no record, or
 * names no topic.
 */
export function topicOf(record: ProducerRecord | undefined, index: number): string {
  if (typeof record !== 'object' || record === null) throw invalid(index, 'record', RECORD)
  if (typeof record.topic !== 'string') throw invalid(index, 'topic', TOPIC)
  return record.topic
}

const RECORD = `an object: record() of a declared topic makes one (${HOW_TO_DECLARE})`
const TOPIC = `a string: record() of a declared topic sets it (${HOW_TO_DECLARE})`
const BYTES = 'well-formed text, a Uint8Array that is neither detached nor of another length than it says, or null'
const GIVEN = 'text, bytes or null'

/**
 * Returns what a field must be, for an error's message. For a value that a declared topic would have encoded, this is
 * the way to declare one, not what bytes may be.
 */
function bytesFor(field: unknown): string {
  if (field === undefined) return `${GIVEN}, and isn't there`
  const isPlainObject = typeof field === 'object' && !ArrayBuffer.isView(field) && !(field instanceof Uint8Array)
  if (!isPlainObject && typeof field !== 'number' && typeof field !== 'boolean') return BYTES
  return `${GIVEN}: record() of a declared topic encodes other values (${HOW_TO_DECLARE})`
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isBytes(value: unknown): value is RecordBytes {
  if (typeof value === 'string') return isWellFormed(value)
  return value === null || (isView(value) && (value.length > 0 || !isDetached(value)))
}

/**
 * Whether a value is a Uint8Array with bytes: a proxy of one, or an object that only inherits from it, has none. A
 * class that returns another `length` would get that much room in the kernel's memory, but all its bytes would be
 * copied there, over those of other partitions.
 */
function isView(value: unknown): value is Uint8Array {
  // Hot path: a view of this realm, as nearly all are, needs no further look.
  const isOurs = value instanceof Uint8Array && ArrayBuffer.isView(value)
  return (isOurs || isByteArray(value)) && saysItsLength(value)
}

function headerList(headers: NonNullable<ProducerRecord['headers']>, index: number): HeaderList {
  // Bytes hold no pairs, and to look whether a detached buffer does would throw.
  if (typeof headers !== 'object' || headers === null || ArrayBuffer.isView(headers)) {
    throw invalid(index, 'headers', 'an object or a list of pairs')
  }
  const pairs: readonly unknown[] = Symbol.iterator in headers ? [...headers] : Object.entries(headers)
  return pairs.map((pair) => {
    const [name, value] = Array.isArray(pair) && pair.length === 2 ? (pair as readonly unknown[]) : []
    if (typeof name === 'string' && isBytes(name) && isBytes(value)) return [name, value] as const
    const isOdd = typeof value === 'string' || isByteArray(value)
    throw invalid(index, 'headers', `pairs of a name and ${isOdd ? BYTES : GIVEN}`)
  })
}

function invalid(index: number, field: string, expected: string): LogError {
  const what = field === 'record' ? `record ${index}` : `${field} of record ${index}`
  return new LogError('INVALID_RECORD', `${what} must be ${expected}`, { index, field })
}
