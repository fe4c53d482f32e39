/** A seeded generator (xorshift, 32 bits): the same seed gives the same run everywhere. */
export class Random {
  #state: number

  constructor(seed: number) {
    // Seeds that lie close together must not start alike.
    this.#state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bd1e995) | 0 || 1
    for (let warm = 0; warm < 8; warm++) this.#next()
  }

  #next(): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state | 0
    return state >>> 0
  }

  /** From 0 up to 1. */
  unit(): number {
    return this.#next() / 0x100000000
  }

  /** A whole number from 0 up to `limit`. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit)
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  fill(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.#next() >>> 11
  }
}

/** FNV-1a over numbers and names: two runs of one seed must end with the same value. */
export class TraceHash {
  #hash = 0x811c9dc5

  add(text: string | number): void {
    const value = String(text)
    for (let index = 0; index < value.length; index++) {
      this.#hash = Math.imul(this.#hash ^ value.charCodeAt(index), 0x01000193)
    }
    this.#hash = Math.imul(this.#hash ^ 0x7c, 0x01000193)
  }

  get number(): number {
    return this.#hash
  }

  get value(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }
}
