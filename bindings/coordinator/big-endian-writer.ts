import { LogError } from '../model/errors.ts'

const encoder = new TextEncoder()
const WORD = 2 ** 32

/** Memory above this size isn't kept for the next record. */
const KEPT_BYTES = 64 * 1024

interface Scratch {
  readonly bytes: Uint8Array
  readonly view: DataView
}

function newScratch(sizeBytes: number): Scratch {
  const bytes = new Uint8Array(sizeBytes)
  return { bytes, view: new DataView(bytes.buffer) }
}

/**
 * Memory of the record that was finished last, for the next one: new memory and a view of it would cost more than
 * writing a record does.
 */
let spare: Scratch | undefined

/**
 * Writes Kafka's field types: big-endian integers; string = int16 length and UTF-8; bytes and arrays = int32 length. -1
 * is the length of null. Flexible versions have compact ones: a length is an unsigned varint of one more, 0 for null.
 * Source: kafka.apache.org/protocol, "Protocol Primitive Types".
 */
export class BigEndianWriter {
  #scratch: Scratch
  #size = 0

  constructor() {
    this.#scratch = spare ?? newScratch(256)
    spare = undefined
  }

  int8(value: number): this {
    const at = this.#take(1)
    this.#scratch.view.setInt8(at, value)
    return this
  }

  int16(value: number): this {
    const at = this.#take(2)
    this.#scratch.view.setInt16(at, value)
    return this
  }

  int32(value: number): this {
    const at = this.#take(4)
    this.#scratch.view.setInt32(at, value)
    return this
  }

  /** A safe integer, which a double holds exactly. */
  int64(value: number): this {
    if (!Number.isSafeInteger(value)) throw new LogError('INTEGER_RANGE', `${value} is no 64-bit integer within 2^53`)
    const at = this.#take(8)
    this.#scratch.view.setInt32(at, Math.floor(value / WORD))
    this.#scratch.view.setUint32(at + 4, value >>> 0)
    return this
  }

  string(text: string | null): this {
    if (text === null) return this.int16(-1)
    const lengthAt = this.#take(2)
    const lengthBytes = this.#utf8(text)
    if (lengthBytes > 0x7fff)
      throw new LogError('INVALID_REQUEST', `a text of ${lengthBytes} bytes is longer than 32767`)
    this.#scratch.view.setInt16(lengthAt, lengthBytes)
    return this
  }

  /** UTF-8 without a length before it. */
  text(text: string): this {
    this.#utf8(text)
    return this
  }

  bytes(bytes: Uint8Array | null): this {
    return bytes === null ? this.int32(-1) : this.int32(bytes.length).#raw(bytes)
  }

  /** Up to 2^31 - 1, seven bits at a time, the lowest first. */
  varint(value: number): this {
    let rest = value
    for (; rest >= 0x80; rest >>>= 7) this.int8(rest | 0x80)
    return this.int8(rest)
  }

  compactString(text: string): this {
    const bytes = encoder.encode(text)
    return this.varint(bytes.length + 1).#raw(bytes)
  }

  /** The record's bytes. Must be the last call: the next record uses the writer's memory. */
  finish(): Uint8Array {
    const { bytes } = this.#scratch
    if (bytes.length <= KEPT_BYTES) spare = this.#scratch
    return bytes.slice(0, this.#size)
  }

  /**
   * Writes UTF-8 and returns its length, at most three bytes for each UTF-16 unit. Names and ids are nearly always
   * ASCII, and need no call of the platform.
   */
  #utf8(text: string): number {
    const at = this.#take(3 * text.length)
    const { bytes } = this.#scratch
    const written = writeAscii(text, bytes, at) ? text.length : encoder.encodeInto(text, bytes.subarray(at)).written
    this.#size = at + written
    return written
  }

  #raw(bytes: Uint8Array): this {
    const at = this.#take(bytes.length)
    this.#scratch.bytes.set(bytes, at)
    return this
  }

  /** May replace the memory: call this first, then write. */
  #take(sizeBytes: number): number {
    const at = this.#size
    this.#size += sizeBytes
    const { bytes } = this.#scratch
    if (this.#size > bytes.length) {
      this.#scratch = newScratch(Math.max(this.#size, 2 * bytes.length))
      this.#scratch.bytes.set(bytes)
    }
    return at
  }
}

/** False if the text isn't ASCII; then what was written doesn't count. */
function writeAscii(text: string, bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) return false
    bytes[at + index] = unit
  }
  return true
}
