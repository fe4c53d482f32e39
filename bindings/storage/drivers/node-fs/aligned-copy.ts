/** One page of WASM memory: a frame that only raises ceilings of a hundred partitions takes a tenth of it. */
const SIZE_BYTES = 64 * 1024

/**
 * Memory that starts on a page, as direct writes need it, for one write at a time that another thread does: the
 * kernel's own memory may grow, and so move, before that thread has read it. Made at its first use, because each memory
 * of its own reserves gigabytes of addresses.
 */
export class AlignedCopy {
  #memory: WebAssembly.Memory | undefined
  #isLent = false

  /**
   * A copy that stays as it is until `giveBack`; `undefined` if it is lent, the bytes don't fit, or no memory is to be
   * had.
   */
  lend(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#isLent || bytes.length > SIZE_BYTES) return undefined
    this.#memory ??= newPage()
    if (this.#memory === undefined) return undefined
    this.#isLent = true
    const copy = new Uint8Array(this.#memory.buffer, 0, bytes.length)
    copy.set(bytes)
    return copy
  }

  giveBack(): void {
    this.#isLent = false
  }
}

/** `undefined` where the process has no addresses left. */
function newPage(): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: 1 })
  } catch {
    return undefined
  }
}
