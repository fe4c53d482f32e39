import { createRequire } from 'node:module'
import type { BenchRecord, Visit } from '../harness/peer.ts'

// A batch: u32 bytes of the whole batch, u32 CRC-32C of what follows it (0 where unchecked), u32 records; then each
// record as u32 (key bytes << 24 | value bytes), key, value. So a key has at most 255 bytes and a value less than 16
// MiB.
export const BATCH_HEADER_BYTES = 12
const RECORD_HEADER_BYTES = 4
const CRC_START = 8

export type Crc32c = (bytes: Uint8Array) => number

/** The native add-on takes about 10 ms to load, so a log without checksums doesn't. */
export function loadCrc(): Crc32c {
  const addOn = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c: Crc32c }
  return addOn.crc32c
}

/** Encodes length-prefixed batches into one buffer that is used again and again. */
export class RawEncoder {
  bytes: Buffer = Buffer.allocUnsafeSlow(256 * 1024)
  #view: DataView = new DataView(this.bytes.buffer)
  readonly #crc: Crc32c | undefined

  constructor(crc: Crc32c | undefined) {
    this.#crc = crc
  }

  /** Gives the length; with `positions`, where each record starts is noted there from `index` on. */
  encode(
    records: readonly BenchRecord[],
    filePosition: number,
    positions: Float64Array | undefined,
    index: number,
  ): number {
    let bound = BATCH_HEADER_BYTES
    for (let at = 0; at < records.length; at++) {
      const record = records[at] as BenchRecord
      bound += RECORD_HEADER_BYTES + record.key.length + record.value.length
    }
    if (bound > this.bytes.length) {
      this.bytes = Buffer.allocUnsafeSlow(bound * 2)
      this.#view = new DataView(this.bytes.buffer)
    }
    const { bytes } = this
    const view = this.#view
    let position = BATCH_HEADER_BYTES
    for (let at = 0; at < records.length; at++) {
      const { key, value } = records[at] as BenchRecord
      const keyLength = key.length
      if (positions !== undefined) positions[index + at] = filePosition + position
      view.setUint32(position, (keyLength << 24) | value.length, true)
      position += RECORD_HEADER_BYTES
      bytes.set(key, position)
      position += keyLength
      bytes.set(value, position)
      position += value.length
    }
    view.setUint32(0, position, true)
    view.setUint32(8, records.length, true)
    view.setUint32(4, this.#crc === undefined ? 0 : this.#crc(bytes.subarray(CRC_START, position)), true)
    return position
  }
}

export interface RawScan {
  readonly records: number
  /** Where the next batch belongs. */
  readonly end: number
}

type ReadAt = (position: number, target: Uint8Array, length: number) => number

/** Reads batches from `from` until the first that is missing, cut or fails its CRC. */
export function scanRaw(
  read: ReadAt,
  from: number,
  crc: Crc32c | undefined,
  visit: Visit | undefined,
  onRecord?: ((position: number) => void) | undefined,
): RawScan {
  let buffer = Buffer.allocUnsafeSlow(1024 * 1024)
  let view = new DataView(buffer.buffer)
  let position = from
  let records = 0
  for (;;) {
    const available = read(position, buffer, buffer.length)
    let at = 0
    while (available - at >= BATCH_HEADER_BYTES) {
      const length = view.getUint32(at, true)
      if (length < BATCH_HEADER_BYTES) return { records, end: position + at }
      if (available - at < length) break
      if (crc !== undefined && crc(buffer.subarray(at + CRC_START, at + length)) !== view.getUint32(at + 4, true)) {
        return { records, end: position + at }
      }
      records += view.getUint32(at + 8, true)
      if (visit !== undefined) visitBatch(buffer, view, at, length, visit)
      if (onRecord !== undefined) notePositions(view, at, length, position, onRecord)
      at += length
    }
    if (at === 0) {
      const needed = available >= BATCH_HEADER_BYTES ? view.getUint32(0, true) : 0
      if (needed <= buffer.length) return { records, end: position }
      // A length read from the disk may be garbage: never more than a batch can hold.
      if (needed > 512 * 1024 * 1024 || available < buffer.length) return { records, end: position }
      buffer = Buffer.allocUnsafeSlow(needed)
      view = new DataView(buffer.buffer)
    }
    position += at
  }
}

function visitBatch(buffer: Buffer, view: DataView, start: number, length: number, visit: Visit): void {
  const end = start + length
  let at = start + BATCH_HEADER_BYTES
  while (at < end) {
    const lengths = view.getUint32(at, true)
    const keyAt = at + RECORD_HEADER_BYTES
    const valueAt = keyAt + (lengths >>> 24)
    at = valueAt + (lengths & 0xffffff)
    visit(buffer.subarray(keyAt, valueAt), buffer.subarray(valueAt, at))
  }
}

function notePositions(view: DataView, start: number, length: number, base: number, note: (at: number) => void): void {
  let at = start + BATCH_HEADER_BYTES
  while (at < start + length) {
    note(base + at)
    const lengths = view.getUint32(at, true)
    at += RECORD_HEADER_BYTES + (lengths >>> 24) + (lengths & 0xffffff)
  }
}

/** Reads one record at a known position with one read call. */
export function readRaw(read: ReadAt, position: number, scratch: Buffer, guess: number, visit: Visit): void {
  read(position, scratch, guess)
  const lengths = scratch.readUInt32LE(0)
  const valueAt = RECORD_HEADER_BYTES + (lengths >>> 24)
  const end = valueAt + (lengths & 0xffffff)
  if (end > guess) read(position, scratch, end)
  visit(scratch.subarray(RECORD_HEADER_BYTES, valueAt), scratch.subarray(valueAt, end))
}
