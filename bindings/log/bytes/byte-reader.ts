import { LogError } from '../../model/errors.ts'

const TWO_POW_32 = 0x1_0000_0000
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads big-endian fields. A read beyond the end throws CORRUPT_LOG, which names `file` and the position in it. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #file: string
  readonly #filePosition: number
  #at = 0

  /** `filePosition`: where in `file` these bytes begin, for error messages. */
  constructor(bytes: Uint8Array, file: string, filePosition = 0) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#file = file
    this.#filePosition = filePosition
  }

  get position(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.#bytes.length - at) throw this.damaged(`${count} bytes expected, ${this.remaining} left`)
    this.#at = at + count
    return at
  }

  /** The error for content that can't be right, at the present position. */
  damaged(what: string): LogError {
    const position = this.#filePosition + this.#at
    return new LogError('CORRUPT_LOG', `${this.#file} is damaged at ${position}: ${what}`, {
      file: this.#file,
      position,
    })
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  /** One byte that is 0 or 1. */
  flag(): boolean {
    const value = this.uint8()
    if (value > 1) throw this.damaged('neither yes nor no')
    return value === 1
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  int64(): number {
    const at = this.#take(8)
    const value = this.#view.getInt32(at) * TWO_POW_32 + this.#view.getUint32(at + 4)
    if (!Number.isSafeInteger(value)) throw this.damaged('a 64-bit field lies beyond 2^53')
    return value
  }

  /** A view of the next `count` bytes. */
  raw(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }

  text(): string {
    const bytes = this.raw(this.uint16())
    try {
      return decoder.decode(bytes as Uint8Array<ArrayBuffer>)
    } catch {
      throw this.damaged('a text is not UTF-8')
    }
  }

  /** CORRUPT_LOG unless all bytes were read. */
  end(): void {
    if (this.remaining > 0) throw this.damaged(`${this.remaining} bytes follow its end`)
  }
}
