import type { KernelCore } from './kernel-core.ts'

const firstBytes = 512

/** A block that doubles when it is full; without memory at first. A growth that fails changes nothing. */
export class GrowingBlock {
  readonly core: KernelCore
  address = 0
  #capacityBytes = 0

  constructor(core: KernelCore) {
    this.core = core
  }

  /**
   * The entries of an index file in a block of their own; `undefined` if `ascends` returns 0 for them, or without
   * memory. No entries take no memory.
   */
  static ofEntries(
    core: KernelCore,
    bytes: Uint8Array,
    ascends: (address: number) => number,
  ): GrowingBlock | undefined {
    const loaded = new GrowingBlock(core)
    if (bytes.length === 0) return loaded
    if (!loaded.reserve(bytes.length, 0)) return undefined
    core.u8.set(bytes, loaded.address)
    if (ascends(loaded.address) !== 0) return loaded
    loaded.free()
    return undefined
  }

  /** Makes room for `neededBytes` in all; the first `usedBytes` are kept. */
  reserve(neededBytes: number, usedBytes: number): boolean {
    if (neededBytes <= this.#capacityBytes) return true
    const sizeBytes = Math.max(neededBytes, this.#capacityBytes * 2, firstBytes)
    const address = this.core.allocate(sizeBytes)
    if (address === 0) return false
    if (usedBytes > 0) this.core.exports.bytes_copy(address, this.address, usedBytes)
    this.free()
    this.address = address
    this.#capacityBytes = this.core.exports.block_size(sizeBytes) >>> 0
    return true
  }

  /** Takes another block's memory for its own. */
  replace(other: GrowingBlock): void {
    this.free()
    this.address = other.address
    this.#capacityBytes = other.#capacityBytes
    other.address = 0
    other.#capacityBytes = 0
  }

  free(): void {
    if (this.address !== 0) this.core.free(this.address)
    this.address = 0
    this.#capacityBytes = 0
  }
}
