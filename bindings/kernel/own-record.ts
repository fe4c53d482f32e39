import { oneChunk } from '../model/chunked-bytes.ts'
import { type ReadHeaders, readHeaders } from '../model/read-headers.ts'

const noHeaders: ReadHeaders = []

/** One record copied out of a batch, as a batch of one. */
export class OwnRecord {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly recordCount: number = 1
  /** From its key to its end. */
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #keyLength: number
  readonly #valuePosition: number
  readonly #valueLength: number
  readonly #headerCount: number
  readonly #timestamp: number

  /** `row`: where its row of the record table stands in `words`. */
  constructor(offset: number, words: Int32Array, row: number, bytes: Uint8Array<ArrayBuffer>) {
    this.baseOffset = offset
    this.nextOffset = offset + 1
    this.#bytes = bytes
    this.#keyLength = words[row + 1] as number
    this.#valuePosition = (words[row + 2] as number) - (words[row] as number)
    this.#valueLength = words[row + 3] as number
    this.#headerCount = words[row + 5] as number
    this.#timestamp = (words[row + 7] as number) * 4294967296 + ((words[row + 6] as number) >>> 0)
  }

  offsetOf(): number {
    return this.baseOffset
  }

  timestampOf(): number {
    return this.#timestamp
  }

  keyOf(): Uint8Array<ArrayBuffer> | null {
    return this.#view(0, this.#keyLength)
  }

  valueOf(): Uint8Array<ArrayBuffer> | null {
    return this.#view(this.#valuePosition, this.#valueLength)
  }

  headersOf(): ReadHeaders {
    if (this.#headerCount === 0) return noHeaders
    return readHeaders(oneChunk(this.#bytes), this.#valuePosition + Math.max(this.#valueLength, 0), this.#headerCount)
  }

  #view(position: number, length: number): Uint8Array<ArrayBuffer> | null {
    return length < 0 ? null : new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + position, length)
  }
}
