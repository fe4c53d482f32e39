import type { ChunkedBytes } from './chunked-bytes.ts'
import { LogError } from './errors.ts'
import { type ReadHeaders, readHeaders } from './read-headers.ts'

// A row of the record table as 32-bit words: keyPosition, keyLength, valuePosition, valueLength, offsetDelta,
// headerCount, and the timestamp, its low half first.
export const ROW_WORDS = 8
export const ROW_BYTES: number = ROW_WORDS * 4
const FILLING_BITS = 10

/** Rows that the kernel lays out at once. */
export const FILLING_ROWS: number = 1 << FILLING_BITS

const NO_ROWS = new Int32Array(0)
const NO_HEADERS: ReadHeaders = []

/**
 * Records as views of the batch's bytes, made when they are asked for. Every length in the table, those of headers
 * included, was checked where the table was made or received.
 */
export class DecodedRecords {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly recordCount: number
  readonly plainBytes: number
  readonly #bytes: ChunkedBytes
  /** The first filling of the record table, where most batches end. */
  readonly #first: Int32Array
  readonly #fillings: readonly Int32Array[]

  constructor(
    baseOffset: number,
    nextOffset: number,
    recordCount: number,
    bytes: ChunkedBytes,
    plainBytes: number,
    table: readonly Int32Array[],
  ) {
    this.baseOffset = baseOffset
    this.nextOffset = nextOffset
    this.recordCount = recordCount
    this.plainBytes = plainBytes
    this.#bytes = bytes
    this.#fillings = table
    this.#first = this.#fillings[0] ?? NO_ROWS
  }

  get memoryBytes(): number {
    return this.plainBytes + this.recordCount * ROW_BYTES
  }

  /** Writes the table and, after it, the bytes. */
  pack(words: Int32Array<ArrayBuffer>, at: number): void {
    let end = at
    for (const filling of this.#fillings) {
      words.set(filling, end)
      end += filling.length
    }
    this.#bytes.copyTo(new Uint8Array(words.buffer, words.byteOffset + end * 4, this.plainBytes))
  }

  offsetOf(index: number): number {
    return this.baseOffset + this.#word(index, 4)
  }

  timestampOf(index: number): number {
    return this.#word(index, 7) * 4294967296 + (this.#word(index, 6) >>> 0)
  }

  keyOf(index: number): Uint8Array<ArrayBuffer> | null {
    return this.#bytesAt(index, 0)
  }

  valueOf(index: number): Uint8Array<ArrayBuffer> | null {
    return this.#bytesAt(index, 2)
  }

  headersOf(index: number): ReadHeaders {
    const count = this.#word(index, 5)
    if (count === 0) return NO_HEADERS
    return readHeaders(this.#bytes, this.#word(index, 2) + Math.max(this.#word(index, 3), 0), count)
  }

  #word(index: number, field: number): number {
    const word = this.#fillingOf(index)?.[wordOf(index, field)]
    if (word === undefined || index < 0) throw this.#noRecord(index)
    return word
  }

  #fillingOf(index: number): Int32Array | undefined {
    return index < FILLING_ROWS ? this.#first : this.#fillings[index >>> FILLING_BITS]
  }

  /**
   * A key or value, by the field that says where it begins. Its row is looked up once, because most of a scan is this.
   */
  #bytesAt(index: number, field: number): Uint8Array<ArrayBuffer> | null {
    const filling = this.#fillingOf(index)
    const at = wordOf(index, field)
    const length = filling?.[at + 1]
    if (filling === undefined || length === undefined || index < 0) throw this.#noRecord(index)
    return length < 0 ? null : this.#bytes.range(filling[at] as number, length)
  }

  #noRecord(index: number): LogError {
    return new LogError('INVALID_REQUEST', `record ${index} of a batch of ${this.recordCount}`)
  }
}

function wordOf(index: number, field: number): number {
  return (index & (FILLING_ROWS - 1)) * ROW_WORDS + field
}
