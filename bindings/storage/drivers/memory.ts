import { LogError } from '../../model/errors.ts'
import type { FileStore, StoreCapabilities, StoreFile, StoreLock } from '../file-store.ts'
import { checkDirectory, checkPath, checkRename, parentOf } from '../path.ts'

const capabilities: StoreCapabilities = Object.freeze({
  name: 'memory',
  durability: 'memory',
  synchronousFlush: true,
  rename: true,
  exclusiveLock: true,
})

/** Large files aren't copied as they grow, small ones take little: a page doubles from 256 bytes up to this size. */
const pageBytes = 1 << 20

/** Bytes past the end of a page, and missing pages, read as zeros. */
class Content {
  readonly #pages: Uint8Array[] = []
  sizeBytes = 0

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - position))
    for (let done = 0; done < count; ) {
      const within = (position + done) % pageBytes
      const length = Math.min(count - done, pageBytes - within)
      const stored = this.#pages[Math.floor((position + done) / pageBytes)]?.subarray(within, within + length)
      if (stored !== undefined) into.set(stored, done)
      into.fill(0, done + (stored?.length ?? 0), done + length)
      done += length
    }
    return count
  }

  write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      const within = (position + done) % pageBytes
      const length = Math.min(bytes.length - done, pageBytes - within)
      this.#page(Math.floor((position + done) / pageBytes), within + length).set(
        bytes.subarray(done, done + length),
        within,
      )
      done += length
    }
    this.sizeBytes = Math.max(this.sizeBytes, position + bytes.length)
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes < this.sizeBytes) {
      this.#pages.length = Math.min(this.#pages.length, Math.ceil(sizeBytes / pageBytes))
      if (sizeBytes % pageBytes > 0) this.#pages[Math.floor(sizeBytes / pageBytes)]?.fill(0, sizeBytes % pageBytes)
    }
    this.sizeBytes = sizeBytes
  }

  #page(index: number, neededBytes: number): Uint8Array {
    const page = this.#pages[index]
    if (page !== undefined && page.length >= neededBytes) return page
    let length = page?.length ?? 256
    while (length < neededBytes) length *= 2
    const grown = new Uint8Array(length)
    if (page !== undefined) grown.set(page)
    while (this.#pages.length < index) this.#pages.push(new Uint8Array(0))
    this.#pages[index] = grown
    return grown
  }
}

/** What outlives one store object: a second one over it finds the files as they are. */
interface Tree {
  readonly files: Map<string, Content>
  /** The names in each directory. */
  readonly directories: Map<string, Set<string>>
  holder: StoreLock | undefined
}

class MemoryFile implements StoreFile {
  readonly path: string
  readonly #content: Content
  readonly #isStoreClosed: () => boolean
  #open = true

  constructor(path: string, content: Content, isStoreClosed: () => boolean) {
    this.path = path
    this.#content = content
    this.#isStoreClosed = isStoreClosed
  }

  read(into: Uint8Array, position: number): number {
    return this.#usable('read').read(into, position)
  }

  write(bytes: Uint8Array, position: number): number {
    this.#usable('write').write(bytes, position)
    return bytes.length
  }

  truncate(sizeBytes: number): void {
    this.#usable('truncate').truncate(sizeBytes)
  }

  size(): number {
    return this.#usable('size').sizeBytes
  }

  flush(): void {
    this.#usable('flush')
  }

  close(): void {
    this.#open = false
  }

  #usable(operation: string): Content {
    if (this.#open && !this.#isStoreClosed()) return this.#content
    throw failure(operation, this.path, 'the file is closed')
  }
}

/** Files that live as long as the process, synchronous throughout. */
export class MemoryStore implements FileStore {
  readonly capabilities: StoreCapabilities = capabilities
  readonly #tree: Tree
  #lock: { release(): void } | undefined
  #closed = false

  constructor(tree: Tree = { files: new Map(), directories: new Map([['', new Set()]]), holder: undefined }) {
    this.#tree = tree
  }

