/** Chunks of a batch that lies in several. */
export const CHUNK_BITS = 16
export const CHUNK_BYTES: number = 1 << CHUNK_BITS
/** A batch has less than 2^31 bytes. */
const ONE_CHUNK_BITS = 31

export function oneChunk({ buffer, byteOffset }: Uint8Array<ArrayBuffer>): ChunkedBytes {
  return new ChunkedBytes([buffer], ONE_CHUNK_BITS, byteOffset)
}

/** Bytes in one chunk, or in several of one size. */
export class ChunkedBytes {
  readonly #chunks: readonly ArrayBuffer[]
  /** Where all of a borrowed batch lies. */
  readonly #first: ArrayBuffer
  readonly #bits: number
  readonly #mask: number
  /** Where each chunk begins in its buffer. */
  readonly #start: number

  constructor(chunks: readonly ArrayBuffer[], bits: number, start: number) {
    this.#chunks = chunks
    this.#first = chunks[0] as ArrayBuffer
    this.#bits = bits
    this.#mask = bits === CHUNK_BITS ? CHUNK_BYTES - 1 : 0x7fff_ffff
    this.#start = start
  }

  /** A view; a copy if the range crosses chunks. The range must lie inside. */
  range(position: number, length: number): Uint8Array<ArrayBuffer> {
    if (position + length - 1 <= this.#mask) return new Uint8Array(this.#first, this.#start + position, length)
    const from = position & this.#mask
    if (from + length - 1 > this.#mask) return this.#joined(position, length)
    return new Uint8Array(this.#chunks[position >>> this.#bits] as ArrayBuffer, this.#start + from, length)
  }

  /** All of it, from its beginning on. */
  copyTo(target: Uint8Array<ArrayBuffer>): void {
    for (let done = 0; done < target.length; ) {
      const part = this.range(done, Math.min(target.length - done, this.#mask - (done & this.#mask) + 1))
      target.set(part, done)
      done += part.length
    }
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
