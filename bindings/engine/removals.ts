import type { Task } from '../storage/effect.ts'
import type { PartitionIdentity } from '../storage/partition-identity.ts'
import type { PartitionSource } from '../storage/partition-source.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { Topics } from './topics.ts'
import type { UpkeepJob } from './upkeep.ts'

/** How many partitions one step asks about: most have nothing to remove. */
const LOOKS_AT_ONCE = 64
/** After this many steps in a row that only met files in use, the rest is left to the next round. */
const FRUITLESS_STEPS_MAX = 250

/** Removes from the store what lies below the log starts, what an earlier process left included. */
export class Removals implements UpkeepJob {
  readonly intervalMs: number
  readonly #topics: Topics
  readonly #store: PartitionStore
  readonly #source: PartitionSource
  /** Partitions with something to remove; each gets one step in turn. */
  readonly #waiting: Map<string, PartitionIdentity> = new Map()
  #fruitlessSteps = 0

  constructor(intervalMs: number, topics: Topics, store: PartitionStore, source: PartitionSource) {
    this.intervalMs = intervalMs
    this.#topics = topics
    this.#store = store
    this.#source = source
  }

  add(id: PartitionIdentity): void {
    this.#waiting.set(`${id.topicId}/${id.partition}`, id)
  }

  begin(): void {
    this.#fruitlessSteps = 0
    for (const id of this.#topics.ids()) if (this.#source.logStartOffset(id) > 0) this.add(id)
  }

  next(): Task<void> | undefined {
    if (this.#fruitlessSteps > FRUITLESS_STEPS_MAX) this.#waiting.clear()
    return this.#waiting.size > 0 ? this.#step() : undefined
  }

  *#step(): Task<void> {
    let waits = 0
    let looks = Math.min(LOOKS_AT_ONCE, this.#waiting.size)
    // Not over a copy: thousands may wait, and most steps end at the first one.
    for (const [key, id] of this.#waiting) {
      if (looks-- === 0) break
      this.#waiting.delete(key)
      // Its topic was deleted meanwhile.
      if (this.#topics.find(id) === undefined && this.#topics.stored(id) === undefined) continue
      const removal = yield* this.#store.deleteBefore(id, this.#source.logStartOffset(id))
      if (removal === 'done') continue
      this.#waiting.set(key, id)
      if (removal === 'more') {
        this.#fruitlessSteps = 0
        return
      }
      waits++
    }
    if (waits > 0) this.#fruitlessSteps++
  }
}
