import { allocate } from '../../model/allocate.ts'
import type { BatchMemory } from '../../model/batch-memory.ts'
import type { MessagePieces } from './message-pieces.ts'

const encoder = new TextEncoder()

/** Writes one message: numbers little-endian, text as UTF-8 after its length. Grows as it is written. */
export class MessageWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #length = 0
  #last: Uint8Array | undefined

  constructor(sizeBytes = 256) {
    this.#bytes = new Uint8Array(sizeBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  uint8(value: number): this {
    const at = this.#take(1)
    this.#view.setUint8(at, value)
    return this
  }

  uint16(value: number): this {
    const at = this.#take(2)
    this.#view.setUint16(at, value, true)
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
    this.#view.setInt32(at, this.#encoded(text, at + 4), true)
    return this
  }

  /** Writes text at `at`, where the message then ends. Returns its length in bytes. */
  #encoded(text: string, at: number): number {
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(at))
    this.#length = at + written
    return written
  }

  /** Bytes after their length, which is -1 for null. */
  bytes(value: Uint8Array | string | null): this {
    if (value === null) return this.int32(-1)
    if (typeof value === 'string') return this.text(value)
    const at = this.int32(value.length).#take(value.length)
    this.#bytes.set(value, at)
    return this
  }

  /** As `bytes`, for the end of the message: they aren't copied, so nothing may be written after them. */
  lastBytes(value: Uint8Array): this {
    this.#last = value
    return this.int32(value.length)
  }

  /** Bytes without their length, which this returns; text as UTF-8; -1 for null. */
  content(value: Uint8Array | string | null): number {
    if (value === null) return -1
    if (typeof value !== 'string') {
      const at = this.#take(value.length)
      this.#bytes.set(value, at)
      return value.length
    }
    return this.#encoded(value, this.#take(value.length * 3))
  }

  /** Leaves room for `sizeBytes` bytes, to be filled in later by `int32At`. */
  leaveOpen(sizeBytes: number): number {
    return this.#take(sizeBytes)
  }

  int32At(at: number, value: number): void {
    this.#view.setInt32(at, value, true)
  }

  /** That many bytes, aligned to 32 bits; `write` is told where they begin. */
  words(sizeBytes: number, write: (words: Int32Array<ArrayBuffer>, at: number) => void): this {
    const from = this.#take(-this.#length & 3)
    const at = this.#take(sizeBytes)
    this.#bytes.fill(0, from, at)
    const { buffer, byteOffset, length } = this.#bytes
    write(new Int32Array(buffer, byteOffset, length >> 2), at >> 2)
    return this
  }

  /** Makes room for that many bytes, so that the message grows at most once; in `memory`, where that is given. */
  reserve(sizeBytes: number, memory?: BatchMemory): void {
    const end = this.#length + sizeBytes
    if (end > this.#bytes.length) this.#move(memory?.take(end) ?? allocate(end))
  }

  /** The message; nothing may be written to it any more. */
  finish(): MessagePieces {
    const written = this.#bytes.subarray(0, this.#length)
    return this.#last === undefined ? [written] : [written, this.#last]
  }

  #take(count: number): number {
    const at = this.#length
    const end = at + count
    if (end > this.#bytes.length) {
      this.#move(allocate(Math.max(this.#bytes.length * 2, end)))
    }
    this.#length = end
    return at
  }

  #move(memory: Uint8Array<ArrayBuffer>): void {
    memory.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = memory
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength)
  }
}
