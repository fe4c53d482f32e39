import type { WholeBatch } from '../../bindings/broker/reader-session.ts'
import { oneChunk } from '../../bindings/model/chunked-bytes.ts'
import { DecodedRecords, FILLING_ROWS, ROW_WORDS } from '../../bindings/model/decoded-records.ts'

export interface GivenRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
  /** Above the batch's base offset; by its place in the batch unless given. */
  readonly offsetDelta?: number
}

/** A varint of Kafka, zigzag. */
function varint(value: number): number[] {
  const bytes: number[] = []
  for (let left = ((value << 1) ^ (value >> 31)) >>> 0; ; left >>>= 7) {
    if (left < 0x80) return [...bytes, left]
    bytes.push((left & 0x7f) | 0x80)
  }
}

function sized(bytes: Uint8Array | null): number[] {
  return bytes === null ? varint(-1) : [...varint(bytes.length), ...bytes]
}

/** A batch as the kernel decodes it, put together in plain JavaScript. */
export function wholeBatch(baseOffset: number, nextOffset: number, records: readonly GivenRecord[]): WholeBatch {
  const encoder = new TextEncoder()
  const bytes: number[] = []
  const table = new Int32Array(records.length * ROW_WORDS)
  for (const [index, { key, value, timestamp, headers, offsetDelta = index }] of records.entries()) {
    const keyAt = bytes.length
    bytes.push(...(key ?? []))
    const valueAt = bytes.length
    bytes.push(...(value ?? []), ...varint(headers.length))
    for (const [name, header] of headers) bytes.push(...sized(encoder.encode(name)), ...sized(header))
    const times = [(timestamp % 2 ** 32) | 0, Math.floor(timestamp / 2 ** 32)]
    const lengths = [keyAt, key?.length ?? -1, valueAt, value?.length ?? -1]
    table.set([...lengths, offsetDelta, headers.length, ...times], index * ROW_WORDS)
  }
  const fillings = Array.from({ length: Math.ceil(records.length / FILLING_ROWS) }, (_, filling) => {
    return table.subarray(filling * FILLING_ROWS * ROW_WORDS, (filling + 1) * FILLING_ROWS * ROW_WORDS)
  })
  const chunk = oneChunk(Uint8Array.from(bytes))
  return new DecodedRecords(baseOffset, nextOffset, records.length, chunk, bytes.length, fillings)
}
