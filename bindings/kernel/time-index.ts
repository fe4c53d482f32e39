import { GrowingBlock } from './growing-block.ts'
import type { TimeIndex } from './kernel.ts'
import { type KernelCore, misuse } from './kernel-core.ts'

const entryBytes = 12
const int32Max = 2147483647

/** Like the offset index: allocates memory at the first entry, `free` frees it. */
export class KernelTimeIndex implements TimeIndex {
  readonly #core: KernelCore
  readonly #baseOffset: number
  readonly #block: GrowingBlock
  #count = 0
  #lastTimestamp = -1
  #lastRelative = 0

  constructor(core: KernelCore, baseOffset: number) {
    this.#core = core
    this.#baseOffset = baseOffset
    this.#block = new GrowingBlock(core)
  }

  get entryCount(): number {
    return this.#count
  }

  /** -1 without entries. */
  get lastTimestamp(): number {
    return this.#lastTimestamp
  }

  append(timestamp: number, offset: number): boolean {
    if (timestamp <= this.#lastTimestamp) return true
    const relative = offset - this.#baseOffset
    if (!(relative >= this.#lastRelative && relative <= int32Max))
      throw misuse(`time index entry (${timestamp}, ${offset}) lies before the last one`)
    try {
      const used = this.#count * entryBytes
      if (!this.#block.reserve(used + entryBytes, used)) return false
      this.#core.exports.time_index_append(this.#block.address + used, timestamp, relative)
      this.#count++
      this.#lastTimestamp = timestamp
      this.#lastRelative = relative
      return true
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  lookup(timestamp: number): number {
    try {
      return this.#baseOffset + this.#core.exports.time_index_lookup(this.#block.address, this.#count, timestamp)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#core.u8.buffer, this.#block.address, this.#count * entryBytes)
  }

  load(bytes: Uint8Array): boolean {
    if (bytes.length % entryBytes !== 0) return false
    try {
      const count = bytes.length / entryBytes
      const { exports } = this.#core
      const loaded = GrowingBlock.ofEntries(this.#core, bytes, (address) => exports.time_index_ascends(address, count))
      if (loaded === undefined) return false
      this.#block.replace(loaded)
      this.#setCount(count)
      return true
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  #setCount(count: number): void {
    const { exports } = this.#core
    this.#lastTimestamp = count === 0 ? -1 : exports.time_index_last_timestamp(this.#block.address, count)
    this.#lastRelative = count === 0 ? 0 : exports.time_index_last_offset(this.#block.address, count)
    this.#count = count
  }

  free(): void {
    try {
      this.#block.free()
      this.#setCount(0)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }
}
