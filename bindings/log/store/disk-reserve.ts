import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { RESERVE_FILE } from '../journal/layout.ts'
import { openFile } from '../journal/ring.ts'

const CHUNK_BYTES = 256 * 1024

/**
 * Space as large as the ring, held so that replay, decisions and a checkpoint can finish on a full disk, and given up
 * for nothing else (durability rule 10).
 */
export class Reserve {
  readonly #store: FileStore
  readonly #sizeBytes: number
  #isHeld = false

  constructor(store: FileStore, sizeBytes: number) {
    this.#store = store
    this.#sizeBytes = sizeBytes
  }

  /** Whether it is there to be given up: until then nothing may grow that can do without. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Fills it again after it was used. A disk without room for it is no reason not to open. */
  *restore(): Task<void> {
    const file = yield* openFile(this.#store, RESERVE_FILE, true)
    if (file === undefined) return
    const missingBytes = this.#sizeBytes - file.size()
    const zeros = new Uint8Array(Math.max(0, Math.min(CHUNK_BYTES, missingBytes)))
    try {
      for (let left = missingBytes; left > 0; left -= zeros.length) {
        writeFully(file, zeros.subarray(0, Math.min(zeros.length, left)), this.#sizeBytes - left)
      }
      this.#isHeld = true
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL')) throw error
    } finally {
      file.close()
    }
  }

  /** Runs `work`; if the disk is full, releases the reserve and runs it once more. */
  *guard<T>(work: () => Task<T>): Task<T> {
    try {
      return yield* work()
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL')) throw error
      yield* this.#release()
      return yield* work()
    }
  }

  /** A full disk must not keep the log from deciding anything at all: that a topic is deleted, for example (rule 10). */
  guardIf(isForDecisions: boolean, work: () => Task<void>): Task<void> {
    return isForDecisions ? this.guard(work) : work()
  }

  *#release(): Task<void> {
    const file = yield* openFile(this.#store, RESERVE_FILE, false)
    if (file === undefined) return
    this.#isHeld = false
    file.truncate(0)
    yield* perform('flush', RESERVE_FILE, () => file.flush())
    file.close()
  }
}
