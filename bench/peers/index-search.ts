/** An offset index in two typed arrays with a plain binary search: the rival of the kernel's index lookup. */
export class TypedArrayIndex {
  readonly #offsets: Int32Array
  readonly #positions: Int32Array
  #entries: number = 0

  constructor(capacity: number) {
    this.#offsets = new Int32Array(capacity)
    this.#positions = new Int32Array(capacity)
  }

  append(relativeOffset: number, position: number): void {
    this.#offsets[this.#entries] = relativeOffset
    this.#positions[this.#entries++] = position
  }

  /** The position of the last entry at or below the offset; 0 where there is none. */
  lookup(relativeOffset: number): number {
    const offsets = this.#offsets
    let low = 0
    let high = this.#entries - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if ((offsets[middle] as number) <= relativeOffset) low = middle + 1
      else high = middle - 1
    }
    return high < 0 ? 0 : (this.#positions[high] as number)
  }

  /** The same by halving a length, which has no branch to predict wrongly but one that can become a move. */
  lookupHalving(relativeOffset: number): number {
    const offsets = this.#offsets
    let base = 0
    let length = this.#entries
    if (length === 0 || (offsets[0] as number) > relativeOffset) return 0
    while (length > 1) {
      const half = length >>> 1
      base = (offsets[base + half] as number) <= relativeOffset ? base + half : base
      length -= half
    }
    return this.#positions[base] as number
  }
}
