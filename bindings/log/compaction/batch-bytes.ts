import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import {
  ATTRIBUTE_CODEC,
  type Codecs,
  CompressionFault,
  compressionOf,
  DECOMPRESSED_BYTES_MAX,
} from '../../model/compression.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { ATTRIBUTE_APPEND_TIME, ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import { viewOf } from '../segment/batch-head.ts'

/** With it, baseTimestamp is the time from which on the batch's tombstones and markers may be removed (KIP-534). */
export const ATTRIBUTE_DELETE_HORIZON = 0x40
const TWO_POW_32 = 0x1_0000_0000

/** A whole batch whose CRC holds, in JavaScript's own memory. Source of the layout: kafka.md 1.1. */
export class BatchBytes {
  readonly bytes: Uint8Array
  readonly view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = viewOf(bytes)
  }

  get baseOffset(): number {
    return int64(this.view, 0)
  }

  get lastOffset(): number {
    return this.baseOffset + this.view.getInt32(23)
  }

  get attributes(): number {
    return this.view.getInt16(21)
  }

  get isControl(): boolean {
    return (this.attributes & ATTRIBUTE_CONTROL) !== 0
  }

  get isTransactional(): boolean {
    return (this.attributes & ATTRIBUTE_TRANSACTIONAL) !== 0
  }

  get isLogAppendTime(): boolean {
    return (this.attributes & ATTRIBUTE_APPEND_TIME) !== 0
  }

  get isCompressed(): boolean {
    return (this.attributes & ATTRIBUTE_CODEC) !== 0
  }

  get baseTimestamp(): number {
    return int64(this.view, 27)
  }

  get maxTimestamp(): number {
    return int64(this.view, 35)
  }

  /** `undefined` until a pass has kept a tombstone of it, or a marker whose transaction has no records left. */
  get deleteHorizon(): number | undefined {
    return (this.attributes & ATTRIBUTE_DELETE_HORIZON) === 0 ? undefined : this.baseTimestamp
  }

  get producerId(): number {
    return int64(this.view, 43)
  }

  get producerEpoch(): number {
    return this.view.getInt16(51)
  }

  get recordCount(): number {
    return this.view.getInt32(57)
  }
}

/** Where a record ends, and where its timestamp stands. One object, filled anew for each record. */
export interface RecordTime {
  end: number
  /** Where the timestamp delta begins, after length and attributes, and where it ends. */
  timestampAt: number
  timestampEnd: number
  timestampDelta: number
}

export function newRecordTime(): RecordTime {
  return { end: 0, timestampAt: 0, timestampEnd: 0, timestampDelta: 0 }
}

/** Goes through the timestamps of records (kafka.md 1.2) that the kernel has found whole. */
export class TimeCursor {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes
    this.#at = from
  }

  next(into: RecordTime): void {
    const length = this.#varint()
    into.end = this.#at + length
    into.timestampAt = this.#at + 1
    this.#at = into.timestampAt
    into.timestampDelta = this.#varint()
    into.timestampEnd = this.#at
    this.#at = into.end
  }

  /**
   * Reads a zigzag varint by arithmetic: a timestamp's delta may have more than 32 bits. The sign is kept apart,
   * because with it the number may have one bit more than a double holds exactly.
   */
  #varint(): number {
    const first = this.#bytes[this.#at++] as number
    let folded = (first & 0x7f) >>> 1
    let group = first
    for (let factor = 0x40; group >= 0x80; factor *= 0x80) {
      group = this.#bytes[this.#at++] as number
      folded += (group & 0x7f) * factor
    }
    return (first & 1) === 0 ? folded : -folded - 1
  }
}

export function int64(view: DataView, at: number): number {
  return view.getInt32(at) * TWO_POW_32 + view.getUint32(at + 4)
}

export function setInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / TWO_POW_32))
  // The low half of a negative number is its distance from the multiple of 2^32 below it.
  view.setUint32(at + 4, value - Math.floor(value / TWO_POW_32) * TWO_POW_32)
}

/** Writes a number from -2^53 to 2^53 - 1 as a zigzag varint; returns where it ends. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  const folded = value >= 0 ? value : -value - 1
  let group = (folded % 0x40) * 2 + (value < 0 ? 1 : 0)
  let rest = Math.floor(folded / 0x40)
  let position = at
  while (rest > 0) {
    bytes[position++] = group | 0x80
    group = rest % 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[position++] = group
  return position
}

/**
 * The records of a batch, decompressed. `undefined` where this runtime lacks the codec: such a batch is kept as it is.
 * CORRUPT_MESSAGE where it doesn't decompress.
 */
export function plainRecords(
  { topic, partition }: TopicPartition,
  batch: BatchBytes,
  codecs: Codecs,
): Uint8Array | undefined {
  const records = batch.bytes.subarray(BATCH_HEADER_BYTES)
  if (!batch.isCompressed) return records
  const type = compressionOf(batch.attributes)
  const codec = type && codecs[type]
  if (codec === undefined) return undefined
  try {
    return codec.decompress(records, DECOMPRESSED_BYTES_MAX)
  } catch (error) {
    if (!(error instanceof CompressionFault)) throw error
    const offset = batch.baseOffset
    const message = `${topic}-${partition}: the batch at offset ${offset} can't be decompressed: ${error.message}`
    throw new LogError('CORRUPT_MESSAGE', message, { topic, partition, offset, fault: error.kind }, error)
  }
}
