import type { BatchMemory } from '../model/memory.ts'
import { misuse } from './core.ts'
import type { BatchHeader, DecodedBatch } from './kernel.ts'

// A row of the record table as 32-bit words: keyPosition, keyLength, valuePosition, valueLength, offsetDelta, headerCount,
// and the timestamp, its low half first.
export const rowWords = 8
export const rowBytes: number = rowWords * 4
const fillingBits = 10

/** Rows that the kernel lays out at once. */
export const fillingRows: number = 1 << fillingBits

const chunkBits = 16
const chunkBytes: number = 1 << chunkBits
/** A batch has less than 2^31 bytes. */
const oneChunkBits = 31

const pageBytes = 4096
const blockStart = 16
const slowDistance = 32
/** Shorter copies are done another way. */
const slowFrom = 2048

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const noRows = new Int32Array(0)
const noHeaders: readonly (readonly [name: string, value: Uint8Array<ArrayBuffer> | null])[] = []

/**
 * A batch's bytes, copied in chunks of 64 KiB: allocators give blocks of that size again and again, while each larger one
 * is fresh memory of the system, which at 1 MiB costs three times what the copy does.
 */
export function ownBytes(memory: Uint8Array<ArrayBuffer>, address: number, sizeBytes: number): ChunkedBytes {
  const chunks: ArrayBuffer[] = []
  for (let from = 0; from < sizeBytes; from += chunkBytes) {
    // The constructor copies into memory as it is; slice fills it with zeros first.
    chunks.push(
      new Uint8Array(memory.subarray(address + from, address + Math.min(from + chunkBytes, sizeBytes))).buffer,
    )
  }
  return new ChunkedBytes(chunks, chunkBits, 0)
}

/** The same as one chunk in memory that is used again: it costs the copy alone. */
export function lentBytes(
  memory: Uint8Array<ArrayBuffer>,
  address: number,
  sizeBytes: number,
  lender: BatchMemory,
): ChunkedBytes {
  const { buffer, byteOffset } = lent(memory.subarray(address, address + sizeBytes), lender)
  return new ChunkedBytes([buffer], oneChunkBits, byteOffset)
}

/**
 * A copy. Processors of AMD move bytes at a twelfth of their speed where the target lies 1 to 31 bytes after the source,
 * whole pages of 4 KiB left out (glibc bug 30994). Batches of 128 records would lie so again and again, so what is large
 * is moved away from there: WASM memory begins on a page, a block of JavaScript's 16 bytes after one.
 */
export function lent(bytes: Uint8Array, lender: BatchMemory): Uint8Array<ArrayBuffer> {
  const { length } = bytes
  if (length < slowFrom) return copied(bytes, lender.take(length))
  const memory = lender.take(length + slowDistance)
  const distance = (memory.byteOffset + blockStart - bytes.byteOffset) & (pageBytes - 1)
  const from = distance < slowDistance ? slowDistance - distance : 0
  return copied(bytes, memory.subarray(from, from + length))
}

function copied(bytes: Uint8Array, into: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  into.set(bytes)
  return into
}

class ChunkedBytes {
  readonly #chunks: readonly ArrayBuffer[]
  readonly #bits: number
  readonly #mask: number
  /** Where each chunk begins in its buffer. */
  readonly #start: number

  constructor(chunks: readonly ArrayBuffer[], bits: number, start: number) {
    this.#chunks = chunks
    this.#bits = bits
    this.#mask = bits === chunkBits ? chunkBytes - 1 : 0x7fff_ffff
    this.#start = start
  }

  /** A view, or a copy of what lies over the end of a chunk. The range is inside. */
  range(position: number, length: number): Uint8Array<ArrayBuffer> {
    const from = position & this.#mask
    if (from + length - 1 > this.#mask) return this.#joined(position, length)
    return new Uint8Array(this.#chunks[position >>> this.#bits] as ArrayBuffer, this.#start + from, length)
  }

  #joined(position: number, length: number): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const from = (position + done) & this.#mask
      const part = this.range(position + done, Math.min(length - done, this.#mask - from + 1))
      joined.set(part, done)
      done += part.length
    }
    return joined
  }
}

/** Records as views on the batch's bytes, made when asked for. The kernel has checked every length in the table. */
export class DecodedRecords implements DecodedBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly header: Readonly<BatchHeader>
  readonly recordCount: number
  readonly plainBytes: number
  readonly #bytes: ChunkedBytes
  /** The first filling of the record table, where most batches end: random reads find it one step sooner. */
  readonly #first: Int32Array
  readonly #fillings: readonly Int32Array[]

  constructor(header: Readonly<BatchHeader>, bytes: ChunkedBytes, plainBytes: number, table: readonly Int32Array[]) {
    this.baseOffset = header.baseOffset
    this.nextOffset = header.baseOffset + header.lastOffsetDelta + 1
    this.header = header
    this.recordCount = header.recordCount
    this.plainBytes = plainBytes
    this.#bytes = bytes
    this.#fillings = table
    this.#first = this.#fillings[0] ?? noRows
  }

  get memoryBytes(): number {
    return this.plainBytes + this.recordCount * rowBytes
  }

  offsetOf(index: number): number {
    return this.baseOffset + this.#word(index, 4)
  }

  timestampOf(index: number): number {
    return this.#word(index, 7) * 4294967296 + (this.#word(index, 6) >>> 0)
  }

  keyOf(index: number): Uint8Array<ArrayBuffer> | null {
    return this.#bytesAt(this.#word(index, 0), this.#word(index, 1))
  }

  valueOf(index: number): Uint8Array<ArrayBuffer> | null {
    return this.#bytesAt(this.#word(index, 2), this.#word(index, 3))
  }

  headersOf(index: number): readonly (readonly [name: string, value: Uint8Array<ArrayBuffer> | null])[] {
    const count = this.#word(index, 5)
    if (count === 0) return noHeaders
    const cursor = new VarintCursor(this.#bytes, this.#word(index, 2) + Math.max(this.#word(index, 3), 0))
    cursor.next()
    const headers: (readonly [string, Uint8Array<ArrayBuffer> | null])[] = []
    for (let header = 0; header < count; header++) {
      const nameLength = cursor.next()
      const name = decoder.decode(this.#bytes.range(cursor.position, nameLength))
      cursor.position += nameLength
      const valueLength = cursor.next()
      headers.push([name, this.#bytesAt(cursor.position, valueLength)])
      cursor.position += Math.max(valueLength, 0)
    }
    return headers
  }

  #word(index: number, field: number): number {
    const filling = index < fillingRows ? this.#first : this.#fillings[index >>> fillingBits]
    const word = filling?.[(index & (fillingRows - 1)) * rowWords + field]
    if (word === undefined || index < 0) throw misuse(`record ${index} of a batch of ${this.recordCount}`)
    return word
  }

  #bytesAt(position: number, length: number): Uint8Array<ArrayBuffer> | null {
    return length < 0 ? null : this.#bytes.range(position, length)
  }
}

class VarintCursor {
  readonly #bytes: ChunkedBytes
  position: number

  constructor(bytes: ChunkedBytes, position: number) {
    this.#bytes = bytes
    this.position = position
  }

  next(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const group = this.#bytes.range(this.position++, 1)[0] as number
      value |= (group & 0x7f) << shift
      if (group < 0x80) return (value >>> 1) ^ -(value & 1)
    }
  }
}