  /** Another store over the same files, as a second process would open the same directory. */
  reopen(): MemoryStore {
    return new MemoryStore(this.#tree)
  }

  open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    this.#check('open', path)
    checkPath(path, 'open')
    if (this.#tree.directories.has(path)) throw failure('open', path, 'it is a directory')
    let content = this.#tree.files.get(path)
    if (content === undefined) {
      this.#assertNoFileAbove(path)
      if (!options.create) return undefined
      content = new Content()
      this.#putFile(path, content)
    }
    return new MemoryFile(path, content, () => this.#closed)
  }

  list(directory: string): readonly string[] {
    this.#check('list', directory)
    checkDirectory(directory, 'list')
    if (this.#tree.files.has(directory)) throw failure('list', directory, 'it is a file')
    return [...(this.#tree.directories.get(directory) ?? [])].sort()
  }

  rename(from: string, to: string): void {
    this.#check('rename', from)
    checkRename(from, to)
    const { files, directories } = this.#tree
    const content = files.get(from)
    if (content !== undefined) {
      if (directories.has(to)) throw failure('rename', from, `${to} is a directory`)
      files.delete(from)
      this.#left(from)
      this.#putFile(to, content)
      return
    }
    if (!directories.has(from)) throw failure('rename', from, 'there is no such file')
    if (from === to) return
    if (files.has(to) || this.list(to).length > 0) throw failure('rename', from, `${to} is in the way`)
    this.#left(from)
    this.#makeDirectory(to)
    this.#moveAllIn(from, to)
  }

  #moveAllIn(from: string, to: string): void {
    const { files, directories } = this.#tree
    const names = directories.get(from) ?? new Set()
    directories.delete(from)
    directories.set(to, names)
    for (const name of names) {
      const path = `${from}/${name}`
      const content = files.get(path)
      if (content === undefined) this.#moveAllIn(path, `${to}/${name}`)
      else {
        files.delete(path)
        files.set(`${to}/${name}`, content)
      }
    }
  }

  remove(path: string): void {
    this.#check('remove', path)
    checkPath(path, 'remove')
    if (this.#tree.files.delete(path)) return this.#left(path)
    const names = this.#tree.directories.get(path)
    if (names === undefined) return
    if (names.size > 0) throw failure('remove', path, 'the directory is not empty')
    this.#tree.directories.delete(path)
    this.#left(path)
  }

  syncDirectory(directory: string): void {
    this.#check('syncDirectory', directory)
    checkDirectory(directory, 'syncDirectory')
    if (!this.#tree.directories.has(directory)) throw failure('syncDirectory', directory, 'there is no such directory')
  }

  lock(): StoreLock {
    this.#check('lock', '')
    if (this.#tree.holder !== undefined) {
      throw new LogError('DIRECTORY_IN_USE', 'the memory store is held by another log of this process', {
        pid: undefined,
        host: undefined,
        since: undefined,
      })
    }
    const lock: { release(): void } = {
      release: () => {
        if (this.#tree.holder === lock) this.#tree.holder = undefined
      },
    }
    this.#tree.holder = lock
    this.#lock = lock
    return lock
  }

  close(): void {
    this.#closed = true
    this.#lock?.release()
  }

  #putFile(path: string, content: Content): void {
    this.#enter(path)
    this.#tree.files.set(path, content)
  }

  #makeDirectory(directory: string): void {
    if (this.#tree.directories.has(directory)) return
    this.#enter(directory)
    this.#tree.directories.set(directory, new Set())
  }

  /** Puts the path's name into its directory. */
  #enter(path: string): void {
    const directory = parentOf(path)
    this.#makeDirectory(directory)
    this.#tree.directories.get(directory)?.add(nameOf(path))
  }

  /** Nothing has the path any more. */
  #left(path: string): void {
    this.#tree.directories.get(parentOf(path))?.delete(nameOf(path))
  }

  #assertNoFileAbove(path: string): void {
    for (let directory = parentOf(path); directory !== ''; directory = parentOf(directory)) {
      if (this.#tree.files.has(directory)) throw failure('open', path, `${directory} is a file`, 'ENOTDIR')
    }
  }

  #check(operation: string, path: string): void {
    if (this.#closed) throw failure(operation, path, 'the store is closed')
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function failure(operation: string, file: string, why: string, errno?: string): LogError {
  const details = { file, operation, ...(errno === undefined ? {} : { errno }) }
  return new LogError('KAFKA_STORAGE_ERROR', `${operation} of ${file === '' ? 'the root' : file}: ${why}`, details)
}
