import { BATCH_HEADER_BYTES } from '../model/batch-format.ts'
import type { CompressedRecords } from '../model/compression.ts'
import { copyBytes } from '../model/copy-bytes.ts'
import { changedBytes } from '../model/errors.ts'
import type { HeaderList, RecordBytes } from '../model/records.ts'
import { varintBytes } from '../model/varint.ts'
import { bytesLength, presentLength } from '../model/view-length.ts'
import type { BatchBuilder, BatchSeal, KernelBuffer, PlainRecord } from './kernel.ts'
import { blockOf } from './kernel-block.ts'
import { type KernelCore, misuse } from './kernel-core.ts'
import { headersSize, writeHeaders } from './write-headers.ts'

const keyStagingBytes = 16384
const valueStagingBytes = 65536
/** Up to this length a loop over char codes is faster than the encoder; measured. */
const shortChars = 16
/** Up to this length a loop over bytes is faster than `set`; measured. */
const shortBytes = 8
const stagedKey = 1
const stagedValue = 2
/** Kafka's length fields are signed 32-bit numbers. */
const lengthMax = 2147483647
/** Pairs of lengths that fit the staging place of the value, as single numbers. */
const packedLengths = 16384

const encoder = new TextEncoder()

/**
 * The open batch lives in WASM: one call reserves a record's place, and the bytes are copied there directly. A record
 * that doesn't fit leaves no trace.
 *
 * Strings go to a staging place first, each through one long-lived view: encodeInto only writes to a view's start, and
 * a new view for each string would double the cost. WASM copies them when it writes the record and knows their lengths.
 */
export class KernelBatchBuilder implements BatchBuilder {
  readonly #core: KernelCore
  readonly #keyStaging: number
  readonly #valueStaging: number
  #u8: Uint8Array<ArrayBuffer>
  #keyView: Uint8Array<ArrayBuffer>
  #valueView: Uint8Array<ArrayBuffer>
  #lengthsView: Int32Array<ArrayBuffer>
  #isOpen = false

  constructor(core: KernelCore) {
    this.#core = core
    this.#keyStaging = core.exports.key_staging()
    this.#valueStaging = core.exports.value_staging()
    this.#u8 = core.u8
    this.#keyView = this.#u8.subarray(this.#keyStaging, this.#keyStaging + keyStagingBytes)
    this.#valueView = this.#u8.subarray(this.#valueStaging, this.#valueStaging + valueStagingBytes)
    this.#lengthsView = new Int32Array(this.#u8.buffer, this.#valueStaging, packedLengths)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get recordCount(): number {
    return this.#core.exports.batch_record_count() >>> 0
  }

  get sizeBytes(): number {
    return this.#core.exports.batch_size() >>> 0
  }

  get maxTimestamp(): number {
    return this.#core.exports.batch_max_timestamp()
  }

