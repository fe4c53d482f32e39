import { COMPRESSION_TYPES, type CompressionType } from '../../model/compression.ts'
import { LogError } from '../../model/errors.ts'
import type { Acks } from '../../model/positions.ts'
import { assertOptions, type OptionNames, wrongOption } from '../options.ts'
import type { UserPartitioner } from './partitioner.ts'

/** What a batch is compressed with; names are Kafka's. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** How a producer sends. */
export interface ProducerOptions {
  /**
   * When a send resolves: with `'all'` (default) once its records are on stable storage, with `1` once the operating
   * system has them, so that they survive `kill -9`. Kafka's acks.
   */
  acks?: Acks | undefined
  /**
   * How long a batch waits for more records, in milliseconds. 0 (default) puts together what is sent in one turn of the
   * event loop. Kafka's linger.ms. Differs from Kafka: there it is 5 since version 4.0.
   */
  lingerMs?: number | undefined
  /**
   * Up to this size, in bytes, sends share a batch; 16384 by default. A larger send has batches of its own; with 0 each
   * send has. Kafka's batch.size.
   */
  batchSizeBytes?: number | undefined
  /**
   * `send` waits while more than this many bytes are unanswered; 33554432 by default. A single send that is larger goes
   * alone. Kafka's buffer.memory. Differs from Kafka: there the wait ends with an error after max.block.ms; here the
   * `signal` of `send` ends it.
   */
  bufferBytes?: number | undefined
  /**
   * `'none'` (default), `'gzip'`, `'snappy'`, `'lz4'` or `'zstd'`. A batch is stored compressed if that makes it
   * smaller. `compression.type` of the topic overrides this. Kafka's compression.type. Each batch is compressed in the
   * turn in which it is sent, and the log looks into it once more. As in Kafka, `max.message.bytes` of the topic bounds
   * the compressed batch; before compression a single record has to keep to it too (Kafka's max.request.size), and an
   * array of records is cut as if nothing were compressed.
   */
  compression?: Compression | undefined
  /**
   * Chooses the partition of a record that names none: a number from 0, below `partitions`. By default, as in Kafka's
   * Java client, murmur2 of the key decides; records without a key stay with one partition until a batch's worth went
   * there, then go to another (KIP-794). One of your own may be asked twice for a record of an array: a process that is
   * attached to another one's log may have to learn first what a topic has now.
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

/** Options of a producer that sends without transactions; `transactionalId: undefined` says that too. */
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

/** Returns the options with their defaults. Throws INVALID_REQUIRED_ACKS or INVALID_REQUEST, with the option's name. */
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
  if (partitioner !== undefined && typeof partitioner !== 'function') throw wrongOption('partitioner', 'a function')
  return { acks, lingerMs, batchSizeBytes, bufferBytes, compression, partitioner }
}

/** Throws INVALID_REQUEST for anything but the name of a codec or `'none'`. */
export function assertCompression(compression: unknown): asserts compression is Compression {
  if (compression === 'none' || COMPRESSION_TYPES.includes(compression as CompressionType)) return
  throw wrongOption('compression', `'none' or one of ${COMPRESSION_TYPES.join(', ')}`)
}

function count(option: string, value: number, from: number): void {
  if (!(Number.isSafeInteger(value) && value >= from)) throw wrongOption(option, `a whole number from ${from} on`)
}
