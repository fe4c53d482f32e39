const TWO_POW_32 = 0x1_0000_0000
const encoder = new TextEncoder()

/** Big-endian writer over a growing buffer. 64-bit values are numbers: exact to 2^53, no BigInt. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #length = 0

  constructor(initialBytes = 1024) {
    this.#bytes = new Uint8Array(initialBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  /** The bytes so far: a view, valid until the next write. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
  }

  #reserve(count: number): number {
    const at = this.#length
    if (at + count > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + count))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = at + count
    return at
  }

  uint8(value: number): void {
    const at = this.#reserve(1)
    this.#view.setUint8(at, value)
  }

  uint16(value: number): void {
    const at = this.#reserve(2)
    this.#view.setUint16(at, value)
  }

  uint32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value)
  }

  int64(value: number): void {
    const at = this.#reserve(8)
    this.#view.setInt32(at, Math.floor(value / TWO_POW_32))
    this.#view.setUint32(at + 4, value >>> 0)
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** Length in 16 bits, then UTF-8. */
  text(value: string): void {
    if (this.#ascii(value)) return
    const encoded = encoder.encode(value)
    this.uint16(encoded.length)
    this.raw(encoded)
  }

  /**
   * Writes text that is ASCII, as names and ids nearly always are, without an encoder or an array. False, with nothing
   * written, for other text.
   */
  #ascii(value: string): boolean {
    const { length } = value
    const at = this.#reserve(2 + length)
    this.#view.setUint16(at, length)
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index)
      if (unit >= 0x80) {
        this.#length = at
        return false
      }
      this.#bytes[at + 2 + index] = unit
    }
    return true
  }

  /** Room for `count` bytes, which the caller fills before the next write. */
  room(count: number): Uint8Array<ArrayBuffer> {
    const at = this.#reserve(count)
    return this.#bytes.subarray(at, at + count)
  }

  setUint32(at: number, value: number): void {
    this.#view.setUint32(at, value)
  }
}
