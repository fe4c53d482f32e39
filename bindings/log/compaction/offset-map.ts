import type { Kernel } from '../../kernel/kernel.ts'

/** Four words of hash and the offset in 8 bytes. */
const SLOT_BYTES = 24
const HASH_WORDS = 4
/** Fuller, and finding a place takes too many steps (Kafka's log.cleaner.io.buffer.load.factor). */
const LOAD_FACTOR = 0.9
const SLOTS_MIN = 16

/**
 * The last offset of each key, in memory whose size is given: 16 bytes of the key's hash stand for it, as in Kafka's
 * SkimpyOffsetMap. Two keys of one hash would lose a record, so the hash is one that nobody finds such keys for. The memory is
 * JavaScript's: a pass comes and goes, and what the kernel's cap leaves is for producers.
 */
export class OffsetMap {
  readonly #kernel: Pick<Kernel, 'hashOf'>
  readonly #slots: number
  readonly #keysMax: number
  readonly #hashes: Int32Array
  /** One more than the offset: 0 is a free slot. */
  readonly #offsets: Float64Array
  readonly #hash: Int32Array = new Int32Array(HASH_WORDS)
  #size = 0

  constructor(kernel: Pick<Kernel, 'hashOf'>, memoryBytes: number) {
    this.#kernel = kernel
    this.#slots = Math.max(SLOTS_MIN, Math.floor(memoryBytes / SLOT_BYTES))
    this.#keysMax = Math.floor(this.#slots * LOAD_FACTOR)
    this.#hashes = new Int32Array(this.#slots * HASH_WORDS)
    this.#offsets = new Float64Array(this.#slots)
  }

  get size(): number {
    return this.#size
  }

  /** So many keys can surely still come. */
  get room(): number {
    return this.#keysMax - this.#size
  }

  /** Of one key the offsets come in ascending order. There is room. */
  put(key: Uint8Array, offset: number): void {
    const slot = this.#find(key)
    if (this.#offsets[slot] === 0) {
      this.#size++
      this.#hashes.set(this.#hash, slot * HASH_WORDS)
    }
    this.#offsets[slot] = offset + 1
  }

  /** -1 for a key that never came. */
  get(key: Uint8Array): number {
    return (this.#offsets[this.#find(key)] as number) - 1
  }

  /** The key's slot, or the free one that it would get; `#hash` is the key's. */
  #find(key: Uint8Array): number {
    const hash = this.#hash
    this.#kernel.hashOf(key, hash)
    // Hot path: by index, because taking a typed array apart goes through its iterator.
    const word0 = hash[0] as number
    const word1 = hash[1]
    const word2 = hash[2]
    const word3 = hash[3]
    const hashes = this.#hashes
    const offsets = this.#offsets
    const slots = this.#slots
    let slot = (word0 >>> 0) % slots
    for (; offsets[slot] !== 0; slot = slot + 1 === slots ? 0 : slot + 1) {
      const at = slot * HASH_WORDS
      const isSame =
        hashes[at] === word0 && hashes[at + 1] === word1 && hashes[at + 2] === word2 && hashes[at + 3] === word3
      if (isSame) return slot
    }
    return slot
  }
}
