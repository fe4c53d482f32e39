import { LogError } from '../../model/errors.ts'

/** Up to this length a loop is quicker than the decoder. */
const SHORT_TEXT_BYTES = 24

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Reads what MessageWriter wrote. NETWORK_EXCEPTION for a message that ends too early or goes on past its end. */
export class MessageReader {
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #view: DataView
  #position = 0

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true)
  }

  /** A copy of that many of them. */
  int32s(count: number): Int32Array {
    const at = this.#take(count * 4)
    return new Int32Array(this.#bytes.slice(at, at + count * 4).buffer)
  }

  /** As `int32s`, of what was written aligned to 32 bits. */
  words(count: number): Int32Array {
    this.#take(-this.#position & 3)
    return this.int32s(count)
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), true)
  }

  /** The number of items that follow, each of at least `sizeBytes`. */
  count(sizeBytes: number): number {
    return this.assertRoom(this.int32(), sizeBytes)
  }

  /** NETWORK_EXCEPTION unless the rest of the message has room for `count` items of at least `sizeBytes` each. */
  assertRoom(count: number, sizeBytes: number): number {
    if (count < 0 || count * sizeBytes > this.#bytes.length - this.#position) throw malformed()
    return count
  }

  text(): string {
    const length = this.count(1)
    const at = this.#take(length)
    return this.#shortText(at, length) ?? decoder.decode(this.#bytes.subarray(at, at + length))
  }

  /** Names are short and ASCII: a call of the decoder costs more than they do. */
  #shortText(at: number, length: number): string | undefined {
    if (length > SHORT_TEXT_BYTES) return undefined
    let text = ''
    for (let index = at; index < at + length; index++) {
      const code = this.#bytes[index] as number
      if (code >= 0x80) return undefined
      text += String.fromCharCode(code)
    }
    return text
  }

  /** A view of the message. */
  bytes(): Uint8Array<ArrayBuffer> | null {
    const length = this.int32()
    if (length === -1) return null
    if (length < 0) throw malformed()
    return this.#slice(length)
  }

  /** A view of that many bytes of the message. */
  content(length: number): Uint8Array<ArrayBuffer> {
    return this.#slice(length)
  }

  end(): void {
    if (this.#position !== this.#bytes.length) throw malformed()
  }

  #slice(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length)
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, length)
  }

  #take(count: number): number {
    const at = this.#position
    if (count > this.#bytes.length - at) throw malformed()
    this.#position = at + count
    return at
  }
}

export function malformed(): LogError {
  return new LogError('NETWORK_EXCEPTION', 'a message from the other process cannot be read')
}
