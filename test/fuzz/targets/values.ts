import { isDeepStrictEqual } from 'node:util'
import { readError, writeError } from '../../../bindings/engine/remote/errors.ts'
import { readFetched, writeFetched } from '../../../bindings/engine/remote/fetched-list.ts'
import { joinPieces } from '../../../bindings/engine/remote/message-pieces.ts'
import { MessageReader } from '../../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../../bindings/engine/remote/message-writer.ts'
import { readRecords, writeRecords } from '../../../bindings/engine/remote/record-list.ts'
import { readValue, writeValue } from '../../../bindings/engine/remote/values.ts'
import { type Codec, msgpack } from '../../../bindings/entry/msgpack.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { wholeBatch } from '../../client/whole-batch.ts'
import { type Bytes, expect, type FuzzTarget, Refused, sameBytes, viewOf } from '../target.ts'

const VALUES = [
  ...[undefined, null, true, -1, 0.5, 2 ** 40, 'text', 'ä🙂'],
  ...[new Uint8Array([1, 2, 3]), [1, ['a', {}]], { a: { b: [null] } }, [[], {}, [undefined]]],
]
const DATES = [new Date(1_700_000_000_123), new Map([['a', 1]]), new Set([1, 'b']), 2n ** 60n, new Float64Array([1, 2])]

function written(write: (writer: MessageWriter) => void): Bytes {
  const writer = new MessageWriter()
  write(writer)
  return joinPieces(writer.finish()).slice()
}

/** What was read is written and read again: the same. */
function messageTarget<T>(
  name: string,
  whole: readonly Bytes[],
  read: (reader: MessageReader) => T,
  write: (writer: MessageWriter, value: T) => void,
): Omit<FuzzTarget, 'take'> & { take(bytes: Bytes): void } {
  return {
    name,
    share: 45,
    whole,
    take(bytes) {
      const value = read(new MessageReader(bytes))
      const once = written((writer) => write(writer, value))
      // There may be other bytes for the same thing, but what was written is read whole.
      if (whole.some((each) => Buffer.compare(each, bytes) === 0)) sameBytes(once, bytes, 'what was written')
      sameBytes(
        written((writer) => write(writer, read(new MessageReader(once)))),
        once,
        'written again',
      )
    },
  }
}

export function valueTarget(read: typeof readValue = readValue): FuzzTarget {
  const target = messageTarget(
    'values of calls',
    [...VALUES, 'a\ud800'].map((value) => written((w) => writeValue(w, value))),
    read,
    writeValue,
  )
  return {
    ...target,
    take(bytes) {
      target.take(bytes)
      const expected = referenceValue(viewOf(bytes), { at: 0 })
      expect(isDeepStrictEqual(read(new MessageReader(bytes)), expected), () => 'another value than by the reference')
    },
  }
}

/** The format once more (values.ts says it). */
function referenceValue(view: DataView, place: { at: number }): unknown {
  const sized = () => {
    const length = view.getInt32(place.at, true)
    place.at += 4 + Math.max(0, length)
    return length < 0 ? null : new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + place.at - length, length)
  }
  const text = () => new TextDecoder('utf-8', { ignoreBOM: true }).decode(sized() ?? new Uint8Array())
  const kind = view.getUint8(place.at++)
  if (kind < 4) return [undefined, null, false, true][kind]
  if (kind === 4) {
    place.at += 8
    return view.getFloat64(place.at - 8, true)
  }
  if (kind === 5) return text()
  if (kind === 6) return sized()
  const count = view.getInt32(place.at, true)
  place.at += 4
  if (kind === 9) {
    place.at += count * 2
    const from = place.at - count * 2
    return Array.from({ length: count }, (_, at) => String.fromCharCode(view.getUint16(from + at * 2, true))).join('')
  }
  if (kind === 7) return Array.from({ length: count }, () => referenceValue(view, place))
  const pairs = Array.from({ length: count }, () => [text(), referenceValue(view, place)] as const)
  return Object.fromEntries(pairs)
}

export function recordTarget(read: typeof readRecords = readRecords): FuzzTarget {
  const bytes = new TextEncoder().encode('value')
  const records = [
    { key: bytes, value: bytes, timestamp: 7, headers: [['h', bytes] as const, ['n', null] as const] },
    { key: null, value: null, timestamp: undefined, headers: undefined },
  ]
  const compressed = { compression: 'lz4' as const, bytes, recordCount: 3, baseTimestamp: 7, maxTimestamp: 9 }
  const whole = [records, records.slice(1), compressed].map((each) => written((writer) => writeRecords(writer, each)))
  return messageTarget('records of calls', whole, read, writeRecords)
}

export function fetchedTarget(read: typeof readFetched = readFetched): FuzzTarget {
  const bytes = new TextEncoder().encode('value')
  const timestamp = 1_700_000_000_000
  const headers = [['h', bytes] as const, ['n', null] as const]
  const batch = wholeBatch(2 ** 33, 2 ** 33 + 2, [
    { key: null, value: bytes, timestamp, headers },
    { key: bytes, value: bytes, timestamp, headers },
  ])
  const part = { topic: 'pay', partition: 1, nextOffset: 5, logStartOffset: 0, endOffset: 9 }
  const error = new LogError('OFFSET_OUT_OF_RANGE', 'gone', { topic: 'pay', partition: 1, logStartOffset: 3 })
  const parts = [
    { ...part, batches: [batch], error: undefined },
    { ...part, batches: [], error },
  ]
  const whole = [parts, parts.slice(1), []].map((each) => written((writer) => writeFetched(writer, each)))
  return messageTarget('answers to fetches', whole, read, writeFetched)
}

export function errorTarget(read: typeof readError = readError): FuzzTarget {
  const errors = [new LogError('CORRUPT_LOG', 'damaged', { file: 'a', position: 7 }), new Error('of the program')]
  const whole = errors.map((error) => written((writer) => writeError(writer, error)))
  return messageTarget('errors of calls', whole, read, writeError)
}

/** A consumer says RECORD_DESERIALIZATION for whatever it throws; what comes out can be packed, and comes out again. */
export function msgpackTarget(codec: Codec<unknown> = msgpack()): FuzzTarget {
  return {
    name: 'msgpack values',
    share: 40,
    whole: [...VALUES.slice(1), ...DATES].map((value) => codec.encode(value).slice() as Bytes),
    take(bytes) {
      let value: unknown
      try {
        value = codec.decode(bytes)
      } catch (error) {
        if (error instanceof Error && !/call stack|allocation|out of memory/i.test(error.message)) {
          throw new Refused(error.message)
        }
        throw error
      }
      expect(sizeOf(value) <= 64 * bytes.length + 64, () => `${bytes.length} bytes became ${sizeOf(value)} values`)
    },
  }
}

/** How many values it holds; holes of lists count. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (Array.isArray(value)) return value.length + value.reduce((sum: number, each) => sum + sizeOf(each), 0)
  if (value instanceof Map) return [...value].reduce((sum, [key, each]) => sum + sizeOf(key) + sizeOf(each), 1)
  if (value instanceof Set) return [...value].reduce((sum: number, each) => sum + sizeOf(each), 1)
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum: number, each) => sum + sizeOf(each), 1)
}

export function valueTargets(): readonly FuzzTarget[] {
  return [valueTarget(), recordTarget(), fetchedTarget(), errorTarget(), msgpackTarget()]
}
