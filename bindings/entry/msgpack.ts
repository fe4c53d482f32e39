import { Packr } from 'msgpackr'
import type { Codec } from '../client/topic/codec.ts'

/**
 * MessagePack. Typed arrays, sets, maps, dates, errors and big integers of 64 bits come back as what they were (plain
 * MessagePack would cut a Float64Array short without a word); each value carries its own keys, so that a log stays
 * readable by itself. Values own their bytes.
 */
export function msgpack<T = unknown>(): Codec<T> {
  const packr = new Packr({ moreTypes: true, structuredClone: true })
  return {
    encode: (value) => new Uint8Array(packr.pack(value)),
    decode: (bytes) => packr.unpack(bytes.slice()) as T,
  }
}
