/** What `import … from 'oncelog/msgpack'` gives. Apart, because only it loads the package msgpackr. */
import { Packr, Unpackr } from 'msgpackr'
import type { Codec } from '../client/topic/codec.ts'
import { LogError } from '../model/errors.ts'

export type { Codec }

const OPTIONS = {
  moreTypes: true,
  // Objects as msgpackr's records, so that maps stay maps; each value carries the names of its own fields.
  useRecords: true,
  mapsAsObjects: false,
  copyBuffers: true,
  writeFunction: (): never => {
    throw new LogError('RECORD_SERIALIZATION', 'a function has no MessagePack form')
  },
}

/**
 * MessagePack by msgpackr: objects, arrays, text, numbers, bigints, dates, maps, sets, typed arrays, regular expressions and
 * errors come back as what they were; class instances as plain objects. Bytes come back as Uint8Array. What is decoded owns
 * its bytes. `T` is a type that nobody checks; functions and symbols are refused with RECORD_SERIALIZATION.
 *
 * Objects are written as msgpackr's records (extension 0x72): other MessagePack readers need msgpackr's definition of them.
 */
export function msgpack<T = unknown>(): Codec<T> {
  const packr = new Packr(OPTIONS)
  const unpackr = new Unpackr(OPTIONS)
  return {
    // Out of msgpackr's pool: a record may be kept while others are packed.
    encode: (value) => new Uint8Array(packr.pack(value)),
    decode: (bytes) => unpackr.unpack(plain(bytes)) as T,
  }
}

/** msgpackr cuts bytes out of what it is given with that object's own class: of a Buffer they would be Buffers. */
function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
