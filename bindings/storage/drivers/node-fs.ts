import * as fs from 'node:fs'
import { unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { FileStore, StoreCapabilities, StoreFile, StoreLock } from '../file-store.ts'
import { checkDirectory, checkPath, checkRename, lockFile, parentOf } from '../path.ts'
import { AlignedCopy } from './node-fs/aligned-copy.ts'
import { storageError } from './node-fs/errors.ts'
import { NodeFile } from './node-fs/file.ts'
import { vanished } from './node-fs/file-identity.ts'
import { FlushPlace } from './node-fs/flush-place.ts'
import { lockDirectory } from './node-fs/lock.ts'
import { makeMarkedRoot } from './node-fs/marked-root.ts'
import { PoolShare } from './node-fs/pool-share.ts'
import { SharedSyncs } from './node-fs/shared-syncs.ts'

const { O_RDONLY, O_RDWR, O_CREAT, O_DIRECTORY, O_NOFOLLOW } = fs.constants

const capabilities: StoreCapabilities = Object.freeze({
  name: 'node-fs',
  durability: 'stable',
  synchronousFlush: false,
  rename: true,
  exclusiveLock: process.platform === 'linux',
})

/**
 * A directory of the file system, made when it is first needed, with the file `mark` in it. Nothing is touched before.
 */
export function createDirectoryStore(directory: string, mark?: string): FileStore {
  return new NodeFileStore(resolve(directory), mark)
}

/**
 * What is quick (open, list, rename: 5 to 20 us) is a system call in place, because a turn through the thread pool
 * costs as much; what waits for the device (sync) or frees many blocks (remove) goes to the pool, but see
 * flush-place.ts.
 *
 * Only regular files and real directories below the root are touched: a symbolic link or a special file is refused, so
 * that nothing which was put into the directory leads out of it. The root itself may be reached through a link.
 */
class NodeFileStore implements FileStore {
  readonly capabilities: StoreCapabilities = capabilities
  readonly #root: string
  readonly #mark: string | undefined
  readonly #files: Set<NodeFile> = new Set()
  readonly #flushPlace: FlushPlace = new FlushPlace()
  readonly #poolShare: PoolShare = new PoolShare()
  readonly #alignedCopy: AlignedCopy = new AlignedCopy()
  readonly #syncs: SharedSyncs = new SharedSyncs()
  /** Directories above the root whose entries lead to it and aren't known to be durable. */
  #parents: readonly string[] | undefined
  #isRootKnown = false
  /**
   * Directories that were there since the lock was taken. One that vanishes was taken away by somebody else: made
   * again, it would hold what is written next and nothing of what it held, and keep the other one from being put back.
   */
  readonly #seen: Set<string> = new Set()
  #lock: StoreLock | undefined
  #closed = false

  constructor(root: string, mark: string | undefined) {
    this.#root = root
    this.#mark = mark
  }

  get directory(): string {
    return this.#root
  }

  open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    checkPath(path, 'open')
    return this.#attempt('open', path, () => {
      this.#assertHeld()
      if (!this.#enter(parentOf(path), options)) return undefined
      const descriptor = openFile(this.#place(path), options)
      if (descriptor === undefined) return undefined
      try {
        if (!fs.fstatSync(descriptor).isFile()) throw new Error('it is not a regular file: move it out of the way')
        // The directory may have been replaced between the check and the opening.
        this.#assertHeld()
      } catch (error) {
        fs.closeSync(descriptor)
        throw error
      }
      const shared = { place: this.#flushPlace, share: this.#poolShare, copy: this.#alignedCopy }
      const file = new NodeFile(path, this.#root, descriptor, shared, (closed) => this.#files.delete(closed))
      this.#files.add(file)
      return file
    })
  }

  list(directory: string): readonly string[] {
    checkDirectory(directory, 'list')
    return this.#attempt('list', directory, () => {
      if (!this.#enter(directory, { create: false })) return []
      const names = fs.readdirSync(this.#place(directory)).sort()
      return directory === '' ? names.filter((name) => name !== lockFile) : names
    })
  }

  rename(from: string, to: string): void {
    checkRename(from, to)
    this.#attempt('rename', from, () => {
      this.#assertHeld()
      this.#enter(parentOf(from), { create: false })
      fs.renameSync(this.#place(from), this.#place(to))
      this.#seen.delete(this.#place(from))
    })
  }

  async remove(path: string): Promise<void> {
    checkPath(path, 'remove')
    const isFile = this.#attempt('remove', path, () => {
      this.#assertHeld()
      if (!this.#enter(parentOf(path), { create: false })) return false
      const stats = fs.lstatSync(this.#place(path), { throwIfNoEntry: false })
      if (stats?.isDirectory()) fs.rmdirSync(this.#place(path))
      this.#seen.delete(this.#place(path))
      return stats !== undefined && !stats.isDirectory()
    })
    if (!isFile) return
    try {
      await unlink(this.#place(path))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw this.#error('remove', path, error)
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    checkDirectory(directory, 'syncDirectory')
    await this.#syncs.run(directory, () => this.#syncEntries(directory))
  }

  async #syncEntries(directory: string): Promise<void> {
    const parents = this.#attempt('syncDirectory', directory, () => {
      if (!this.#enter(directory, { create: directory === '' })) throw Object.assign(new Error(), { code: 'ENOENT' })
      return directory === '' ? this.#unsyncedParents() : []
    })
    try {
      // One after the other: a sync that found too many files open is asked again, and no failed sync may hide behind
      // it.
      for (const place of [this.#place(directory), ...parents]) await syncEntries(place, this.#poolShare)
      if (directory === '') this.#parents = []
    } catch (error) {
      throw this.#error('syncDirectory', directory, error)
    }
  }

  async lock(): Promise<StoreLock> {
    this.#attempt('lock', '', () => this.#enter('', { create: true }))
    this.#lock = await lockDirectory(this.#root)
    return this.#lock
  }

  /**
   * Closes what is left open, whichever of it fails: a descriptor that nobody can reach any more would stay until the
   * process ends, and so would the lock.
   */
  async close(): Promise<void> {
    this.#closed = true
    const errors: unknown[] = []
    for (const file of this.#files) {
      try {
        file.close()
      } catch (error) {
        errors.push(error)
      }
    }
    await this.#lock?.release()
    if (errors.length > 0) throw errors[0]
  }

  /**
   * Called before a name is used: the path may lead to another log by now, and what is written or removed there would
   * be that log's. The engine's check, each second, comes too late for this (docs/decisions/030-directory-lost.md).
   */
  #assertHeld(): void {
    this.#lock?.assertHeld?.()
  }

  #place(path: string): string {
    return path === '' ? this.#root : join(this.#root, path)
  }

  /** Walks down to `directory`, making what is missing if `create` says so; false if it doesn't exist. */
  #enter(directory: string, { create }: { readonly create: boolean }): boolean {
    if (!this.#isRootKnown) {
      if (!create && !fs.existsSync(this.#root)) return false
      this.#makeRoot()
    }
    let place = this.#root
    for (const name of directory === '' ? [] : directory.split('/')) {
      place = join(place, name)
      const stats = fs.lstatSync(place, { throwIfNoEntry: false })
      if (stats === undefined) {
        if (!create) return false
        if (this.#lock !== undefined && this.#seen.has(place)) throw vanished(this.#root, directory)
        makeDirectory(place)
      } else if (!stats.isDirectory()) {
        throw Object.assign(new Error(), { code: stats.isSymbolicLink() ? 'ELOOP' : 'ENOTDIR' })
      }
      if (this.#lock !== undefined) this.#seen.add(place)
    }
    return true
  }

  /** Once only: a root that vanishes under an open log took the lock with it, and must not come back empty. */
  #makeRoot(): void {
    const missing: string[] = []
    for (let place = this.#root; !fs.existsSync(place); place = dirname(place)) {
      assertNoLink(place)
      missing.push(place)
    }
    // Not `recursive`: where mkdir reports ENOENT below a directory that exists, as in /proc, Node 20 tries for ever.
    for (const place of missing.reverse()) {
      if (place === this.#root && this.#mark !== undefined) makeMarkedRoot(place, this.#mark)
      else makeDirectory(place)
    }
    if (!fs.statSync(this.#root).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
    this.#isRootKnown = true
    if (missing.length > 0) this.#parents = missing.map((place) => dirname(place))
  }

  /**
   * A root that existed may have been made by a process that died before it synced the entry: so its parent counts too.
   */
  #unsyncedParents(): readonly string[] {
    if (this.#parents !== undefined) return this.#parents
    const parent = dirname(this.#root)
    try {
      fs.accessSync(parent, fs.constants.R_OK)
      return [parent]
    } catch {
      // A directory that this process may not read is one in which it can't have made the entry.
      return []
    }
  }

  #attempt<T>(operation: string, path: string, act: () => T): T {
    if (this.#closed) throw this.#error(operation, path, 'the store is closed')
    try {
      return act()
    } catch (error) {
      throw this.#error(operation, path, error)
    }
  }

  #error(operation: string, path: string, cause: unknown): Error {
    return storageError(operation, path, this.#root, cause)
  }
}

/** A link to something that is missing has the name of the directory that would be made. */
function assertNoLink(place: string): void {
  if (fs.lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return
  const target = resolve(dirname(place), fs.readlinkSync(place))
  throw new Error(`${place} is a symbolic link to ${target}, and that is missing: make it, or remove the link`)
}

/** Somebody else may make it at the same moment; what it is then, the next call finds out. */
function makeDirectory(place: string): void {
  try {
    fs.mkdirSync(place, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function openFile(place: string, { create }: { readonly create: boolean }): number | undefined {
  try {
    return fs.openSync(place, O_RDWR | O_NOFOLLOW | (create ? O_CREAT : 0), 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !create) return undefined
    throw error
  }
}

function syncEntries(place: string, share: PoolShare): Promise<void> {
  return new Promise((resolve, reject) => {
    share.run((ended) => {
      let descriptor: number
      try {
        descriptor = fs.openSync(place, O_RDONLY | O_DIRECTORY)
      } catch (error) {
        ended()
        reject(error)
        return
      }
      fs.fsync(descriptor, (error) => {
        ended()
        fs.closeSync(descriptor)
        if (error === null) resolve()
        else reject(error)
      })
    })
  })
}
