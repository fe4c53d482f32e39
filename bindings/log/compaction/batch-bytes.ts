import {
  ATTRIBUTE_CODEC,
  type Codecs,
  CompressionFault,
  compressionOf,
  DECOMPRESSED_BYTES_MAX,
} from '../../model/compression.ts'
import { LogError } from '../../model/errors.ts'
import { ATTRIBUTE_APPEND_TIME, ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import { BATCH_HEADER_BYTES, viewOf } from '../segment/batch-frame.ts'

/** baseTimestamp is then the time from which on tombstones and markers of the batch may go (KIP-534). */
export const ATTRIBUTE_DELETE_HORIZON = 0x40
const TWO_POW_32 = 0x1_0000_0000

/** A whole batch, checked, in memory of JavaScript. Source of the layout: kafka.md 1.1. */
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

  /** `undefined`: no pass that kept a tombstone or a lone marker has set one. */
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

/** Where one record lies, and what compaction asks of it; filled anew for each. */
export interface RecordSpan {
  start: number
  end: number
  /** Behind length and attributes: where the timestamp delta begins, and where it ends. */
  timestampAt: number
  timestampEnd: number
  timestampDelta: number
  offsetDelta: number
  keyAt: number
  /** -1 without a key. */
  keyLength: number
  valueAt: number
  /** -1 for a tombstone. */
  valueLength: number
}

export function newSpan(): RecordSpan {
  return {
    start: 0,
    end: 0,
    timestampAt: 0,
    timestampEnd: 0,
    timestampDelta: 0,
    offsetDelta: 0,
    keyAt: 0,
    keyLength: -1,
    valueAt: 0,
    valueLength: -1,
  }
}

/** Reads records one behind the other (kafka.md 1.2); bytes that are none are CORRUPT_MESSAGE, never read beyond. */
export class RecordCursor {
  readonly #bytes: Uint8Array
  #at: number
  readonly #offset: number

  /** `offset` names the batch in errors. */
  constructor(bytes: Uint8Array, from: number, offset: number) {
    this.#bytes = bytes
    this.#at = from
    this.#offset = offset
  }

  next(into: RecordSpan): void {
    into.start = this.#at
    const length = this.#varint()
    into.end = this.#at + length
    if (length < 0 || into.end > this.#bytes.length) throw this.#damaged()
    into.timestampAt = ++this.#at
    into.timestampDelta = this.#varint()
    into.timestampEnd = this.#at
    into.offsetDelta = this.#varint()
    into.keyLength = this.#varint()
    into.keyAt = this.#at
    this.#at += Math.max(into.keyLength, 0)
    into.valueLength = this.#varint()
    into.valueAt = this.#at
    if (this.#at + Math.max(into.valueLength, 0) > into.end) throw this.#damaged()
    this.#at = into.end
  }

  /** Zigzag, at most ten groups; arithmetic, because a timestamp's delta may be longer than 32 bits. */
  #varint(): number {
    const bytes = this.#bytes
    let group = bytes[this.#at++] ?? 0
    if (group < 0x80) return (group >>> 1) ^ -(group & 1)
    let value = group & 0x7f
    let factor = 0x80
    for (let groups = 1; group >= 0x80; groups++) {
      if (groups === 10 || this.#at >= bytes.length) throw this.#damaged()
      group = bytes[this.#at++] as number
      value += (group & 0x7f) * factor
      factor *= 0x80
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  #damaged(): LogError<'CORRUPT_MESSAGE'> {
    const message = `the batch at offset ${this.#offset} holds records whose lengths don't fit`
    return new LogError('CORRUPT_MESSAGE', message, { offset: this.#offset, fault: 'bad-count' })
  }
}

export function int64(view: DataView, at: number): number {
  return view.getInt32(at) * TWO_POW_32 + view.getUint32(at + 4)
}

export function setInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / TWO_POW_32))
  // A negative one's low half is what is left above its floor.
  view.setUint32(at + 4, value - Math.floor(value / TWO_POW_32) * TWO_POW_32)
}

/** Zigzag varint of a safe number; answers where it ends. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  let position = at
  while (rest >= 0x80) {
    bytes[position++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[position++] = rest
  return position
}

export function varintBytes(value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1
  let count = 1
  for (; rest >= 0x80; count++) rest = Math.floor(rest / 0x80)
  return count
}

/**
 * The records of a batch as plain bytes; `undefined` for a codec that this runtime doesn't have: such a batch is kept as it is.
 * CORRUPT_MESSAGE for what doesn't decompress.
 */
export function plainRecords(batch: BatchBytes, codecs: Codecs): Uint8Array | undefined {
  const records = batch.bytes.subarray(BATCH_HEADER_BYTES)
  if (!batch.isCompressed) return records
  const type = compressionOf(batch.attributes)
  const codec = type && codecs[type]
  if (codec === undefined) return undefined
  try {
    return codec.decompress(records, DECOMPRESSED_BYTES_MAX)
  } catch (error) {
    if (!(error instanceof CompressionFault)) throw error
    const message = `the batch at offset ${batch.baseOffset} can't be decompressed: ${error.message}`
    throw new LogError('CORRUPT_MESSAGE', message, { offset: batch.baseOffset, fault: error.kind }, error)
  }
}
