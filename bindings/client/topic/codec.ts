import { LogError } from '../../model/errors.ts'

/** How a key or a value becomes bytes and comes back. `encode` may throw; the record is then not sent. */
export interface Codec<In, Out = In> {
  encode(value: In): Uint8Array
  decode(bytes: Uint8Array): Out
}

/** Bytes as they are. */
export const bytes: Codec<Uint8Array> = { encode: (value) => value, decode: (value) => value }

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * UTF-8 text. A lone surrogate is refused when it is sent; bytes that aren't UTF-8 are refused when they
 * are read: nothing is replaced in silence.
 */
export const string: Codec<string> = {
  encode(value) {
    if (typeof value !== 'string') throw new LogError('RECORD_SERIALIZATION', `expected a string, got ${typeof value}`)
    if (!(value as unknown as { isWellFormed(): boolean }).isWellFormed()) {
      throw new LogError('RECORD_SERIALIZATION', 'a lone surrogate has no UTF-8 form')
    }
    return encoder.encode(value)
  },
  decode: (value) => decoder.decode(value),
}

/** A type that nobody checks, said openly. */
export function unchecked<T>(codec: Codec<unknown>): Codec<T> {
  return codec as Codec<T>
}
