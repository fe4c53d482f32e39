// Slow and plain models of what the kernel does; nothing here shares a thought with assembly/.
import type { BatchFault, BatchSeal } from '../../bindings/kernel/kernel.ts'
import { joined } from '../joined.ts'

export function crc32cReference(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

export interface PlainRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
}

export function varintReference(value: bigint): number[] {
  let rest = value >= 0n ? value * 2n : -value * 2n - 1n
  const groups: number[] = []
  while (rest >= 128n) {
    groups.push(Number(rest % 128n) + 128)
    rest /= 128n
  }
  groups.push(Number(rest))
  return groups
}

function integer(value: bigint | number, width: number): number[] {
  let rest = BigInt.asUintN(width * 8, BigInt(value))
  const bytes: number[] = []
  for (let index = 0; index < width; index++) {
    bytes.unshift(Number(rest & 255n))
    rest >>= 8n
  }
  return bytes
}

function sized(bytes: Uint8Array | null): Uint8Array {
  return bytes === null ? joined([varintReference(-1n)]) : joined([varintReference(BigInt(bytes.length)), bytes])
}

export function encodeReference(records: readonly PlainRecord[], seal: BatchSeal): Uint8Array {
  const base = records[0]?.timestamp ?? -1
  const body = records.flatMap((record, index) => {
    const inner = joined([
      [0],
      varintReference(BigInt(record.timestamp) - BigInt(base)),
      varintReference(BigInt(index)),
      sized(record.key),
      sized(record.value),
      varintReference(BigInt(record.headers.length)),
      ...record.headers.flatMap(([name, value]) => [sized(new TextEncoder().encode(name)), sized(value)]),
    ])
    return [varintReference(BigInt(inner.length)), inner]
  })
  const covered = joined([
    integer(seal.attributes, 2),
    integer(records.length - 1, 4),
    integer(base, 8),
    integer(Math.max(...records.map((record) => record.timestamp)), 8),
    integer(seal.producerId, 8),
    integer(seal.producerEpoch, 2),
    integer(seal.baseSequence, 4),
    integer(records.length, 4),
    ...body,
  ])
  return joined([
    integer(seal.baseOffset, 8),
    integer(covered.length + 9, 4),
    integer(seal.partitionLeaderEpoch, 4),
    [2],
    integer(crc32cReference(covered), 4),
    covered,
  ])
}

export interface DecodedReference {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly records: readonly (PlainRecord & { readonly offset: number })[]
}

class Fault extends Error {
  readonly fault: BatchFault
  constructor(fault: BatchFault) {
    super(fault)
    this.fault = fault
  }
}

class Cursor {
  readonly bytes: Uint8Array
  at: number
  end: number
  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }
  byte(): number {
    if (this.at >= this.end) throw new Fault('bad-count')
    return this.bytes[this.at++] as number
  }
  varint(bits: number): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      if (shift >= BigInt(bits)) throw new Fault('bad-count')
      const group = this.byte()
      value += BigInt(group & 127) << shift
      if (group < 128) break
    }
    if (bits === 32 && value >> 32n) throw new Fault('bad-count')
    value = BigInt.asUintN(bits, value)
    return value & 1n ? -(value + 1n) / 2n : value / 2n
  }
  take(length: number): Uint8Array {
    if (length > this.end - this.at) throw new Fault('bad-count')
    this.at += length
    return this.bytes.slice(this.at - length, this.at)
  }
  sized(): Uint8Array | null {
    const length = Number(this.varint(32))
    return length < 0 ? null : this.take(length)
  }
}

function safe(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new Fault('int64-range')
  return number
}

function recordReference(cursor: Cursor, whole: Cursor, base: bigint, fixed: bigint | undefined) {
  const length = Number(cursor.varint(32))
  if (length < 0 || length > whole.end - cursor.at) throw new Fault('bad-count')
  const inner = new Cursor(cursor.bytes, cursor.at, cursor.at + length)
  inner.byte()
  const delta = inner.varint(70)
  const offsetDelta = Number(inner.varint(32))
  const key = inner.sized()
  const value = inner.sized()
  const count = Number(inner.varint(32))
  if (count < 0 || count > (inner.end - inner.at) / 2) throw new Fault('bad-count')
  const headers: [string, Uint8Array | null][] = []
  for (let index = 0; index < count; index++) {
    const name = inner.sized()
    if (name === null) throw new Fault('bad-count')
    headers.push([new TextDecoder('utf-8', { ignoreBOM: true }).decode(name), inner.sized()])
  }
  if (inner.at !== inner.end) throw new Fault('bad-count')
  cursor.at = inner.end
  return { key, value, headers, offsetDelta, timestamp: () => safe(fixed ?? base + BigInt.asIntN(64, delta)) }
}

