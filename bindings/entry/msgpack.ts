/** What `import … from 'oncelog/msgpack'` gives. A module of its own, because only it loads the package msgpackr. */
import { Packr, Unpackr } from 'msgpackr'
import type { Codec } from '../client/topic/codec.ts'
import { LogError } from '../model/errors.ts'
import { isWellFormed } from '../model/well-formed.ts'

export type { Codec }

const OPTIONS = {
  moreTypes: true,
  // Objects are written as msgpackr's records, so that maps stay maps; each value carries its own field names.
  useRecords: true,
  mapsAsObjects: false,
  copyBuffers: true,
  writeFunction: (): never => {
    throw noForm('a function')
  },
}

/**
 * MessagePack by msgpackr: objects, arrays, text, numbers, bigints, dates, maps, sets, typed arrays, regular
 * expressions and errors come back as what they were; class instances as plain objects. Bytes come back as Uint8Array.
 * What is decoded owns its bytes. `T` is a type that nobody checks; functions, symbols, text with a lone surrogate, a
 * field named `__proto__`, and maps and the like of another realm are refused with RECORD_SERIALIZATION.
 * Objects are written as msgpackr's records (extension 0x72): other MessagePack readers need msgpackr's definition of
 * them. Throws INVALID_REQUEST for a schema: it would check nothing.
 */
export function msgpack<T = unknown>(...none: readonly never[]): Codec<T> {
  if (none.length > 0) {
    const message = 'msgpack takes no schema, and checks nothing: json(schema) does'
    throw new LogError('INVALID_REQUEST', message, { argument: 'schema' })
  }
  const packr = new Packr(OPTIONS)
  const unpackr = new Unpackr(OPTIONS)
  return {
    encode(value) {
      assertText(value)
      // Copied out of msgpackr's pool: a record may be kept while others are packed.
      return new Uint8Array(packr.pack(value))
    },
    decode: (bytes) => unpackr.unpack(plain(bytes)) as T,
  }
}

/** msgpackr returns bytes in the class of its input: for a Buffer they would be Buffers. */
function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** msgpackr would replace a lone surrogate by other text. */
function assertText(value: unknown): void {
  if (typeof value === 'string') {
    if (!isWellFormed(value)) throw noForm('a lone surrogate')
  } else if (Array.isArray(value) || value instanceof Set) {
    for (const each of value) assertText(each)
  } else if (value instanceof Map) {
    for (const [key, each] of value) {
      assertText(key)
      assertText(each)
    }
  } else if (typeof value === 'object' && value !== null) {
    assertOfThisRealm(value)
    if (!ArrayBuffer.isView(value)) assertFields(value)
  }
}

/** What has more than its fields. */
const HOLDERS: readonly { readonly name: string; readonly prototype: object }[] = [
  ...[Map, Set, Date, RegExp, Error, ArrayBuffer, SharedArrayBuffer, DataView],
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
]
const holders = new Map(HOLDERS.map((holder) => [`[object ${holder.name}]`, holder]))

/** Of another realm, a context of node:vm, msgpackr would write the fields alone: a map comes back empty. */
function assertOfThisRealm(object: object): void {
  if (object.constructor === Object) return
  const holder = holders.get(Object.prototype.toString.call(object))
  if (holder === undefined || Object.prototype.isPrototypeOf.call(holder.prototype, object)) return
  throw noForm(`a ${holder.name} of another realm (node:vm)`)
}

function assertFields(object: object): void {
  for (const [name, value] of Object.entries(object)) {
    if (name === '__proto__') throw noForm('a field named __proto__')
    assertText(name)
    assertText(value)
  }
}

function noForm(what: string): LogError {
  return new LogError('RECORD_SERIALIZATION', `${what} has no MessagePack form`)
}
