import type { Kernel } from '../../kernel/kernel.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'

/**
 * Words of 4 bytes in a slot: four of the hash, then one more than the offset, low word first. A free slot is all 0.
 */
export const HASH_WORDS = 4
const SLOT_WORDS = 6
const SLOT_BYTES = 4 * SLOT_WORDS
/** In a fuller table the search for a slot takes too many steps (Kafka's log.cleaner.io.buffer.load.factor). */
const LOAD_FACTOR = 0.9
const SLOTS_FIRST = 4096
const SLOTS_MIN = 16
/** The table grows by this factor; while it does, the old and the new one take memory. */
const GROWTH = 4
/** Keys that may be put between two looks at `isTight`: as many as the kernel's record table holds. */
const KEYS_BETWEEN = 1024
/** Slots that one turn of the event loop moves when the table grows. */
const SLOTS_A_TURN = 4096
const TWO_POW_32 = 0x1_0000_0000

/**
 * The last offset of each key, in memory of a given size: 16 bytes of the key's hash stand for the key, as in Kafka's
 * SkimpyOffsetMap. Two keys with one hash would lose a record, so the hash is one for which nobody can find such keys.
 * The memory is JavaScript's: a pass comes and goes, and what the kernel's cap leaves is for producers. The table is
 * only as large as its keys ask for: a search is several times as fast in a table that fits the processor's caches.
 */
export class OffsetMap {
  readonly #kernel: Pick<Kernel, 'hashOf'>
  readonly #slotsMax: number
  #slots: number
  #table: Int32Array
  readonly #hash: Int32Array = new Int32Array(HASH_WORDS)
  #size = 0

  constructor(kernel: Pick<Kernel, 'hashOf'>, memoryBytes: number) {
    this.#kernel = kernel
    const slots = memoryBytes / SLOT_BYTES / (1 + 1 / GROWTH)
    this.#slotsMax = Math.max(SLOTS_MIN, 2 ** Math.floor(Math.log2(Math.max(1, slots))))
    this.#slots = this.#slotsMax
    while (this.#slots > SLOTS_FIRST) this.#slots /= GROWTH
    this.#table = new Int32Array(this.#slots * SLOT_WORDS)
  }

  get size(): number {
    return this.#size
  }

  /** For how many more keys there is room for certain. */
  get room(): number {
    return keysMax(this.#slotsMax) - this.#size
  }

  /** There must be room. The offsets of a key come in ascending order. */
  put(key: Uint8Array, offset: number): void {
    this.#kernel.hashOf(key, this.#hash)
    this.putHashed(this.#hash, 0, offset)
  }

  /** As `put`, for a key whose hash the kernel computed: four words, from index `from` on. */
  putHashed(hashes: Int32Array, from: number, offset: number): void {
    const slot = this.#find(hashes, from)
    if (this.#isFree(slot)) {
      this.#size++
      for (let word = 0; word < HASH_WORDS; word++) this.#table[slot + word] = hashes[from + word] as number
    }
    const value = offset + 1
    this.#table[slot + HASH_WORDS] = value
    this.#table[slot + HASH_WORDS + 1] = value / TWO_POW_32
  }

  /** -1 for a key that never came. */
  get(key: Uint8Array): number {
    this.#kernel.hashOf(key, this.#hash)
    return this.getHashed(this.#hash, 0)
  }

  /** As `get`, by the key's hash. */
  getHashed(hashes: Int32Array, from: number): number {
    const at = this.#find(hashes, from) + HASH_WORDS
    return (this.#table[at + 1] as number) * TWO_POW_32 + ((this.#table[at] as number) >>> 0) - 1
  }

  #isFree(slot: number): boolean {
    return this.#table[slot + HASH_WORDS] === 0 && this.#table[slot + HASH_WORDS + 1] === 0
  }

  /** The index of the slot that holds the hash at `from`, or of the free slot where it would go. */
  #find(hash: Int32Array, from: number): number {
    // Hot path: by index, because destructuring a typed array goes through its iterator.
    const word0 = hash[from] as number
    const word1 = hash[from + 1]
    const word2 = hash[from + 2]
    const word3 = hash[from + 3]
    const table = this.#table
    const mask = this.#slots - 1
    for (let slot = word0 & mask; ; slot = (slot + 1) & mask) {
      const at = slot * SLOT_WORDS
      if (table[at] === word0 && table[at + 1] === word1 && table[at + 2] === word2 && table[at + 3] === word3)
        return at
      if (table[at + 4] === 0 && table[at + 5] === 0) return at
    }
  }

  /** Whether `grow` must run before more keys come. */
  get isTight(): boolean {
    return this.#slots < this.#slotsMax && keysMax(this.#slots) - this.#size < KEYS_BETWEEN
  }

  /** The map may not be used before it ends. */
  *grow(): Task<void> {
    const old = this.#table
    this.#slots *= GROWTH
    this.#table = new Int32Array(this.#slots * SLOT_WORDS)
    for (let from = 0; from < old.length; from += SLOT_WORDS) {
      if (from > 0 && from % (SLOTS_A_TURN * SLOT_WORDS) === 0) yield* letOthersRun()
      if (old[from + HASH_WORDS] === 0 && old[from + HASH_WORDS + 1] === 0) continue
      this.#table.set(old.subarray(from, from + SLOT_WORDS), this.#find(old, from))
    }
  }
}

function keysMax(slots: number): number {
  return Math.floor(slots * LOAD_FACTOR)
}
