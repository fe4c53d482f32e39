// The last five batches of each producer behind a `Map`: the rival of the kernel's sequence window.
// Both forms answer alike: the offset of a duplicate, or one of these.
export const ACCEPTED = -1
export const OUT_OF_ORDER = -2
export const FENCED = -3

const WINDOW = 5
// Sequences go from 0 to 2^31 - 1 and start again at 0.
const SEQUENCE_MASK = 0x7fff_ffff

export interface Deduplication {
  /** Checks a batch and, where it is the next, notes it at `offset`. */
  check(producerId: number, epoch: number, firstSequence: number, count: number, offset: number): number
}

class ProducerWindow {
  epoch: number
  newest: number = 0
  filled: number = 0
  expected: number = 0
  readonly first: number[] = [0, 0, 0, 0, 0]
  readonly last: number[] = [0, 0, 0, 0, 0]
  readonly offset: number[] = [0, 0, 0, 0, 0]

  constructor(epoch: number) {
    this.epoch = epoch
  }
}

/** An object per producer: what one would write first. */
export class ObjectMapDeduplication implements Deduplication {
  readonly #producers: Map<number, ProducerWindow> = new Map()

  check(producerId: number, epoch: number, firstSequence: number, count: number, offset: number): number {
    let window = this.#producers.get(producerId)
    if (window === undefined) {
      window = new ProducerWindow(epoch)
      window.expected = firstSequence
      this.#producers.set(producerId, window)
    }
    if (epoch !== window.epoch) {
      if (epoch < window.epoch) return FENCED
      window.epoch = epoch
      window.filled = 0
      window.expected = 0
    }
    const lastSequence = (firstSequence + count - 1) & SEQUENCE_MASK
    if (firstSequence !== window.expected) {
      for (let at = 0; at < window.filled; at++) {
        if (window.first[at] === firstSequence && window.last[at] === lastSequence) return window.offset[at] as number
      }
      return OUT_OF_ORDER
    }
    const slot = window.filled === 0 || window.newest === WINDOW - 1 ? 0 : window.newest + 1
    window.newest = slot
    if (window.filled < WINDOW) window.filled++
    window.first[slot] = firstSequence
    window.last[slot] = lastSequence
    window.offset[slot] = offset
    window.expected = (lastSequence + 1) & SEQUENCE_MASK
    return ACCEPTED
  }
}

const WORDS = 16
const EPOCH = 10
const EXPECTED = 11
const NEWEST = 12
const FILLED = 13

/** A Map from producer to a row of typed arrays: one lookup, one cache line of sequences, nothing for the collector. */
export class RowMapDeduplication implements Deduplication {
  readonly #rows: Map<number, number> = new Map()
  #words: Int32Array = new Int32Array(1024 * WORDS)
  #offsets: Float64Array = new Float64Array(1024 * WINDOW)

  check(producerId: number, epoch: number, firstSequence: number, count: number, offset: number): number {
    let row = this.#rows.get(producerId)
    if (row === undefined) {
      row = this.#add(producerId, epoch, firstSequence)
    }
    const words = this.#words
    const at = row * WORDS
    if (epoch !== words[at + EPOCH]) {
      if (epoch < (words[at + EPOCH] as number)) return FENCED
      words[at + EPOCH] = epoch
      words[at + FILLED] = 0
      words[at + EXPECTED] = 0
    }
    const lastSequence = (firstSequence + count - 1) & SEQUENCE_MASK
    if (firstSequence !== words[at + EXPECTED]) {
      const filled = words[at + FILLED] as number
      for (let index = 0; index < filled; index++) {
        if (words[at + index * 2] === firstSequence && words[at + index * 2 + 1] === lastSequence) {
          return this.#offsets[row * WINDOW + index] as number
        }
      }
      return OUT_OF_ORDER
    }
    const newest = words[at + NEWEST] as number
    const filled = words[at + FILLED] as number
    const slot = filled === 0 || newest === WINDOW - 1 ? 0 : newest + 1
    words[at + NEWEST] = slot
    if (filled < WINDOW) words[at + FILLED] = filled + 1
    words[at + slot * 2] = firstSequence
    words[at + slot * 2 + 1] = lastSequence
    this.#offsets[row * WINDOW + slot] = offset
    words[at + EXPECTED] = (lastSequence + 1) & SEQUENCE_MASK
    return ACCEPTED
  }

  #add(producerId: number, epoch: number, firstSequence: number): number {
    const row = this.#rows.size
    if ((row + 1) * WORDS > this.#words.length) {
      const words = new Int32Array(this.#words.length * 2)
      words.set(this.#words)
      this.#words = words
      const offsets = new Float64Array(this.#offsets.length * 2)
      offsets.set(this.#offsets)
      this.#offsets = offsets
    }
    this.#rows.set(producerId, row)
    this.#words[row * WORDS + EPOCH] = epoch
    this.#words[row * WORDS + EXPECTED] = firstSequence
    return row
  }
}
