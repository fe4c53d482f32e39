import { GrowingBlock } from './growing-block.ts'
import type { OffsetIndex } from './kernel.ts'
import { type KernelCore, misuse } from './kernel-core.ts'

const entryBytes = 8
/** As in assembly/indexes.ts. */
const groupEntries = 32
const groupBytes = 4
const int32Max = 2147483647

/**
 * Allocates memory at the first entry and doubles it; `free` frees it and leaves an empty index. From the second group
 * of entries on a summary leads to the right group.
 */
export class KernelOffsetIndex implements OffsetIndex {
  readonly #core: KernelCore
  readonly #baseOffset: number
  readonly #block: GrowingBlock
  readonly #summary: GrowingBlock
  #count = 0
  #lastOffset: number

  constructor(core: KernelCore, baseOffset: number) {
    this.#core = core
    this.#baseOffset = baseOffset
    this.#block = new GrowingBlock(core)
    this.#summary = new GrowingBlock(core)
    this.#lastOffset = baseOffset
  }

  get entryCount(): number {
    return this.#count
  }

  /** The base offset without entries, as in Kafka. */
  get lastOffset(): number {
    return this.#lastOffset
  }

  append(lastOffset: number, position: number): boolean {
    const relative = lastOffset - this.#baseOffset
    const isAfterLast = this.#count === 0 ? relative >= 0 : lastOffset > this.#lastOffset
    if (!isAfterLast || relative > int32Max || !(position >= 0 && position <= int32Max))
      throw misuse(`index entry (${lastOffset}, ${position}) doesn't follow ${this.#lastOffset}`)
    try {
      const used = this.#count * entryBytes
      const beginsGroup = this.#count >= groupEntries && this.#count % groupEntries === 0
      if (!this.#block.reserve(used + entryBytes, used)) return false
      if (beginsGroup && !reserveSummary(this.#summary, this.#count + 1)) return false
      this.#core.exports.offset_index_append(this.#block.address + used, relative, position)
      if (beginsGroup) this.#summarize(this.#count / groupEntries)
      this.#count++
      this.#lastOffset = lastOffset
      return true
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  /** Adds the group that begins now to the summary; with the second group the first one, too. */
  #summarize(group: number): void {
    const from = group === 1 ? 0 : group
    this.#core.exports.offset_index_summarize(this.#block.address, this.#summary.address, from, group + 1)
  }

  lookup(offset: number): number {
    const relative = offset - this.#baseOffset
    if (relative < 0) return 0
    try {
      const target = Math.min(relative, int32Max)
      return this.#core.exports.offset_index_lookup(this.#block.address, this.#count, this.#summary.address, target)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#core.u8.buffer, this.#block.address, this.#count * entryBytes)
  }

  load(bytes: Uint8Array): boolean {
    if (bytes.length % entryBytes !== 0) return false
    try {
      const count = bytes.length / entryBytes
      const { exports } = this.#core
      const loaded = GrowingBlock.ofEntries(this.#core, bytes, (address) =>
        exports.offset_index_ascends(address, count),
      )
      if (loaded === undefined) return false
      const summary = new GrowingBlock(this.#core)
      if (count > groupEntries) {
        if (!reserveSummary(summary, count)) {
          loaded.free()
          return false
        }
        exports.offset_index_summarize(loaded.address, summary.address, 0, Math.ceil(count / groupEntries))
      }
      this.#block.replace(loaded)
      this.#summary.replace(summary)
      this.#setCount(count)
      return true
    } catch (error) {
      throw this.#core.failure(error)
    }
  }

  #setCount(count: number): void {
    const relative = count === 0 ? 0 : this.#core.exports.offset_index_last(this.#block.address, count)
    this.#count = count
    this.#lastOffset = this.#baseOffset + relative
  }

  free(): void {
    try {
      this.#block.free()
      this.#summary.free()
      this.#setCount(0)
    } catch (error) {
      throw this.#core.failure(error)
    }
  }
}

/** Makes room for all groups of `entryCount` entries; those before the last are there. */
function reserveSummary(summary: GrowingBlock, entryCount: number): boolean {
  const groups = Math.ceil(entryCount / groupEntries)
  const used = summary.address === 0 ? 0 : (groups - 1) * groupBytes
  return summary.reserve(groups * groupBytes, used)
}