/** Every rule of the format once more, one after the other. */
export function decodeReference(bytes: Uint8Array): DecodedReference | BatchFault {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  try {
    if (bytes.length < 12) throw new Fault('incomplete')
    const length = view.getInt32(8)
    if (length < 49) throw new Fault('bad-length')
    if (bytes.length < 17) throw new Fault('incomplete')
    if (bytes[16] !== 2) throw new Fault('bad-magic')
    if (bytes.length < length + 12) throw new Fault('incomplete')
    const sizeBytes = length + 12
    if (crc32cReference(bytes.subarray(21, sizeBytes)) !== view.getUint32(17)) throw new Fault('bad-crc')
    const lastOffsetDelta = view.getInt32(23)
    const count = view.getInt32(57)
    const attributes = view.getInt16(21)
    const isPlain = (attributes & 7) === 0
    if (lastOffsetDelta < 0 || count < 0 || count > lastOffsetDelta + 1) throw new Fault('bad-count')
    if (isPlain && (count === 0 ? sizeBytes !== 61 : count * 7 > sizeBytes - 61)) throw new Fault('bad-count')
    const baseOffset = view.getBigInt64(0)
    if (baseOffset < 0n) throw new Fault('int64-range')
    safe(baseOffset + BigInt(lastOffsetDelta) + 1n)
    for (const at of [27, 35, 43]) safe(view.getBigInt64(at))
    // Compressed records are taken for what they are: the kernel gets a codec that changes nothing.
    if ((attributes & 7) > 4) throw new Fault('bad-compression')
    const cursor = new Cursor(bytes, 61, sizeBytes)
    const records: (PlainRecord & { offset: number })[] = []
    let least = 0
    for (let index = 0; index < count; index++) {
      const fixed = attributes & 8 ? view.getBigInt64(35) : undefined
      const record = recordReference(cursor, cursor, view.getBigInt64(27), fixed)
      if (record.offsetDelta < least || record.offsetDelta > lastOffsetDelta) throw new Fault('bad-count')
      least = record.offsetDelta + 1
      const { key, value, headers } = record
      records.push({
        key,
        value,
        headers,
        timestamp: record.timestamp(),
        offset: Number(baseOffset) + record.offsetDelta,
      })
    }
    if (cursor.at !== sizeBytes) throw new Fault('bad-count')
    return { baseOffset: Number(baseOffset), sizeBytes, records }
  } catch (error) {
    if (error instanceof Fault) return error.fault
    throw error
  }
}

const circle = 2147483648

interface WindowBatch {
  /** Counted on past 2^31 - 1, so that nothing wraps here. */
  readonly first: number
  readonly count: number
  readonly baseOffset: number
}

/** The window of one producer with sequences that never wrap. */
export class WindowReference {
  epoch = -1
  next: number | undefined
  batches: WindowBatch[] = []

  check(epoch: number, first: number, count: number): number {
    if (this.next === undefined) return -1
    if (epoch < this.epoch) return -3
    if (epoch > this.epoch) return first === 0 ? -1 : -2
    if (first === this.next % circle) return -1
    const same = this.batches.find((batch) => batch.first % circle === first && batch.count === count)
    if (same !== undefined) return same.baseOffset
    const oldest = this.batches[0]
    if (oldest === undefined || this.batches.length < 5) return -2
    for (let place = first; place + count <= oldest.first; place += circle)
      if (oldest.first - place < 2 ** 30) return -4
    return -2
  }

  push(epoch: number, first: number, count: number, baseOffset: number): void {
    if (epoch !== this.epoch || this.next === undefined) {
      this.batches = []
      this.next = first
    }
    this.epoch = epoch
    this.batches.push({ first: this.next, count, baseOffset })
    this.next += count
    if (this.batches.length > 5) this.batches.shift()
  }
}
