import * as fs from 'node:fs'
import { join } from 'node:path'
import { LogError } from '../../model/errors.ts'
import type { FileStore, StoreCapabilities, StoreFile, StoreLock } from '../../storage/file-store.ts'
import { parentOf } from '../../storage/path.ts'

const PAGE_BYTES = 4096
// Without O_NONBLOCK, opening a pipe would wait for its writer.
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants

const capabilities: StoreCapabilities = Object.freeze({
  name: 'directory-image',
  durability: 'memory',
  synchronousFlush: true,
  rename: true,
  exclusiveLock: false,
})

/**
 * A directory as it is now, for commands that only read. Writes stay in memory. So a log can open on it beside a
 * holder, or where nothing may be written, and shows what a restart at this moment would find.
 */
export class DirectoryImage implements FileStore {
  readonly capabilities: StoreCapabilities = capabilities
  readonly #root: string
  /** Files that are open or were changed, one object for each path, so that all who open it see the same. */
  readonly #files = new Map<string, ImageFile>()
  readonly #removed = new Set<string>()

  constructor(root: string) {
    this.#root = root
  }

  get directory(): string {
    return this.#root
  }

  open(path: string, { create }: { readonly create: boolean }): StoreFile | undefined {
    let file = this.#files.get(path)
    if (file === undefined) {
      const openAgain = () => this.#openOriginal(path)
      const descriptor = this.#removed.has(path) ? undefined : openAgain()
      if (descriptor === undefined && !create) return undefined
      file = new ImageFile(path, descriptor, { openAgain, closed: (unused) => this.#forget(path, unused) })
      this.#files.set(path, file)
    }
    file.users++
    return file
  }

  /** Its path may be another file's by now. */
  #forget(path: string, file: ImageFile): void {
    if (this.#files.get(path) === file) this.#files.delete(path)
  }

  #openOriginal(path: string): number | undefined {
    assertReal(this.#root, parentOf(path))
    return openOriginal(join(this.#root, path))
  }

  list(directory: string): readonly string[] {
    assertReal(this.#root, directory)
    const prefix = directory === '' ? '' : `${directory}/`
    const names = new Set(namesIn(join(this.#root, directory)).filter((name) => !this.#removed.has(prefix + name)))
    for (const path of this.#files.keys()) {
      if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split('/')[0] ?? '')
    }
    return [...names].sort()
  }

  rename(from: string, to: string): void {
    if (lookAt(join(this.#root, from))?.isDirectory() === true) {
      for (const name of this.list(from)) this.rename(`${from}/${name}`, `${to}/${name}`)
    } else this.#renameFile(from, to)
    this.remove(from)
  }

  /** The original's bytes stay where they are, and are read there. */
  #renameFile(from: string, to: string): void {
    let file = this.#files.get(from)
    if (file === undefined) {
      const openAgain = () => this.#openOriginal(from)
      const descriptor = this.#removed.has(from) ? undefined : openAgain()
      if (descriptor === undefined)
        throw unreadable(from, Object.assign(new Error('it is missing'), { code: 'ENOENT' }))
      file = new ImageFile(to, descriptor, { openAgain, closed: () => {} })
      file.release()
    }
    file.moved()
    this.#files.set(to, file)
  }

  remove(path: string): void {
    this.#files.delete(path)
    this.#removed.add(path)
  }

  syncDirectory(): void {}

  lock(): StoreLock {
    return { release() {} }
  }

  close(): void {
    for (const file of this.#files.values()) file.release()
  }
}

interface ImageHooks {
  openAgain(): number | undefined
  /** Nobody uses it, and nothing in it was changed. */
  closed(unused: ImageFile): void
}

/** The original's bytes, with the pages that were written over them. */
class ImageFile implements StoreFile {
  readonly path: string
  users = 0
  #descriptor: number | undefined
  readonly #hooks: ImageHooks
  readonly #pages = new Map<number, Uint8Array>()
  /** The original's bytes count only up to here: the rest was cut off. */
  #originalBytes: number
  #sizeBytes: number
  #isChanged: boolean

  constructor(path: string, descriptor: number | undefined, hooks: ImageHooks) {
    this.path = path
    this.#descriptor = descriptor
    this.#hooks = hooks
    this.#originalBytes = descriptor === undefined ? 0 : fs.fstatSync(descriptor).size
    this.#sizeBytes = this.#originalBytes
    this.#isChanged = descriptor === undefined
  }

  size(): number {
    return this.#sizeBytes
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#sizeBytes - position))
    const wanted = into.subarray(0, count)
    wanted.fill(0, this.#readOriginal(wanted, position))
    for (let page = Math.floor(position / PAGE_BYTES); page * PAGE_BYTES < position + count; page++) {
      const bytes = this.#pages.get(page)
      const at = page * PAGE_BYTES - position
      const from = Math.max(0, -at)
      if (bytes !== undefined) wanted.set(bytes.subarray(from, Math.min(PAGE_BYTES, count - at)), at + from)
    }
    return count
  }

  #readOriginal(into: Uint8Array, position: number): number {
    const available = Math.max(0, Math.min(into.length, this.#originalBytes - position))
    if (available === 0) return 0
    this.#descriptor ??= this.#hooks.openAgain()
    if (this.#descriptor === undefined) throw unreadable(this.path, new Error('it was removed meanwhile'))
    return fs.readSync(this.#descriptor, into, 0, available, position)
  }

  write(bytes: Uint8Array, position: number): number {
    this.#isChanged = true
    for (let done = 0; done < bytes.length; ) {
      const page = Math.floor((position + done) / PAGE_BYTES)
      const within = position + done - page * PAGE_BYTES
      const part = bytes.subarray(done, done + PAGE_BYTES - within)
      this.#page(page).set(part, within)
      done += part.length
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, position + bytes.length)
    return bytes.length
  }

  #page(page: number): Uint8Array {
    let bytes = this.#pages.get(page)
    if (bytes === undefined) {
      bytes = new Uint8Array(PAGE_BYTES)
      this.#readOriginal(bytes, page * PAGE_BYTES)
      this.#pages.set(page, bytes)
    }
    return bytes
  }

  truncate(sizeBytes: number): void {
    this.#isChanged = true
    this.#originalBytes = Math.min(this.#originalBytes, sizeBytes)
    for (const [page, bytes] of this.#pages) {
      const kept = sizeBytes - page * PAGE_BYTES
      if (kept <= 0) this.#pages.delete(page)
      else if (kept < PAGE_BYTES) bytes.fill(0, kept)
    }
    this.#sizeBytes = sizeBytes
  }

  flush(): void {}

  /** It has another name now, as long as the store is open. */
  moved(): void {
    this.#isChanged = true
  }

  /**
   * A changed file stays until the store is closed, so that its next open finds the changes; its descriptor doesn't, of
   * which a log with many partitions would need more than a process may have.
   */
  close(): void {
    this.users--
    if (this.users > 0) return
    this.release()
    if (!this.#isChanged) this.#hooks.closed(this)
  }

  release(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

/** As a log that is opened there: it follows no link below the root, so what one leads to is no part of it. */
function assertReal(root: string, directory: string): void {
  if (directory === '') return
  const place = join(root, directory)
  const stats = lookAt(place)
  if (stats?.isSymbolicLink()) throw linked(place)
}

function linked(place: string): LogError {
  const link = new Error('it is a symbolic link, which a log never follows')
  return unreadable(place, Object.assign(link, { code: 'ELOOP' }))
}

function lookAt(place: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(place, { throwIfNoEntry: false })
  } catch (error) {
    throw unreadable(place, error)
  }
}

function openOriginal(place: string): number | undefined {
  try {
    const descriptor = fs.openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    if (fs.fstatSync(descriptor).isFile()) return descriptor
    fs.closeSync(descriptor)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw code === 'ELOOP' ? linked(place) : unreadable(place, error)
  }
  throw unreadable(place, new Error('it is not a regular file'))
}

function namesIn(place: string): string[] {
  try {
    return fs.readdirSync(place)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw unreadable(place, error)
  }
}

function unreadable(place: string, cause: unknown): LogError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const errno = (cause as NodeJS.ErrnoException).code
  const details = { file: place, operation: 'open', errno }
  return new LogError('KAFKA_STORAGE_ERROR', `can't read ${place}: ${why}`, details, cause)
}
