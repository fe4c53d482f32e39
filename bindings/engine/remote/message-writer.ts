/** One message: numbers little-endian, text as UTF-8 behind its length. Grows as it is written. */
export class MessageWriter {
  readonly #encoder = new TextEncoder()
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #length = 0

  constructor(sizeBytes = 256) {
    this.#bytes = new Uint8Array(sizeBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  uint8(value: number): this {
    const at = this.#take(1)
    this.#view.setUint8(at, value)
    return this
  }

  int32(value: number): this {
    const at = this.#take(4)
    this.#view.setInt32(at, value, true)
    return this
  }

  float64(value: number): this {
    const at = this.#take(8)
    this.#view.setFloat64(at, value, true)
    return this
  }

  /** UTF-8 takes at most three bytes for each unit of a string. */
  text(text: string): this {
    const at = this.#take(4 + text.length * 3)
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(at + 4))
    this.#view.setInt32(at, written, true)
    this.#length = at + 4 + written
    return this
  }

  /** -1 is the length of null. */
  bytes(value: Uint8Array | string | null): this {
    if (value === null) return this.int32(-1)
    if (typeof value === 'string') return this.text(value)
    const at = this.int32(value.length).#take(value.length)
    this.#bytes.set(value, at)
    return this
  }

  /** So much comes: it grows once at most. */
  reserve(sizeBytes: number): void {
    this.#take(sizeBytes)
    this.#length -= sizeBytes
  }

  /** The message; it is written no further. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  #take(count: number): number {
    const at = this.#length
    const end = at + count
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, end))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = end
    return at
  }
}
