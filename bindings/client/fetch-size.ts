/** Of an iteration over single records: a few dozen small ones. */
export const FIRST_FETCH_BYTES = 4096
const GROWTH = 4

/**
 * How much each fetch of an iteration asks for. With `firstBytes` little at first, because who wants one record would
 * wait for all that comes with it, and `maxBytes` after a few: what was fetched before is taken by then, so that it is
 * never much more than what was wanted.
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
