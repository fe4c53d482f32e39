import type { Awaitable, FileStore, StoreFile } from './file-store.ts'
import { isPromise } from './is-promise.ts'
import { isTooManyFiles } from './sparing-store.ts'

/**
 * Remembers the first flush that failed, or close of a file. Every later flush fails with the same error, whatever the
 * system reports for it.
 */
export class FlushFailure {
  #first: { readonly error: unknown } | undefined

  run(flush: () => Awaitable<void>): Awaitable<void> {
    this.#assertNone()
    try {
      const done = flush()
      if (!isPromise(done)) return
      return Promise.resolve(done).then(
        () => this.#assertNone(),
        (error: unknown) => this.#failed(error),
      )
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Closes a file; a close that fails is remembered as well: it may be the only one that is told of a lost write. */
  close(file: StoreFile): void {
    try {
      file.close()
    } catch (error) {
      this.#failed(error)
    }
  }

  #assertNone(): void {
    if (this.#first !== undefined) throw this.#first.error
  }

  #failed(error: unknown): never {
    if (!isTooManyFiles(error)) this.#first ??= { error }
    throw error
  }
}

/**
 * The store, with every flush failing once one has failed (durability rule 10). The system reports a failure once, to
 * the first flush that asks, and drops what it couldn't write. Say that a commit's flush of a segment fails: the flush
 * of a checkpoint beside it would succeed, the checkpoint would note the segment as durable and free the journal frames
 * that alone hold the lost data. `failure` is shared by the stores of one directory.
 */
export function rememberFailedFlush(store: FileStore, failure: FlushFailure = new FlushFailure()): FileStore {
  const watched = (file: StoreFile) => new WatchedFile(file, failure)
  return {
    capabilities: store.capabilities,
    directory: store.directory,
    open(path, options) {
      const file = store.open(path, options)
      return isPromise(file) ? Promise.resolve(file).then((file) => file && watched(file)) : file && watched(file)
    },
    list: (directory) => store.list(directory),
    syncDirectory: (directory) => failure.run(() => store.syncDirectory(directory)),
    rename: (from, to) => store.rename(from, to),
    remove: (path) => store.remove(path),
    lock: () => store.lock(),
    close: () => store.close(),
  }
}

class WatchedFile implements StoreFile {
  readonly path: string
  readonly cut?: (sizeBytes: number) => Awaitable<void>
  readonly writeDurably?: (bytes: Uint8Array, position: number) => Awaitable<void>
  readonly isShared?: () => boolean
  readonly assertInPlace?: () => void
  readonly #file: StoreFile
  readonly #failure: FlushFailure
  readonly #underWay: Set<Promise<void>> = new Set()

  constructor(file: StoreFile, failure: FlushFailure) {
    this.path = file.path
    this.#file = file
    this.#failure = failure
    if (file.cut !== undefined) this.cut = file.cut.bind(file)
    if (file.writeDurably !== undefined) this.writeDurably = this.#durably(file.writeDurably.bind(file))
    if (file.isShared !== undefined) this.isShared = file.isShared.bind(file)
    if (file.assertInPlace !== undefined) this.assertInPlace = file.assertInPlace.bind(file)
  }

  read(into: Uint8Array, position: number): number {
    return this.#file.read(into, position)
  }

  write(bytes: Uint8Array, position: number): number {
    return this.#file.write(bytes, position)
  }

  truncate(sizeBytes: number): void {
    this.#file.truncate(sizeBytes)
  }

  size(): number {
    return this.#file.size()
  }

  flush(): Awaitable<void> {
    return this.#failure.run(() => this.#beside(this.#file.flush()))
  }

  #durably(write: NonNullable<StoreFile['writeDurably']>): NonNullable<StoreFile['writeDurably']> {
    return (bytes, position) => this.#failure.run(() => this.#beside(write(bytes, position)))
  }

  /** If the file fails, any one of the flushes under way may be the one that is told of it, so each waits for all. */
  #beside(answer: Awaitable<void>): Awaitable<void> {
    if (!isPromise(answer)) return this.#others()
    const flushing = Promise.resolve(answer)
    this.#underWay.add(flushing)
    return flushing.finally(() => this.#underWay.delete(flushing)).then(() => this.#others())
  }

  #others(): Awaitable<void> {
    if (this.#underWay.size > 0) return Promise.all(this.#underWay).then(() => {})
  }

  close(): void {
    this.#failure.close(this.#file)
  }
}
