import { misuse } from './core.ts'
import type { BatchHeader, DecodedBatch } from './kernel.ts'

// A row of the record table as 32-bit words: keyPosition, keyLength, valuePosition, valueLength, offsetDelta, headerCount,
// and the timestamp as the fourth 64-bit word.
const rowWords = 8
const rowDoubles = 4

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const noHeaders: readonly (readonly [name: string, value: Uint8Array<ArrayBuffer> | null])[] = []

/** Records as views on the batch's own bytes, made when asked for. The kernel has checked every length in the table. */
export class DecodedRecords implements DecodedBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly header: Readonly<BatchHeader>
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly recordCount: number
  readonly #words: Int32Array
  readonly #doubles: Float64Array

  constructor(header: Readonly<BatchHeader>, bytes: Uint8Array<ArrayBuffer>, table: ArrayBuffer) {
    this.baseOffset = header.baseOffset
    this.nextOffset = header.baseOffset + header.lastOffsetDelta + 1
    this.header = header
    this.bytes = bytes
    this.#words = new Int32Array(table)
    this.#doubles = new Float64Array(table)
    this.recordCount = this.#words.length / rowWords
  }

  offsetOf(index: number): number {
    return this.baseOffset + this.#word(index, 4)
  }

  timestampOf(index: number): number {
    this.#word(index, 0)
    return this.#doubles[index * rowDoubles + 3] as number
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
    const cursor = new VarintCursor(this.bytes, this.#word(index, 2) + Math.max(this.#word(index, 3), 0))
    cursor.next()
    const headers: (readonly [string, Uint8Array<ArrayBuffer> | null])[] = []
    for (let header = 0; header < count; header++) {
      const nameLength = cursor.next()
      const name = decoder.decode(this.bytes.subarray(cursor.position, cursor.position + nameLength))
      cursor.position += nameLength
      const valueLength = cursor.next()
      headers.push([name, this.#bytesAt(cursor.position, valueLength)])
      cursor.position += Math.max(valueLength, 0)
    }
    return headers
  }

  #word(index: number, field: number): number {
    const word = this.#words[index * rowWords + field]
    if (word === undefined) throw misuse(`record ${index} of a batch of ${this.recordCount}`)
    return word
  }

  #bytesAt(position: number, length: number): Uint8Array<ArrayBuffer> | null {
    return length < 0 ? null : new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + position, length)
  }
}

class VarintCursor {
  readonly #bytes: Uint8Array
  position: number

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes
    this.position = position
  }

  next(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const group = this.#bytes[this.position++] as number
      value |= (group & 0x7f) << shift
      if (group < 0x80) return (value >>> 1) ^ -(value & 1)
    }
  }
}
