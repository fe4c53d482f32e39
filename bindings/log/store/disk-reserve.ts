import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile, openFile } from '../../storage/open-file.ts'
import { unlessFull } from '../../storage/unless-full.ts'
import { JOURNAL_DIRECTORY, RESERVE_FILE, RESERVED_FILES } from '../journal/layout.ts'

const CHUNK_BYTES = 256 * 1024

/** Space that is held back, in two shares, so that what must be finished can be finished. */
export interface ReserveShares {
  /** As large as the ring of a new log: for recovery, decisions and checkpoints (durability rule 10). */
  readonly decisionsBytes: number
  /** For batches that have their offsets and wait to be written. It is released first. */
  readonly bufferedBytes: number
}

/**
 * Space on the disk, and files on its file system, that are released when there are no more of them, for what must be
 * finished and nothing else (rule 10).
 */
export class DiskReserve {
  readonly #store: FileStore
  readonly #shares: ReserveShares
  readonly #givenUp: () => void
  #heldBytes = 0
  #hasFiles = false

  /** `givenUp`: called when space was released, so that batches that wait get it before anybody else takes it. */
  constructor(store: FileStore, shares: ReserveShares, givenUp: () => void) {
    this.#store = store
    this.#shares = shares
    this.#givenUp = givenUp
  }

  /** Whether the reserve is held. While it isn't, nothing may grow that needn't. */
  get isHeld(): boolean {
    return this.#hasFiles && this.#heldBytes >= this.#shares.decisionsBytes
  }

  /** Whether both shares are held, so that batches may wait to be written. */
  get isWhole(): boolean {
    return this.#heldBytes === this.#wholeBytes
  }

  get #wholeBytes(): number {
    return this.#shares.decisionsBytes + this.#shares.bufferedBytes
  }

  /** Fills the reserve again after it was used. If the disk has no room for it, the log still opens. */
  *restore(): Task<void> {
    if (!this.isWhole) yield* unlessFull(this.#fill())
    if (!this.#hasFiles) yield* this.#makeFiles()
  }

  *#fill(): Task<void> {
    const file = yield* createFile(this.#store, RESERVE_FILE)
    try {
      this.#heldBytes = Math.min(file.size(), this.#wholeBytes)
      const zeros = new Uint8Array(Math.min(CHUNK_BYTES, this.#wholeBytes - this.#heldBytes))
      while (this.#heldBytes < this.#wholeBytes) {
        const chunk = zeros.subarray(0, this.#wholeBytes - this.#heldBytes)
        writeFully(file, chunk, this.#heldBytes)
        this.#heldBytes += chunk.length
      }
    } finally {
      file.close()
    }
  }

  *#makeFiles(): Task<void> {
    yield* unlessFull(this.#makeMissing())
  }

  *#makeMissing(): Task<void> {
    const names = yield* perform('list', JOURNAL_DIRECTORY, () => this.#store.list(JOURNAL_DIRECTORY))
    for (const path of RESERVED_FILES) {
      if (names.some((name) => path === `${JOURNAL_DIRECTORY}/${name}`)) continue
      const file = yield* createFile(this.#store, path)
      file.close()
    }
    this.#hasFiles = true
  }

  /** Runs `work`; if the disk is full, releases the reserve and runs it once more. */
  *guard<T>(work: () => Task<T>): Task<T> {
    try {
      return yield* this.#guardFiles(work)
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL')) throw error
      yield* this.#release(0)
      return yield* this.#guardFiles(work)
    }
  }

  /**
   * As `guard`, for a disk that has room but takes no more files. Files that `work` didn't need are made again at once.
   */
  *#guardFiles<T>(work: () => Task<T>): Task<T> {
    try {
      return yield* work()
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL') || error.details['operation'] !== 'open') throw error
      this.#hasFiles = false
      for (const path of RESERVED_FILES) yield* perform('remove', path, () => this.#store.remove(path))
      const done = yield* work()
      yield* this.#makeFiles()
      return done
    }
  }

  /** As `guard`, for batches that wait to be written: the share for decisions stays. */
  *guardWriteOut(write: () => void): Task<void> {
    try {
      write()
    } catch (error) {
      if (!LogError.is(error, 'STORAGE_FULL')) throw error
      yield* this.#release(this.#shares.decisionsBytes)
      write()
    }
  }

  /**
   * Runs `work` with the reserve if it is for decisions: a full disk must not keep the log from deciding anything, such
   * as that a topic is deleted (rule 10).
   */
  guardIf(isForDecisions: boolean, work: () => Task<void>): Task<void> {
    return isForDecisions ? this.guard(work) : work()
  }

  *#release(keptBytes: number): Task<void> {
    const file = yield* openFile(this.#store, RESERVE_FILE)
    if (file === undefined) return
    try {
      this.#heldBytes = Math.min(this.#heldBytes, keptBytes)
      file.truncate(this.#heldBytes)
      yield* perform('flush', RESERVE_FILE, () => file.flush())
    } finally {
      file.close()
    }
    this.#givenUp()
  }
}
