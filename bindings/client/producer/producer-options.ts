import { COMPRESSION_TYPES, type CompressionType } from '../../model/compression.ts'
import { LogError } from '../../model/errors.ts'
import type { Acks } from '../../model/positions.ts'
import { assertOptions, type OptionNames } from '../options.ts'
import type { UserPartitioner } from './partitioner.ts'

/** What a batch is compressed with; names are Kafka's. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** How a producer sends. */
export interface ProducerOptions {
  /** `'all'` (default): on stable storage. `1`: handed to the operating system, survives `kill -9`. */
  acks?: Acks | undefined
  /**
   * How long a batch waits for more records, in milliseconds; 0 (default) groups what is sent in one turn. Differs from
   * Kafka: there it is 5 since version 4.0.
   */
  lingerMs?: number | undefined
  /** Up to this size, in bytes, sends share a batch, 16384 by default; a larger send has its own. 0: each has its own. */
  batchSizeBytes?: number | undefined
  /**
   * Beyond so many unanswered bytes, 33554432 by default, `send` waits; a single send that is larger goes alone. Differs
   * from Kafka: there the wait ends with an error after max.block.ms; here the `signal` of `send` ends it.
   */
  bufferBytes?: number | undefined
  /**
   * `'none'` (default), `'gzip'`, `'snappy'`, `'lz4'` or `'zstd'`: each batch that it makes smaller is kept so. `compression.type` of
   * a topic goes before it. A batch is compressed in the turn in which it is sent, and looked into once more by the log. As in Kafka
   * `max.message.bytes` of the topic bounds the batch as it is kept; a record has to keep to it before it is compressed too (Kafka's
   * max.request.size), and an array of records is cut as if nothing were compressed.
   */
  compression?: Compression | undefined
  /**
   * Answers the partition of a record that names none, from 0 below `partitions`. Unless given: murmur2 of the key as in
   * Kafka's Java client; without a key one partition until a batch's worth went there, then another (KIP-794).
   */
  partitioner?: UserPartitioner | undefined
}

export interface ProducerSettings {
  readonly acks: Acks
  readonly lingerMs: number
  readonly batchSizeBytes: number
  readonly bufferBytes: number
  readonly compression: Compression
  readonly partitioner: UserPartitioner | undefined
}

/** Of one that sends without transactions, which `transactionalId` as `undefined` says too. */
type PlainOptions = ProducerOptions & { readonly transactionalId?: undefined }

export const PRODUCER_NAMES: OptionNames<PlainOptions> = {
  acks: true,
  lingerMs: true,
  batchSizeBytes: true,
  bufferBytes: true,
  compression: true,
  partitioner: true,
  transactionalId: true,
}

/** INVALID_REQUIRED_ACKS or INVALID_REQUEST, by name of the option. */
export function producerSettings(options: PlainOptions): ProducerSettings {
  assertOptions(options, PRODUCER_NAMES, 'producer')
  const { acks = 'all', lingerMs = 0, batchSizeBytes = 16_384, bufferBytes = 33_554_432, partitioner } = options
  const { compression = 'none' } = options
  if (acks !== 1 && acks !== 'all')
    throw new LogError('INVALID_REQUIRED_ACKS', "acks must be 1 or 'all'", { option: 'acks' })
  count('lingerMs', lingerMs, 0)
  count('batchSizeBytes', batchSizeBytes, 0)
  count('bufferBytes', bufferBytes, 1)
  assertCompression(compression)
  if (partitioner !== undefined && typeof partitioner !== 'function') throw wrong('partitioner', 'a function')
  return { acks, lingerMs, batchSizeBytes, bufferBytes, compression, partitioner }
}

/** INVALID_REQUEST. */
export function assertCompression(compression: unknown): asserts compression is Compression {
  if (compression === 'none' || COMPRESSION_TYPES.includes(compression as CompressionType)) return
  throw wrong('compression', `'none' or one of ${COMPRESSION_TYPES.join(', ')}`)
}

function count(option: string, value: number, from: number): void {
  if (!(Number.isSafeInteger(value) && value >= from)) throw wrong(option, `a whole number from ${from} on`)
}

function wrong(option: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${option} must be ${expected}`, { option })
}
