/** For an iteration over single records: a few dozen small ones. */
export const FIRST_FETCH_BYTES = 4096
const GROWTH = 4

/**
 * How many bytes each fetch of an iteration asks for. With `firstBytes` it begins small, because a program that wants
 * one record would wait for all that comes with it, and grows with each fetch up to `maxBytes`. A fetch follows once
 * everything before it was taken, so never much more is fetched than is wanted.
 */
export class FetchSize {
  readonly #maxBytes: number
  #nextBytes: number

  constructor(maxBytes: number, firstBytes: number = maxBytes) {
    this.#maxBytes = maxBytes
    this.#nextBytes = firstBytes
  }

  next(): number {
    const bytes = this.#nextBytes
    this.#nextBytes = Math.min(bytes * GROWTH, this.#maxBytes)
    return bytes
  }
}
