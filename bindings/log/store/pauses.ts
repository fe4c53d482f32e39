import { PAUSE_MS } from '../../storage/sparing-store.ts'
import type { FileStoreOptions } from './file-store-options.ts'

/**
 * Waits for files that the rest of the process may close. Whoever waits at one moment waits for the same pause, so that a limit of them is
 * one of time, however many wait.
 */
export class Pauses {
  readonly #begin: FileStoreOptions['pause']
  #left = Number.POSITIVE_INFINITY
  #underWay: Promise<void> | undefined

  /** Without `begin` nobody waits. */
  constructor(begin: FileStoreOptions['pause']) {
    this.#begin = begin
  }

  /** From now on no more than these. */
  limit(most: number): void {
    this.#left = Math.min(this.#left, most)
  }

  /** `undefined`: nobody is to wait any longer. */
  next(): Promise<void> | undefined {
    if (this.#underWay !== undefined) return this.#underWay
    if (this.#left <= 0) return undefined
    this.#left--
    this.#underWay = this.#begin?.(PAUSE_MS)?.then(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }
}
