import type { HeaderList, RecordBytes } from '../model/records.ts'
import { type KernelCore, misuse } from './core.ts'
import { headersSize, writeHeaders } from './headers.ts'
import type { BatchBuilder, BatchSeal, KernelBuffer } from './kernel.ts'
import { blockOf } from './kernel-block.ts'
import { varintSize } from './varint.ts'

const headerBytes = 61
const keyStagingBytes = 16384
const valueStagingBytes = 65536
/** Up to here a loop over char codes beats the call of the encoder; measured. */
const shortChars = 16
/** Up to here a loop over bytes beats the call of `set`; measured. */
const shortBytes = 8
const stagedKey = 1
const stagedValue = 2
const farTimestamp = 4
/** Pairs of lengths that fit the staging place of the value, as single numbers. */
const packedLengths = 16384

const encoder = new TextEncoder()

/**
 * The state of the open batch lives here and WASM writes each record as a function of it, so that a record that doesn't
 * fit leaves no trace.
 *
 * Strings go to a staging place first, through one long-lived view each: encodeInto writes only at a view's start, and a
 * fresh view per string costs as much again. WASM then copies them while it writes the record, its length known by then.
 */
export class KernelBatchBuilder implements BatchBuilder {
  readonly #core: KernelCore
  readonly #keyStaging: number
  readonly #valueStaging: number
  readonly #timestamps: number
  #u8: Uint8Array<ArrayBuffer>
  #keyView: Uint8Array<ArrayBuffer>
  #valueView: Uint8Array<ArrayBuffer>

  /** 0 without an open batch. */
  #start = 0
  #end = 0
  #limit = 0
  #baseTimestamp = 0
  #maxTimestamp = -1
  #recordCount = 0

  constructor(core: KernelCore) {
    this.#core = core
    this.#keyStaging = core.exports.key_staging()
    this.#valueStaging = core.exports.value_staging()
    this.#timestamps = core.exports.timestamps()
    this.#u8 = core.u8
    this.#keyView = this.#u8.subarray(this.#keyStaging, this.#keyStaging + keyStagingBytes)
    this.#valueView = this.#u8.subarray(this.#valueStaging, this.#valueStaging + valueStagingBytes)
  }

  get recordCount(): number {
    return this.#recordCount
  }

