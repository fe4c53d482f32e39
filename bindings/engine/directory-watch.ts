import type { PartitionStore } from '../storage/partition-store.ts'

/**
 * How often the log checks that its directory is still its own. After a loss it acknowledges for no longer than this.
 */
const INTERVAL_MS = 1000

/**
 * Asks the store whether another process could hold the same directory (docs/decisions/030-directory-lost.md). Does
 * nothing for a store where that can't happen.
 */
export class DirectoryWatch {
  readonly #store: PartitionStore
  #dueAt: number | undefined

  constructor(store: PartitionStore) {
    this.#store = store
  }

  opened(now: number): void {
    if (this.#store.assertHeld !== undefined) this.#dueAt = now + INTERVAL_MS
  }

  get nextAt(): number | undefined {
    return this.#dueAt
  }

  clockMoved(byMs: number): void {
    if (this.#dueAt !== undefined) this.#dueAt += byMs
  }

  /** Throws the error that ends the log. */
  tick(now: number): void {
    if (this.#dueAt === undefined || now < this.#dueAt) return
    this.#dueAt = now + INTERVAL_MS
    this.#store.assertHeld?.()
  }
}
