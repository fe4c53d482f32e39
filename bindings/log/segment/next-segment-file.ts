import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile } from '../../storage/open-file.ts'
import { NEXT_SEGMENT } from '../files/file-names.ts'

/**
 * An empty file for the next segment, made ahead under a name of its own: renaming a file takes a tenth of the time
 * that making one takes.
 */
export class NextSegmentFile {
  readonly #store: FileStore
  readonly #path: string
  /** `refused`: it couldn't be made, or the store can't rename. */
  #state: 'none' | 'due' | 'making' | 'made' | 'refused' = 'none'

  constructor(store: FileStore, directory: string) {
    this.#store = store
    this.#path = `${directory}/${NEXT_SEGMENT}`
  }

  /** Whether `make` is due. */
  get isDue(): boolean {
    return this.#state === 'due'
  }

  /** The active segment is nearly full. */
  wanted(): void {
    if (this.#state === 'none') this.#state = 'due'
  }

  /**
   * A crash may have left a file under the name. If a renaming that was cut short left both names, that file is a
   * segment itself: so only this name is removed, and its content isn't touched. That it can't be made is no failure of
   * the log: nothing counts on it, and the roll makes its file itself, or tells why it can't.
   */
  *make(): Task<void> {
    const store = this.#store
    if (this.#state !== 'due') return
    this.#state = store.capabilities.rename ? 'making' : 'refused'
    if (this.#state === 'refused') return
    try {
      yield* perform('remove', this.#path, () => store.remove(this.#path))
      const file = yield* createFile(store, this.#path)
      file.close()
      this.#state = 'made'
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL', 'KAFKA_STORAGE_ERROR')) throw error
      this.#state = 'refused'
    }
  }

  /**
   * A segment begins, and gets the file if it was made. Only a running log has one: a recovery that rolls may find the
   * segment there already, with batches.
   */
  *rename(logPath: string): Task<void> {
    const isMade = this.#state === 'made'
    // A file that is still being made is for the segment after this one.
    if (this.#state !== 'making') this.#state = 'none'
    if (isMade) yield* perform('rename', this.#path, () => this.#store.rename(this.#path, logPath))
  }
}
