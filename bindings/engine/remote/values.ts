import { PRODUCER_EPOCH_MAX } from '../../model/records.ts'
import { isByteArray } from '../../model/view-length.ts'
import { isWellFormed } from '../../model/well-formed.ts'
import type { ProducerInstance } from '../commands.ts'
import type { MessageReader } from './message-reader.ts'
import { malformed } from './message-reader.ts'
import type { MessageWriter } from './message-writer.ts'
import type { Shape } from './shapes.ts'

/** Plain data in calls: what JSON has, with `undefined` and bytes. */
export type Value =
  | undefined
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value }

const UNDEFINED = 0
const NULL = 1
const FALSE = 2
const TRUE = 3
const NUMBER = 4
const TEXT = 5
const BYTES = 6
const LIST = 7
const OBJECT = 8
/**
 * Text with half a surrogate pair goes as its UTF-16 units: UTF-8 would make it other text, such as another group's id.
 */
const UNITS = 9
/** Deeper than the data of any call, so that a message can't ask for more stack than this. */
const DEPTH_MAX = 32

export function writeValue(writer: MessageWriter, value: unknown): void {
  if (value === undefined) writer.uint8(UNDEFINED)
  else if (value === null) writer.uint8(NULL)
  else if (typeof value === 'boolean') writer.uint8(value ? TRUE : FALSE)
  else if (typeof value === 'number') writer.uint8(NUMBER).float64(value)
  else if (typeof value === 'string') writeText(writer, value)
  else if (isByteArray(value)) writer.uint8(BYTES).bytes(value)
  else if (Array.isArray(value)) {
    writer.uint8(LIST).int32(value.length)
    for (const each of value) writeValue(writer, each)
  } else if (typeof value === 'object') {
    const entries = Object.entries(value)
    writer.uint8(OBJECT).int32(entries.length)
    for (const [key, each] of entries) {
      writer.text(key)
      writeValue(writer, each)
    }
  } else writer.uint8(TEXT).text(String(value))
}

function writeText(writer: MessageWriter, text: string): void {
  if (isWellFormed(text)) writer.uint8(TEXT).text(text)
  else {
    writer.uint8(UNITS).int32(text.length)
    for (let at = 0; at < text.length; at++) writer.uint16(text.charCodeAt(at))
  }
}

export function readValue(reader: MessageReader, depth = 0): Value {
  if (depth > DEPTH_MAX) throw malformed()
  const kind = reader.uint8()
  switch (kind) {
    case UNDEFINED:
      return undefined
    case NULL:
      return null
    case FALSE:
    case TRUE:
      return kind === TRUE
    case NUMBER:
      return reader.float64()
    case TEXT:
      return reader.text()
    case BYTES:
      return reader.bytes()
    case UNITS:
      return readUnits(reader)
    case LIST:
      return Array.from({ length: reader.count(1) }, () => readValue(reader, depth + 1))
    case OBJECT:
      return readObject(reader, depth)
    default:
      throw malformed()
  }
}

function readUnits(reader: MessageReader): string {
  let text = ''
  for (let count = reader.count(2); count > 0; count--) text += String.fromCharCode(reader.uint16())
  return text
}

/** Reads one argument of a request, or an answer; throws NETWORK_EXCEPTION if it doesn't have this shape. */
export function readShaped<T>(reader: MessageReader, shape: Shape): T {
  const value: unknown = readValue(reader)
  if (!shape(value)) throw malformed()
  return value as T
}

/** As `readShaped`, for an answer that comes later. */
export function reading<T>(shape: Shape): (reader: MessageReader) => T {
  return (reader) => readShaped<T>(reader, shape)
}

/** An object without a prototype, so that a key like __proto__ is a key. */
function readObject(reader: MessageReader, depth: number): Value {
  const read: { [key: string]: Value } = Object.create(null)
  for (let count = reader.count(5); count > 0; count--) {
    const key = reader.text()
    read[key] = readValue(reader, depth + 1)
  }
  return { ...read }
}

export function writeInstance(writer: MessageWriter, { producerId, producerEpoch }: ProducerInstance): void {
  writer.float64(producerId).int32(producerEpoch)
}

export function readInstance(reader: MessageReader): ProducerInstance {
  return { producerId: readProducerId(reader), producerEpoch: readProducerEpoch(reader) }
}

export function readProducerId(reader: MessageReader): number {
  const producerId = reader.float64()
  if (!Number.isSafeInteger(producerId) || producerId < 0) throw malformed()
  return producerId
}

/** The epoch is an int16 in a batch. */
export function readProducerEpoch(reader: MessageReader): number {
  const producerEpoch = reader.int32()
  if (producerEpoch < 0 || producerEpoch > PRODUCER_EPOCH_MAX) throw malformed()
  return producerEpoch
}

/** For partitions and sequences. */
export function readCount(reader: MessageReader): number {
  const count = reader.int32()
  if (count < 0) throw malformed()
  return count
}
