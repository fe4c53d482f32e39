import { directorySync, flushOf, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'

/** Flushes side by side share what the file system does for each of them. Each file keeps its descriptor until then. */
const FILES_AT_ONCE = 12
/** A large file gains nothing by waiting for others; flushed together they would keep the device busy for long. */
const BYTES_AT_ONCE = 4 * 1024 * 1024

/** Files and directories of a copy that aren't durable yet. */
export class UnsyncedCopies {
  readonly #store: FileStore
  #files: StoreFile[] = []
  #bytes = 0
  readonly #directories = new Set<string>()

  constructor(store: FileStore) {
    this.#store = store
  }

  /** Takes a file of the directory that is written, and closes it once the file and its name are durable. */
  *add(directory: string, file: StoreFile, writtenBytes: number): Task<void> {
    this.#files.push(file)
    this.#bytes += writtenBytes
    // With each file: the directory may have been synced after the file before.
    this.addDirectory(directory)
    if (this.#files.length >= FILES_AT_ONCE || this.#bytes >= BYTES_AT_ONCE) yield* this.sync()
  }

  /** Takes a directory whose entries have changed other than by a file that is added. */
  addDirectory(directory: string): void {
    this.#directories.add(directory)
  }

  *sync(): Task<void> {
    const files = this.#files
    const directories = [...this.#directories]
    this.#files = []
    this.#bytes = 0
    this.#directories.clear()
    try {
      yield* performAll([...files.map(flushOf), ...directories.map((each) => directorySync(this.#store, each))])
    } finally {
      for (const file of files) file.close()
    }
  }

  /** Flushes nothing more: files that are left are of a copy that failed. */
  close(): void {
    for (const file of this.#files.splice(0)) file.close()
  }
}
