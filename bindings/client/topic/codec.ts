import type { BatchMemory } from '../../model/batch-memory.ts'
import { LogError } from '../../model/errors.ts'
import { isWellFormed } from '../../model/well-formed.ts'
import { encodeText } from './encode-text.ts'

/**
 * Turns keys or values into bytes and back. Both ways are synchronous, so that records are encoded in the order of the
 * calls.
 */
export interface Codec<In, Out = In> {
  /** Never called for null. If it throws, `topic.record()` throws RECORD_SERIALIZATION and nothing is sent. */
  encode(value: In): Uint8Array
  /**
   * Never called for null. If it throws, looking at the key or value throws RECORD_DESERIALIZATION. It may keep the
   * bytes, except those of borrowed batches.
   */
  decode(bytes: Uint8Array): Out
}

/** Bytes as they are, without a copy. Those that are read own their memory, unless the batch is borrowed. */
export const bytes: Codec<Uint8Array, Uint8Array<ArrayBuffer>> = {
  encode: (value) => value,
  decode: (value) => value as Uint8Array<ArrayBuffer>,
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * UTF-8 text. Sending a lone surrogate is refused, and so is reading bytes that aren't UTF-8: nothing is replaced in
 * silence.
 */
export const string: Codec<string> = {
  encode(value) {
    if (typeof value !== 'string') throw new LogError('RECORD_SERIALIZATION', `expected a string, got ${typeof value}`)
    if (!isWellFormed(value)) {
      throw new LogError('RECORD_SERIALIZATION', 'a lone surrogate has no UTF-8 form')
    }
    return encodeText(value)
  },
  decode(value) {
    try {
      return decoder.decode(value)
    } catch (error) {
      throw new LogError('RECORD_DESERIALIZATION', 'the bytes are no UTF-8', {}, error)
    }
  },
}

/** Codecs whose values and bytes share no memory, whichever way they go. */
const apart: WeakSet<object> = new WeakSet([string])

export function sharesNoMemory<C extends object>(codec: C): C {
  apart.add(codec)
  return codec
}

/** The bytes that a codec has made, or will read, where no value of it is; where need be, a copy in `memory`. */
export function ownBytes(codec: object, bytes: Uint8Array, memory: BatchMemory): Uint8Array {
  if (apart.has(codec)) return bytes
  const copy = memory.take(bytes.length)
  copy.set(bytes)
  return copy
}

/** The same codec under a type that nothing checks at run time, and says so: `unchecked<Payment>(json())`. */
export function unchecked<T>(codec: Codec<unknown>): Codec<T> {
  return codec as Codec<T>
}
