import { LogError } from '../../model/errors.ts'

/** Up to here a loop beats the decoder. */
const SHORT_TEXT_BYTES = 24

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** What MessageWriter wrote. A message that ends too early, or goes on, is none: NETWORK_EXCEPTION. */
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

  int32(): number {
    return this.#view.getInt32(this.#take(4), true)
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8), true)
  }

  /** How many of something follow, each of at least `sizeBytes`. */
  count(sizeBytes: number): number {
    return this.assertRoom(this.int32(), sizeBytes)
  }

  /** So many of at least `sizeBytes` each may still follow. */
  assertRoom(count: number, sizeBytes: number): number {
    if (count < 0 || count * sizeBytes > this.#bytes.length - this.#position) throw malformed()
    return count
  }

  text(): string {
    const length = this.count(1)
    const at = this.#take(length)
    return this.#shortText(at, length) ?? decoder.decode(this.#bytes.subarray(at, at + length))
  }

  /** Names are short and plain: the decoder's call costs more than they do. */
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
