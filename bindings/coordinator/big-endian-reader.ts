import { damaged } from '../log/catalogue/catalogue-codec.ts'
import type { TableRecordPlace } from '../log/catalogue/table-record.ts'
import { LogError } from '../model/errors.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const WORD = 2 ** 32

/**
 * Reads Kafka's field types (big-endian-writer.ts) out of any bytes. The only failures are CORRUPT_LOG with `place`,
 * beyond the end or for text that isn't UTF-8, and INTEGER_RANGE for an integer beyond 2^53.
 */
export class BigEndianReader {
  readonly place: TableRecordPlace
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array, place: TableRecordPlace) {
    this.place = place
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1))
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2))
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4))
  }

  int64(field: string): number {
    const at = this.#take(8)
    const value = this.#view.getInt32(at) * WORD + this.#view.getUint32(at + 4)
    if (Number.isSafeInteger(value)) return value
    throw new LogError('INTEGER_RANGE', `the field ${field} lies beyond 2^53`, { ...this.place, field })
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const group = this.#view.getUint8(this.#take(1))
      value += (group & 0x7f) * 2 ** shift
      if (group < 0x80 && value <= 0x7fffffff) return value
    }
    throw damaged(this.place, 'a length is out of range')
  }

  nullableString(): string | null {
    const length = this.int16()
    return length === -1 ? null : this.#text(length)
  }

  compactString(): string {
    return this.#text(this.varint() - 1)
  }

  nullableCompactString(): string | null {
    const length = this.varint()
    return length === 0 ? null : this.#text(length - 1)
  }

  #text(length: number): string {
    const at = this.#take(length)
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length))
    } catch (error) {
      throw damaged(this.place, 'a text is not UTF-8', error)
    }
  }

  string(): string {
    const text = this.nullableString()
    if (text === null) throw damaged(this.place, 'a text is missing')
    return text
  }

  /** A view of the bytes that were handed in. */
  nullableBytes(): Uint8Array | null {
    const length = this.int32()
    if (length === -1) return null
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** `itemBytesMin` bounds the count by the bytes that are left, so that a damaged one can't ask for much memory. */
  array<T>(itemBytesMin: number, item: () => T): T[] {
    return this.items(this.int32(), itemBytesMin, item)
  }

  items<T>(count: number, itemBytesMin: number, item: () => T): T[] {
    if (count < 0 || count * itemBytesMin > this.#bytes.length - this.#at) throw damaged(this.place, 'a count is wrong')
    return Array.from({ length: count }, item)
  }

  /** A view of the bytes that were handed in. */
  raw(sizeBytes: number): Uint8Array {
    const at = this.#take(sizeBytes)
    return this.#bytes.subarray(at, at + sizeBytes)
  }

  skip(sizeBytes: number): void {
    this.#take(sizeBytes)
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw damaged(this.place, 'bytes follow its last field')
  }

  #take(sizeBytes: number): number {
    const at = this.#at
    if (sizeBytes < 0 || sizeBytes > this.#bytes.length - at) throw damaged(this.place, 'it ends too early')
    this.#at = at + sizeBytes
    return at
  }
}