  get sizeBytes(): number {
    return this.#end - this.#start
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  begin(buffer: KernelBuffer, position: number): void {
    if (this.#start !== 0) throw misuse('a batch is open already: seal or abandon it first')
    const block = blockOf(this.#core, buffer)
    const start = block.require(position, headerBytes)
    this.#renewViews()
    this.#start = start
    this.#end = start + headerBytes
    this.#limit = block.address + block.sizeBytes
    this.#recordCount = 0
    this.#maxTimestamp = -1
  }

  #renewViews(): void {
    const u8 = this.#core.u8
    if (u8 === this.#u8) return
    this.#u8 = u8
    this.#keyView = u8.subarray(this.#keyStaging, this.#keyStaging + keyStagingBytes)
    this.#valueView = u8.subarray(this.#valueStaging, this.#valueStaging + valueStagingBytes)
  }

  append(key: RecordBytes, value: RecordBytes, timestamp: number, headers: HeaderList | undefined): boolean {
    const u8 = this.#u8.length === 0 ? this.#renewed() : this.#u8
    if (typeof key === 'string' || typeof value === 'string' || headers !== undefined)
      return this.#appendOther(u8, key, value, timestamp, headers)
    const count = this.#recordCount
    const keyLength = key === null ? -1 : key.length
    const valueLength = value === null ? -1 : value.length
    const baseTimestamp = count === 0 ? timestamp : this.#baseTimestamp
    const place = this.#reserve(keyLength, valueLength, timestamp, baseTimestamp, 1, 0)
    if (place === 0) return false
    if (key !== null) put(u8, key, place - varintSize(valueLength) - keyLength)
    if (value !== null) put(u8, value, place)
    this.#end = (valueLength > 0 ? place + valueLength : place) + 1
    if (count === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    this.#recordCount = count + 1
    return true
  }

  /** Apart, so that the compiler keeps the usual form small enough to build in. */
  #appendOther(
    u8: Uint8Array,
    key: RecordBytes,
    value: RecordBytes,
    timestamp: number,
    headers: HeaderList | undefined,
  ): boolean {
    let keyBytes: Uint8Array | undefined
    let keyLength = -1
    let valueBytes: Uint8Array | undefined
    let valueLength = -1
    let staged = 0
    if (key !== null) {
      if (typeof key === 'string') {
        keyLength = stage(key, u8, this.#keyStaging, this.#keyView)
        if (keyLength >= 0) staged = stagedKey
        else keyBytes = encoder.encode(key)
      } else keyBytes = key
      if (keyBytes !== undefined) keyLength = keyBytes.length
    }
    if (value !== null) {
      if (typeof value === 'string') {
        valueLength = stage(value, u8, this.#valueStaging, this.#valueView)
        if (valueLength >= 0) staged |= stagedValue
        else valueBytes = encoder.encode(value)
      } else valueBytes = value
      if (valueBytes !== undefined) valueLength = valueBytes.length
    }
    const headersBytes = headers === undefined || headers.length === 0 ? 1 : headersSize(headers)
    const count = this.#recordCount
    const baseTimestamp = count === 0 ? timestamp : this.#baseTimestamp
    const place = this.#reserve(keyLength, valueLength, timestamp, baseTimestamp, headersBytes, staged)
    if (place === 0) return false
    if (keyBytes !== undefined) put(u8, keyBytes, place - varintSize(valueLength) - keyLength)
    if (valueBytes !== undefined) put(u8, valueBytes, place)
    const valueEnd = valueLength > 0 ? place + valueLength : place
    if (headersBytes !== 1) writeHeaders(this.#core, headers as HeaderList, valueEnd)
    this.#end = valueEnd + headersBytes
    this.#baseTimestamp = baseTimestamp
    if (count === 0 || timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    this.#recordCount = count + 1
    return true
  }

  appendPacked(payload: Uint8Array, lengths: Int32Array, timestamp: number): boolean {
    if (this.#start === 0) throw misuse('no batch is open: begin one first')
    if (lengths.length % 2 !== 0) throw misuse('lengths of packed records come in pairs')
    const [end, count, maxTimestamp] = [this.#end, this.#recordCount, this.#maxTimestamp]
    const restore = (): void => {
      this.#end = end
      this.#recordCount = count
      this.#maxTimestamp = maxTimestamp
    }
    try {
      let from = 0
      for (let pair = 0; pair < lengths.length; pair += packedLengths) {
        const part = lengths.subarray(pair, pair + packedLengths)
        const to = part.length === lengths.length ? payload.length : from + payloadBytes(part)
        if (!this.#appendPart(payload.subarray(from, to), part, timestamp)) {
          restore()
          return false
        }
        from = to
      }
      return true
    } catch (error) {
      restore()
      throw this.#core.failure(error)
    }
  }

  #appendPart(payload: Uint8Array, lengths: Int32Array, timestamp: number): boolean {
    const { exports, u8 } = this.#core
    const records = lengths.length >> 1
    const count = this.#recordCount
    const baseTimestamp = count === 0 ? timestamp : this.#baseTimestamp
    const near = (timestamp - baseTimestamp) | 0
    const flags = this.#distance(timestamp, baseTimestamp)
    new Int32Array(u8.buffer, this.#valueStaging, lengths.length).set(lengths)
    const size = exports.packed_size(records, payload.length, near, count, flags)
    if (size < 0) throw misuse('lengths of packed records do not add up to their payload')
    if (this.#end + size > this.#limit) return false
    const place = this.#end + size - payload.length
    u8.set(payload, place)
    exports.packed_write(this.#end, place, records, near, count, flags)
    this.#end += size
    this.#baseTimestamp = baseTimestamp
    if (count === 0 || timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    this.#recordCount = count + records
    return true
  }

  /** Flags for WASM: 0 where the delta fits 32 bits, else both timestamps are laid out for it. */
  #distance(timestamp: number, baseTimestamp: number): number {
    const delta = timestamp - baseTimestamp
    if (delta === (delta | 0)) return 0
    const { view } = this.#core
    view.setFloat64(this.#timestamps, timestamp, true)
    view.setFloat64(this.#timestamps + 8, baseTimestamp, true)
    return farTimestamp
  }

  #renewed(): Uint8Array<ArrayBuffer> {
    this.#renewViews()
    return this.#u8
  }

  #reserve(
    keyLength: number,
    valueLength: number,
    timestamp: number,
    baseTimestamp: number,
    headersBytes: number,
    staged: number,
  ): number {
    if (this.#start === 0) throw misuse('no batch is open: begin one first')
    const near = (timestamp - baseTimestamp) | 0
    const flags = staged | this.#distance(timestamp, baseTimestamp)
    try {
      const place = this.#core.exports.record_reserve(
        this.#end,
        this.#limit,
        keyLength,
        valueLength,
        near,
        this.#recordCount,
        headersBytes,
        flags,
      )
      return place >>> 0
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  seal(fields: BatchSeal): number {
    if (this.#recordCount === 0) throw misuse('a batch without records has nothing to seal')
    try {
      const size = this.#core.exports.batch_seal(
        this.#start,
        this.#end - this.#start,
        this.#recordCount,
        this.#baseTimestamp,
        this.#maxTimestamp,
        fields.baseOffset,
        fields.partitionLeaderEpoch,
        fields.producerId,
        fields.producerEpoch,
        fields.baseSequence,
        fields.attributes,
      )
      this.abandon()
      return size
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  abandon(): void {
    this.#start = 0
    this.#end = 0
    this.#limit = 0
    this.#recordCount = 0
    this.#maxTimestamp = -1
  }
}

function payloadBytes(lengths: Int32Array): number {
  let sum = 0
  for (const length of lengths) sum += Math.max(length, 0)
  return sum
}

/** UTF-8 length of the string, now at `address`; -1 where it might not fit the place. */
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

function put(u8: Uint8Array, bytes: Uint8Array, address: number): void {
  const { length } = bytes
  if (length > shortBytes) u8.set(bytes, address)
  else for (let index = 0; index < length; index++) u8[address + index] = bytes[index] as number
}
