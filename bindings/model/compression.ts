import { LogError } from './errors.ts'

/** What the records of a batch may be compressed with: Kafka's names. */
export type CompressionType = 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** By the lowest three attribute bits of a batch. Source: Kafka's CompressionType. */
const BY_ID: readonly (CompressionType | undefined)[] = [undefined, 'gzip', 'snappy', 'lz4', 'zstd']

export const COMPRESSION_TYPES: readonly CompressionType[] = ['gzip', 'snappy', 'lz4', 'zstd']

/** The records of a batch, compressed: the bytes after its header, and what the header says of them. */
export interface CompressedRecords {
  readonly compression: CompressionType
  readonly bytes: Uint8Array
  readonly recordCount: number
  /** Timestamp of the first record: the others are stored as differences to it. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
}

/** Attribute bits of a batch that name its codec. */
export const ATTRIBUTE_CODEC = 0x07

export function compressionId(type: CompressionType): number {
  return BY_ID.indexOf(type)
}

/** `undefined` for no compression, and for the ids 5 to 7, which Kafka doesn't use. */
export function compressionOf(attributes: number): CompressionType | undefined {
  return BY_ID[attributes & ATTRIBUTE_CODEC]
}

export interface CompressionCodec {
  /** Returns a new array: all of `bytes` in the framing that Kafka's Java client writes. */
  compress(bytes: Uint8Array): Uint8Array
  /**
   * All of the bytes, in any framing that a Kafka client writes. Throws a CompressionFault for bytes that aren't whole,
   * have a wrong checksum or anything after their end, and for more than `maxBytes`, before it allocates memory for
   * them.
   */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}

/**
 * Handed in by an entry, with what its platform has. If one is missing, UNSUPPORTED_COMPRESSION_TYPE is thrown when it
 * is needed.
 */
export type Codecs = { readonly [type in CompressionType]?: CompressionCodec | undefined }

/** No batch may decompress to more: it bounds the memory that a few bytes on disk can ask for. */
export const DECOMPRESSED_BYTES_MAX: number = 32 * 1024 * 1024

/** Why bytes don't decompress; a caller that knows their place adds it. */
export class CompressionFault extends Error {
  readonly kind: 'bad-compression' | 'too-large'

  constructor(kind: 'bad-compression' | 'too-large', message: string) {
    super(message)
    this.kind = kind
  }
}

export function badCompression(message: string): CompressionFault {
  return new CompressionFault('bad-compression', message)
}

export function tooLarge(maxBytes: number): CompressionFault {
  return new CompressionFault('too-large', `more than ${maxBytes} bytes come out`)
}

/** UNSUPPORTED_COMPRESSION_TYPE where this runtime has no such codec. */
export function codecOf(codecs: Codecs, type: CompressionType): CompressionCodec {
  const codec = codecs[type]
  if (codec !== undefined) return codec
  throw new LogError('UNSUPPORTED_COMPRESSION_TYPE', `no codec for ${type} in this runtime`, { compression: type })
}
