import { PAUSE_MS } from '../../storage/sparing-store.ts'
import type { FileStoreOptions } from './file-store-options.ts'

/**
 * Pauses for tasks that wait for descriptors, which the rest of the process may free. All that wait at one moment share
 * a pause, so that a limit on pauses is a limit on time.
 */
export class Pauses {
  readonly #begin: FileStoreOptions['pause']
  #left = Number.POSITIVE_INFINITY
  #underWay: Promise<void> | undefined

  /** Without `begin` nobody waits. */
  constructor(begin: FileStoreOptions['pause']) {
    this.#begin = begin
  }

  /** Allows at most `most` pauses from now on. */
  limit(most: number): void {
    this.#left = Math.min(this.#left, most)
  }

  /** The next pause; `undefined` if no task may wait any longer. */
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
