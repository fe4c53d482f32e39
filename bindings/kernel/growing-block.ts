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
