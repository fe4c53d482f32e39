import type { Awaitable, FileStore, StoreFile } from './file-store.ts'
import { isTooManyFiles } from './sparing-store.ts'

/** Makes content or entries durable. Once one of these calls has failed, none of them is believed any more. */
export class Flushes {
  #failure: { readonly error: unknown } | undefined

  run(flush: () => Awaitable<void>): Awaitable<void> {
    this.#assertBelieved()
    try {
      const done = flush()
      if (!(done instanceof Promise)) return
      return done.then(
        () => this.#assertBelieved(),
        (error: unknown) => this.#failed(error),
      )
    } catch (error) {
      this.#failed(error)
    }
  }

  #assertBelieved(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #failed(error: unknown): never {
    if (!isTooManyFiles(error)) this.#failure ??= { error }
    throw error
  }
}

/**
 * The store, whose flushes fail for good as soon as one failed (durability rule 10). The system tells a failure once, to whoever asks
 * first, and has dropped what it couldn't write: a checkpoint beside a commit whose flush of a segment failed would be told that the same
 * segment is durable, note it, and give back the frames that hold what is gone. `flushes`: shared by stores of one directory.
 */
export function believedFlushes(store: FileStore, flushes: Flushes = new Flushes()): FileStore {
  const watched = (file: StoreFile) => new WatchedFile(file, flushes)
  return {
    capabilities: store.capabilities,
    open(path, options) {
      const file = store.open(path, options)
      return file instanceof Promise ? file.then((file) => file && watched(file)) : file && watched(file)
    },
    list: (directory) => store.list(directory),
    syncDirectory: (directory) => flushes.run(() => store.syncDirectory(directory)),
    rename: (from, to) => store.rename(from, to),
    remove: (path) => store.remove(path),
    lock: () => store.lock(),
    close: () => store.close(),
  }
}

class WatchedFile implements StoreFile {
  readonly path: string
  readonly cut?: (sizeBytes: number) => Awaitable<void>
  readonly isShared?: () => boolean
  readonly #file: StoreFile
  readonly #flushes: Flushes
  readonly #underWay: Set<Promise<void>> = new Set()

  constructor(file: StoreFile, flushes: Flushes) {
    this.path = file.path
    this.#file = file
    this.#flushes = flushes
    if (file.cut !== undefined) this.cut = file.cut.bind(file)
    if (file.isShared !== undefined) this.isShared = file.isShared.bind(file)
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
    return this.#flushes.run(() => this.#flush())
  }

  /** Any of those under way may be the one that is told of a failure of the file, and its answer may come last. */
  #flush(): Awaitable<void> {
    const flushing = this.#file.flush()
    if (!(flushing instanceof Promise)) return this.#others()
    this.#underWay.add(flushing)
    return flushing.finally(() => this.#underWay.delete(flushing)).then(() => this.#others())
  }

  #others(): Awaitable<void> {
    if (this.#underWay.size > 0) return Promise.all(this.#underWay).then(() => {})
  }

  close(): void {
    this.#file.close()
  }
}
