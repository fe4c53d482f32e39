import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { Awaitable, FileStore, StoreFile } from '../../storage/file-store.ts'
import { isPromise } from '../../storage/is-promise.ts'

/** A file in the cache. Its owner gets `file` through `use`. */
export interface CachedFile {
  /** `undefined` once it was closed. */
  file: StoreFile | undefined
  readonly path: string
  pins: number
  /** Called when the file is closed: its owner drops what it keeps only for an open file. */
  closed: (() => void) | undefined
}

/**
 * The open files of a log, at most `limit`: to open another, the one unused for longest is closed. A pinned file stays
 * open, even beyond the limit if nothing else can be closed, so owners pin only what is under way. A file that isn't
 * flushed may be closed: the system keeps its pages, and a later flush opens it again.
 */
export class FileCache {
  readonly #store: FileStore
  readonly #limit: number
  /**
   * A Map keeps the order of insertion: the least recently used file comes first. While there is still room the order
   * is that of opening.
   */
  readonly #entries: Map<string, CachedFile> = new Map()
  #lastUsed: CachedFile | undefined
  readonly #opening: Map<string, Awaitable<StoreFile | undefined>> = new Map()
  #isClosed = false

  constructor(store: FileStore, limit: number) {
    this.#store = store
    this.#limit = Math.max(1, limit)
  }

  /** Whether the file is open; doesn't count as a use. */
  has(path: string): boolean {
    return this.#entries.has(path)
  }

  /** The open file, counted as used; `undefined` if it must be opened first. */
  get(path: string): StoreFile | undefined {
    return this.use(this.find(path))
  }

  /** The entry of an open file, which needn't be looked up by its path again until it is closed. */
  find(path: string): CachedFile | undefined {
    return this.#entries.get(path)
  }

  /**
   * As `get`, for an entry that `find` returned. Hot path: mostly it is the last used one; and while there is room, the
   * order isn't maintained.
   */
  use(cached: CachedFile | undefined): StoreFile | undefined {
    if (cached?.file === undefined) return undefined
    if (cached !== this.#lastUsed && this.#entries.size >= this.#limit) {
      this.#entries.delete(cached.path)
      this.#entries.set(cached.path, cached)
      this.#lastUsed = cached
    }
    return cached.file
  }

  /**
   * Opens a file; two tasks that open the same path get the same one. It is sure to stay open only up to the task's
   * next effect: pin it for longer.
   */
  *open(path: string, options: { readonly create: boolean }): Task<StoreFile | undefined> {
    for (;;) {
      const open = this.get(path)
      if (open !== undefined) return open
      const file = yield* perform('open', path, () => this.get(path) ?? this.#openOnce(path, options))
      // Another task may have closed it before this one went on, to make room or because its name changed.
      if (file === undefined || this.get(path) === file) return file
    }
  }

  /** As `open`, for a file that must exist. */
  *reopen(path: string): Task<StoreFile> {
    const file = yield* this.open(path, { create: false })
    if (file === undefined)
      throw new LogError('CORRUPT_LOG', `${path} is missing`, { file: path, position: 0, operation: 'open' })
    return file
  }

  #openOnce(path: string, options: { readonly create: boolean }): Awaitable<StoreFile | undefined> {
    if (this.#isClosed) throw new LogError('LOG_CLOSED', 'the log is closed', { file: path })
    const running = this.#opening.get(path)
    if (running !== undefined) return running
    this.#evictDownTo(this.#limit - 1 - this.#opening.size)
    const opening = this.#store.open(path, options)
    if (!isPromise(opening)) return this.#admit(path, opening)
    const admitted: Promise<StoreFile | undefined> = opening.then(
      (file) => {
        if (this.#opened(path, admitted)) return this.#admit(path, file)
        file?.close()
        return file
      },
      (error: unknown) => {
        this.#opened(path, admitted)
        throw error
      },
    )
    this.#opening.set(path, admitted)
    return admitted
  }

  /** False if the path was closed meanwhile: its name may be another file's by now. */
  #opened(path: string, opening: Awaitable<StoreFile | undefined>): boolean {
    return this.#opening.get(path) === opening && this.#opening.delete(path)
  }

  #admit(path: string, file: StoreFile | undefined): StoreFile | undefined {
    if (file === undefined) return undefined
    this.#lastUsed = { file, path, pins: 0, closed: undefined }
    this.#entries.set(path, this.#lastUsed)
    return file
  }

  #evictDownTo(count: number): void {
    for (const [path, entry] of this.#entries) {
      if (this.#entries.size <= Math.max(0, count)) return
      if (entry.pins === 0) this.close(path)
    }
  }

  /**
   * Closes half of the files that aren't pinned, the least recently used ones first, when the process is short of
   * descriptors. False if there was none.
   */
  giveUp(): boolean {
    const idle = [...this.#entries].filter(([, { pins }]) => pins === 0).map(([path]) => path)
    for (const path of idle.slice(0, Math.ceil(idle.length / 2))) this.close(path)
    return idle.length > 0
  }

  isPinned(path: string): boolean {
    return (this.#entries.get(path)?.pins ?? 0) > 0
  }

  /** Keeps an open file open until it was unpinned as often as pinned. */
  pin(path: string): void {
    const entry = this.#entries.get(path)
    if (entry !== undefined) entry.pins++
  }

  /** Nothing, where the file was closed meanwhile: its name may be another file's by now, which others pinned. */
  unpin(file: StoreFile): void {
    const entry = this.#entries.get(file.path)
    if (entry?.file === file && entry.pins > 0) entry.pins--
    if (this.#entries.size > this.#limit) this.#evictDownTo(this.#limit)
  }

  /** Calls `closed` once the file was closed, whoever closes it. */
  whenClosed(path: string, closed: () => void): void {
    const entry = this.#entries.get(path)
    if (entry !== undefined) entry.closed = closed
  }

  /** Closes one file, pinned or not, before it is removed or renamed. Who is opening it opens it once more. */
  close(path: string): void {
    this.#opening.delete(path)
    const entry = this.#entries.get(path)
    if (entry === undefined) return
    this.#entries.delete(path)
    const { file } = entry
    entry.file = undefined
    file?.close()
    entry.closed?.()
  }

  /** As `close`, where the file has no owner, as when that is gone. */
  closeUnowned(path: string): void {
    const entry = this.#entries.get(path)
    if (entry !== undefined && entry.closed === undefined && entry.pins === 0) this.close(path)
  }

  /**
   * Closes every file, those that are being opened too, for good, even if an owner's callback throws: the first error
   * is thrown at the end.
   */
  closeAll(): void {
    this.#isClosed = true
    this.#opening.clear()
    const errors: unknown[] = []
    for (const path of [...this.#entries.keys()]) {
      try {
        this.close(path)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }
}
