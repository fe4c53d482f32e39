import { LogError } from '../../model/errors.ts'
import type { FileStore, StoreFile } from '../../storage/file-store.ts'
import { isPromise } from '../../storage/is-promise.ts'
import { SECTOR_BYTES } from '../journal/layout.ts'

/**
 * A store whose unreadable parts read as if they weren't there: a sector that the device refuses reads as zeros, which
 * are no batch, and an entry that is no file is missing. Both are then found as damage, and the rest can be read.
 * KAFKA_STORAGE_ERROR for what this process may not read, or can't for want of descriptors or memory.
 */
export function readableParts(store: FileStore): FileStore {
  return {
    capabilities: store.capabilities,
    directory: store.directory,
    open: (path) => readableFile(store, path),
    list: (directory) => orNothing(() => store.list(directory), []),
    rename: (from, to) => store.rename(from, to),
    remove: (path) => store.remove(path),
    syncDirectory: (directory) => store.syncDirectory(directory),
    lock: () => store.lock(),
    close: () => store.close(),
  }
}

function readableFile(store: FileStore, path: string): ReturnType<FileStore['open']> {
  const found = orNothing(() => store.open(path, { create: false }), undefined)
  if (isPromise(found)) return Promise.resolve(found).then((file) => file && new ReadableFile(file))
  return found && new ReadableFile(found)
}

/**
 * Rights, descriptors and memory that this process lacks: they say nothing of the files, which another salvage may find
 * whole.
 */
const LACKED: readonly unknown[] = ['EACCES', 'EPERM', 'ERR_ACCESS_DENIED', 'EMFILE', 'ENFILE', 'ENOMEM']

function isLack(error: unknown): boolean {
  return LogError.is(error, 'KAFKA_STORAGE_ERROR') && LACKED.includes(error.details['errno'])
}

/** Hides only what the storage says of a name or a sector: an error of our own isn't taken for damage. */
function orNothing<T>(work: () => T | Promise<T>, nothing: T): T | Promise<T> {
  try {
    const answer = work()
    if (!isPromise(answer)) return answer
    return Promise.resolve(answer).catch((error: unknown) => unlessStorage(error, nothing))
  } catch (error) {
    return unlessStorage(error, nothing)
  }
}

function unlessStorage<T>(error: unknown, nothing: T): T {
  if (!LogError.is(error, 'KAFKA_STORAGE_ERROR') || isLack(error)) throw error
  return nothing
}

class ReadableFile implements StoreFile {
  readonly #file: StoreFile

  constructor(file: StoreFile) {
    this.#file = file
  }

  get path(): string {
    return this.#file.path
  }

  read(into: Uint8Array, position: number): number {
    try {
      return this.#file.read(into, position)
    } catch (error) {
      if (isLack(error)) throw error
      return this.#readSectors(into, position)
    }
  }

  #readSectors(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#file.size() - position))
    for (let at = 0; at < count; ) {
      const end = Math.min(count, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES))
      const sector = into.subarray(at, end)
      try {
        this.#file.read(sector, position + at)
      } catch {
        sector.fill(0)
      }
      at = end
    }
    return count
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

  flush(): ReturnType<StoreFile['flush']> {
    return this.#file.flush()
  }

  close(): void {
    this.#file.close()
  }
}