  begin(buffer: KernelBuffer, position: number): void {
    if (this.#isOpen) throw misuse('a batch is open already: seal or abandon it first')
    const block = blockOf(this.#core, buffer)
    const address = block.require(position, BATCH_HEADER_BYTES)
    this.#core.exports.batch_begin(address, block.address + block.sizeBytes)
    this.#renewViews()
    this.#isOpen = true
  }

  #renewViews(): Uint8Array<ArrayBuffer> {
    const u8 = this.#core.u8
    if (u8 === this.#u8) return u8
    this.#u8 = u8
    this.#keyView = u8.subarray(this.#keyStaging, this.#keyStaging + keyStagingBytes)
    this.#valueView = u8.subarray(this.#valueStaging, this.#valueStaging + valueStagingBytes)
    this.#lengthsView = new Int32Array(u8.buffer, this.#valueStaging, packedLengths)
    return u8
  }

  append(key: RecordBytes, value: RecordBytes, timestamp: number, headers: HeaderList | undefined): boolean {
    if (typeof key === 'string' || typeof value === 'string' || headers !== undefined)
      return this.#appendOther(key, value, timestamp, headers)
    // The compiler takes a length for more than 32 bits, which is slow, unless it is truncated. lengthMax never fits.
    const keyLength = key === null ? -1 : Math.min(presentLength(key), lengthMax) | 0
    const valueLength = value === null ? -1 : Math.min(presentLength(value), lengthMax) | 0
    let place: number
    try {
      place = this.#core.exports.record_reserve(keyLength, valueLength, timestamp) >>> 0
    } catch (error) {
      throw this.#core.failure(error)
    }
    if (place === 0) return this.#appendOther(key, value, timestamp, headers)
    const { u8 } = this.#core
    if (keyLength > 0) put(u8, key as Uint8Array, keyLength, place - varintBytes(valueLength) - keyLength)
    if (valueLength > 0) put(u8, value as Uint8Array, valueLength, place)
    return true
  }

  appendPlain(records: readonly PlainRecord[], timestamp: number): boolean {
    let index = 0
    try {
      for (; index < records.length; index++) {
        if (!this.#appendPlain(records[index] as PlainRecord, timestamp)) return false
      }
      return true
    } catch (error) {
      throw changedBytes(this.#core.failure(error), index)
    }
  }

  #appendPlain({ key, value }: PlainRecord, timestamp: number): boolean {
    // As in `append`: the compiler must know that a length has 32 bits.
    const keyLength = fieldLength(key ?? null) | 0
    const valueLength = fieldLength(value) | 0
    const isText = typeof key === 'string' || typeof value === 'string'
    const place = isText ? 0 : this.#core.exports.record_reserve(keyLength, valueLength, timestamp) >>> 0
    if (place === 0) return this.append(key ?? null, value, timestamp, undefined)
    const { u8 } = this.#core
    // Not byte by byte: `set` notices a detached buffer.
    if (keyLength > 0) copyBytes(u8, key as Uint8Array, keyLength, place - varintBytes(valueLength) - keyLength)
    if (valueLength > 0) copyBytes(u8, value as Uint8Array, valueLength, place)
    return true
  }

  /** A method of its own: so `append` stays small enough to be inlined. */
  #appendOther(key: RecordBytes, value: RecordBytes, timestamp: number, headers: HeaderList | undefined): boolean {
    // A class that is asked for its length may have memory grow, or use what text is staged in. So all are asked first.
    const headersBytes = headers === undefined || headers.length === 0 ? 1 : headersSize(headers)
    let keyBytes = bytesOf(key)
    let keyLength = keyBytes === undefined ? -1 : presentLength(keyBytes)
    let valueBytes = bytesOf(value)
    let valueLength = valueBytes === undefined ? -1 : presentLength(valueBytes)
    const u8 = this.#renewViews()
    let staged = 0
    if (typeof key === 'string') {
      keyLength = stage(key, u8, this.#keyStaging, this.#keyView)
      if (keyLength >= 0) staged = stagedKey
      else {
        keyBytes = encoder.encode(key)
        keyLength = keyBytes.length
      }
    }
    if (typeof value === 'string') {
      valueLength = stage(value, u8, this.#valueStaging, this.#valueView)
      if (valueLength >= 0) staged |= stagedValue
      else {
        valueBytes = encoder.encode(value)
        valueLength = valueBytes.length
      }
    }
    if (keyLength > lengthMax || valueLength > lengthMax) return this.#refused()
    try {
      const { exports } = this.#core
      const place = exports.record_reserve_any(keyLength, valueLength, timestamp, headersBytes, staged) >>> 0
      if (place === 0) return this.#refused()
      if (keyBytes !== undefined) put(u8, keyBytes, keyLength, place - varintBytes(valueLength) - keyLength)
      if (valueBytes !== undefined) put(u8, valueBytes, valueLength, place)
      if (headersBytes !== 1) {
        writeHeaders(this.#core, headers as HeaderList, place + Math.max(valueLength, 0), headersBytes)
      }
      return true
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  #refused(): false {
    if (!this.#isOpen) throw misuse('no batch is open: begin one first')
    return false
  }

  appendPacked(payload: Uint8Array, lengths: Int32Array, timestamp: number): boolean {
    if (!this.#isOpen) throw misuse('no batch is open: begin one first')
    if (lengths.length % 2 !== 0) throw misuse('lengths of packed records come in pairs')
    if (lengths.length === 0) return true
    try {
      if (lengths.length <= packedLengths) return this.#appendPart(payload, lengths, timestamp)
      return this.#appendParts(payload, lengths, timestamp)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  #appendParts(payload: Uint8Array, lengths: Int32Array, timestamp: number): boolean {
    const { exports } = this.#core
    exports.batch_mark()
    let isWhole = false
    try {
      let from = 0
      for (let pair = 0; pair < lengths.length; pair += packedLengths) {
        const part = lengths.subarray(pair, pair + packedLengths)
        const isLast = pair + part.length === lengths.length
        const to = isLast ? payload.length : from + payloadBytes(part)
        if (!this.#appendPart(payload.subarray(from, to), part, timestamp)) return false
        from = to
      }
      isWhole = true
      return true
    } finally {
      if (!isWhole) exports.batch_restore()
    }
  }

  #appendPart(payload: Uint8Array, lengths: Int32Array, timestamp: number): boolean {
    const u8 = this.#renewViews()
    const { exports } = this.#core
    const records = lengths.length >> 1
    this.#lengthsView.set(lengths)
    const place = exports.packed_reserve(records, payload.length, timestamp)
    if (place < 0) throw misuse('lengths of packed records do not add up to their payload')
    if (place === 0) return false
    u8.set(payload, place)
    exports.packed_write(records, place, timestamp)
    return true
  }

  putCompressed({ bytes, recordCount, baseTimestamp }: CompressedRecords, maxTimestamp: number): boolean {
    const place = this.#core.exports.records_put(bytes.length, recordCount, baseTimestamp, maxTimestamp) >>> 0
    if (place === 0) return this.#refused()
    this.#core.u8.set(bytes, place)
    return true
  }

  seal(fields: BatchSeal): number {
    const { exports } = this.#core
    try {
      if (exports.batch_record_count() === 0) throw misuse('a batch without records has nothing to seal')
      const size = exports.batch_seal(
        fields.baseOffset,
        fields.partitionLeaderEpoch,
        fields.producerId,
        fields.producerEpoch,
        fields.baseSequence,
        fields.attributes,
      )
      this.#isOpen = false
      return size
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  abandon(): void {
    this.#core.exports.batch_close()
    this.#isOpen = false
  }
}

function bytesOf(field: RecordBytes): Uint8Array | undefined {
  return field === null || typeof field === 'string' ? undefined : field
}

/** -1 for null; for text the length doesn't matter. */
function fieldLength(field: RecordBytes): number {
  if (field === null) return -1
  return typeof field === 'string' ? 0 : Math.min(bytesLength(field), lengthMax)
}

function payloadBytes(lengths: Int32Array): number {
  let sum = 0
  for (const length of lengths) sum += Math.max(length, 0)
  return sum
}

/** Stages the string at `address` and returns its UTF-8 length; -1 if it might not fit. */
function stage(text: string, u8: Uint8Array, address: number, view: Uint8Array): number {
  const { length } = text
  if (length <= shortChars) {
    let codes = 0
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index)
      codes |= code
      u8[address + index] = code
    }
    if (codes < 0x80) return length
  }
  // A UTF-16 unit becomes three bytes at most.
  return length * 3 <= view.length ? encoder.encodeInto(text, view).written : -1
}

function put(u8: Uint8Array, bytes: Uint8Array, length: number, address: number): void {
  if (length > shortBytes) copyBytes(u8, bytes, length, address)
  else for (let index = 0; index < length; index++) u8[address + index] = bytes[index] as number
}
