import { LogError } from '../../model/errors.ts'

/** How a key or a value becomes bytes and comes back. Both ways are synchronous: records are encoded in the order of the calls. */
export interface Codec<In, Out = In> {
  /** What it throws becomes RECORD_SERIALIZATION of `topic.record()`; nothing is sent. Never called for null. */
  encode(value: In): Uint8Array
  /** What it throws becomes RECORD_DESERIALIZATION where key or value is read. The bytes may be kept, but those of borrowed batches. Never called for null. */
  decode(bytes: Uint8Array): Out
}

/** Bytes as they are, uncopied: they own their memory when they are read, unless the batch is borrowed. */
export const bytes: Codec<Uint8Array, Uint8Array<ArrayBuffer>> = {
  encode: (value) => value,
  decode: (value) => value as Uint8Array<ArrayBuffer>,
}

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

/** The same codec under a type that nobody checks, said openly: `unchecked<Payment>(json())`. */
export function unchecked<T>(codec: Codec<unknown>): Codec<T> {
  return codec as Codec<T>
}
