import { LogError } from '../../model/errors.ts'
import type { Awaitable, FileStore, StoreCapabilities, StoreFile, StoreLock } from '../../storage/file-store.ts'
import { checkDirectory, checkPath, checkRename, parentOf } from '../../storage/path.ts'
import { digestOfTree } from './disk-digest.ts'
import { failure, noSpace } from './disk-failure.ts'
import { DirectoryNode, type DiskNode, FileNode } from './disk-nodes.ts'
import type { DiskFaults, FaultableKind } from './faults.ts'
import type { FileSystem } from './file-systems.ts'
import { ImageMaker, type ImageMode, type WriteUnderWay } from './image.ts'
import type { OperationKind } from './operation-kind.ts'
import type { Random } from './random.ts'
import { VirtualFile } from './virtual-file.ts'

/** Thrown in place of the operation before which the disk stops; no part of a program ever throws it. */
export class CrashSignal extends Error {
  override readonly name = 'CrashSignal'
}

/** Called before an operation takes place: images made here are those of a crash at this instant. */
export type OperationWatch = (number: number, kind: OperationKind, path: string, range?: WriteRange) => void

/** The bytes that a write touches. */
export interface WriteRange {
  readonly position: number
  readonly lengthBytes: number
}

const capabilities: StoreCapabilities = Object.freeze({
  name: 'virtual',
  durability: 'stable',
  synchronousFlush: true,
  rename: true,
  exclusiveLock: true,
})

/** The lock on each tree of files, whichever store object took it. */
const holders = new WeakMap<DirectoryNode, StoreLock>()

/**
 * A disk that knows what is durable. Every change counts as an operation; before any of them it can crash (`crashAt`)
 * or be copied as a crash would leave it (`image`). Assumption (docs/durability.md): a write damages only the sectors
 * it touches, and what was flushed stays until it is written again.
 */
export class VirtualDisk implements FileStore {
  readonly capabilities: StoreCapabilities = capabilities
  /** Operations so far, counted from 1; `crashAt = n` throws before operation n. */
  operations = 0
  crashAt: number = Number.POSITIVE_INFINITY
  watch: OperationWatch | undefined
  /** Flushes so far, and the one that fails. */
  flushes = 0
  failFlushAt: number = Number.POSITIVE_INFINITY
  /** Bytes that files may still grow by; a write beyond that is cut short, then throws STORAGE_FULL. */
  freeBytes: number = Number.POSITIVE_INFINITY
  /** Writes that found no room at all. */
  refusedWrites = 0
  /**
   * Files and directories that may still be made (inodes); beyond that an opening that makes one throws STORAGE_FULL.
   */
  freeFiles: number = Number.POSITIVE_INFINITY
  /** Openings that would have made one and didn't. */
  refusedFiles = 0
  /** At most this many bytes of a write are taken at once. */
  writeLimitBytes: number = Number.POSITIVE_INFINITY
  /** Reads and writes of this path fail. */
  brokenPath: string | undefined
  faults: DiskFaults | undefined
  /**
   * Files whose paths begin like this are kept only for the room that they take, as the reserve is: to read one throws.
   */
  spacePath: string | undefined
  crashed = false
  readonly root: DirectoryNode
  #underWay: WriteUnderWay | undefined
  #lock: { release(): void } | undefined
  #closed = false

  constructor(root: DirectoryNode = new DirectoryNode()) {
    this.root = root
  }

  /** A disk as a crash at this instant leaves it, and as many files as that has places for; this one goes on. */
  image(random: Random, mode: ImageMode, fileSystem: FileSystem = 'posix'): VirtualDisk {
    const maker = new ImageMaker(mode, random, { underWay: this.#underWay, fileSystem })
    const next = new VirtualDisk(maker.tree(this.root))
    next.freeFiles = Math.max(0, this.freeFiles + countOf(this.root) - countOf(next.root))
    return next
  }

  /** Equal for two disks that no operation tells apart, now or after a crash. */
  digest(): string {
    return digestOfTree(this.root, Math.min(this.freeBytes, this.freeFiles) < Number.POSITIVE_INFINITY)
  }

  /** The same disk for the next opening, after a clean close. */
  reopened(): VirtualDisk {
    const next = new VirtualDisk(this.root)
    next.freeBytes = this.freeBytes
    next.freeFiles = this.freeFiles
    return next
  }

  open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    this.assertAlive('open', path)
    checkPath(path, 'open')
    this.failIfTold('open', path)
    const found = this.#find(path)
    if (found instanceof DirectoryNode) throw failure('open', path, 'it is a directory')
    if (found !== undefined) return new VirtualFile(this, found, path)
    this.#assertNoFileAbove(path)
    if (!options.create) return undefined
    this.begin('create', path)
    const directory = this.#makeDirectory(parentOf(path))
    this.#takeFile(path)
    const node = new FileNode()
    node.isSpace = this.spacePath !== undefined && path.startsWith(this.spacePath)
    directory.change([nameOf(path), node])
    return new VirtualFile(this, node, path)
  }

  list(directory: string): readonly string[] {
    this.assertAlive('list', directory)
    checkDirectory(directory, 'list')
    const found = this.#find(directory)
    if (found instanceof FileNode) throw failure('list', directory, 'it is a file')
    return found === undefined ? [] : [...found.visible.keys()].sort()
  }

  rename(from: string, to: string): void {
    checkRename(from, to)
    this.begin('rename', from)
    const node = this.#find(from)
    const directory = this.#find(parentOf(from))
    if (node === undefined || !(directory instanceof DirectoryNode)) throw failure('rename', from, 'it is missing')
    const target = this.#find(to)
    if (from === to) return
    const fits =
      node instanceof FileNode ? !(target instanceof DirectoryNode) : target === undefined || isEmptyDirectory(target)
    if (!fits) throw failure('rename', from, `${to} is in the way`)
    if (target !== undefined) this.freeFiles++
    directory.change([nameOf(from), undefined], [nameOf(to), node])
  }

  remove(path: string): void {
    checkPath(path, 'remove')
    this.begin('remove', path)
    const node = this.#find(path)
    if (node === undefined) return
    if (node instanceof DirectoryNode && node.visible.size > 0) throw failure('remove', path, 'it is not empty')
    if (node instanceof FileNode) this.freeBytes += node.visible.sizeBytes
    this.freeFiles++
    this.#makeDirectory(parentOf(path)).change([nameOf(path), undefined])
  }

  syncDirectory(directory: string): void {
    this.beginSync(directory)()
  }

  /** Returns what ends it. What is changed in between isn't part of it, as the port says. */
  beginSync(directory: string): () => void {
    checkDirectory(directory, 'syncDirectory')
    const node = this.#find(directory)
    const last = node instanceof DirectoryNode ? node.pending.at(-1) : undefined
    return () => {
      this.begin('syncDirectory', directory)
      if (!(node instanceof DirectoryNode)) throw failure('syncDirectory', directory, 'there is no such directory')
      node.sync(last)
    }
  }

  lock(): StoreLock {
    this.assertAlive()
    if (holders.has(this.root))
      throw new LogError('DIRECTORY_IN_USE', 'the virtual disk is held already', {
        pid: undefined,
        host: undefined,
        since: undefined,
      })
    const lock: { release(): void } = {
      release: () => {
        if (holders.get(this.root) === lock) holders.delete(this.root)
      },
    }
    holders.set(this.root, lock)
    this.#lock = lock
    return lock
  }

  close(): void {
    this.#lock?.release()
    this.#closed = true
  }

  /** Throws if the disk is locked. */
  assertFree(): void {
    if (holders.has(this.root)) throw new Error('the virtual disk is still held')
  }

  /** Inverts one bit of a file, on the disk too: the device itself decayed. */
  flipBit(path: string, bit: number): void {
    const node = this.#find(path)
    if (!(node instanceof FileNode)) throw failure('flipBit', path, 'there is no such file')
    for (const content of [node.visible, node.durable]) {
      const byte = new Uint8Array(1)
      if (content.read(byte, bit >>> 3) === 0) continue
      byte[0] = (byte[0] ?? 0) ^ (1 << (bit & 7))
      content.write(byte, bit >>> 3)
    }
  }

  /** Whether a power failure at this instant leaves these bytes as they are seen, under this name. */
  isDurable(path: string, position: number, lengthBytes: number): boolean {
    const node = this.#find(path)
    if (!(node instanceof FileNode) || !this.isEntryDurable(path)) return false
    const end = position + lengthBytes
    if (node.durable.sizeBytes < end) return false
    // After a failed flush nothing is pending and yet the two may differ.
    if (node.hasDropped && !node.durable.isSame(node.visible, position, lengthBytes)) return false
    return !node.pending.some((change) =>
      change.kind === 'truncate'
        ? change.sizeBytes < end
        : change.position < end && change.position + change.bytes.length > position,
    )
  }

  /** Whether a power failure leaves `path` naming what it names now; a missing one must be missing then, too. */
  isEntryDurable(path: string): boolean {
    let node: DiskNode | undefined = this.root
    for (const name of path === '' ? [] : path.split('/')) {
      if (!(node instanceof DirectoryNode)) return node === undefined
      if (node.visible.get(name) !== node.durable.get(name)) return false
      if (node.pending.some(({ entries }) => entries.some(([changed]) => changed === name))) return false
      node = node.visible.get(name)
    }
    return true
  }

  /** Damages bytes on the disk itself, as a misdirected or lost write of another file would. */
  spoil(path: string, position: number, bytes: Uint8Array): void {
    const node = this.#find(path)
    if (!(node instanceof FileNode)) throw failure('spoil', path, 'there is no such file')
    node.visible.write(bytes, position)
    node.durable.write(bytes, position)
  }

  failIfTold(kind: FaultableKind, path: string): void {
    if (this.faults?.strike(kind, path, 'error') !== undefined) throw failure(kind, path, 'input/output error')
    if (this.faults?.strike(kind, path, 'full') !== undefined) throw noSpace(kind, path)
  }

  /** Throws after a crash. For code that caught what an operation threw and would go on. */
  assertRunning(): void {
    if (this.crashed) throw new CrashSignal('the disk stopped')
  }

  assertAlive(operation: string = 'use', path: string = ''): void {
    this.assertRunning()
    if (this.#closed) throw failure(operation, path, 'the store is closed')
  }

  /** A flush has begun: calls `end` once it is done. */
  flushing(end: () => void): Awaitable<void> {
    end()
  }

  /** Counts an operation that is about to happen. */
  begin(kind: OperationKind, path: string, underWay?: WriteUnderWay): void {
    this.assertAlive(kind, path)
    this.operations++
    this.#underWay = underWay
    const range = underWay && { position: underWay.position, lengthBytes: underWay.bytes.length }
    this.watch?.(this.operations, kind, path, range)
    if (this.operations >= this.crashAt) {
      this.crashed = true
      throw new CrashSignal(`crash before operation ${this.operations}: ${kind} ${path}`)
    }
    this.#underWay = undefined
    this.failIfTold(kind, path)
  }

  #find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root
    if (path === '') return node
    for (const name of path.split('/')) {
      if (!(node instanceof DirectoryNode)) return undefined
      node = node.visible.get(name)
    }
    return node
  }

  #assertNoFileAbove(path: string): void {
    for (let above = parentOf(path); above !== ''; above = parentOf(above)) {
      if (this.#find(above) instanceof FileNode) throw failure('open', path, `${above} is a file`, 'ENOTDIR')
    }
  }

  #takeFile(path: string): void {
    if (this.freeFiles < 1) {
      this.refusedFiles++
      throw noSpace('open', path)
    }
    this.freeFiles--
  }

  #makeDirectory(path: string): DirectoryNode {
    let directory = this.root
    if (path === '') return directory
    for (const name of path.split('/')) {
      let next = directory.visible.get(name)
      if (next instanceof FileNode) throw failure('open', path, 'it is a file', 'ENOTDIR')
      if (next === undefined) {
        this.#takeFile(path)
        next = new DirectoryNode()
        directory.change([name, next])
      }
      directory = next
    }
    return directory
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Files and directories in it. */
function countOf(directory: DirectoryNode): number {
  let count = 0
  for (const node of directory.visible.values()) count += 1 + (node instanceof DirectoryNode ? countOf(node) : 0)
  return count
}

function isEmptyDirectory(node: DiskNode): boolean {
  return node instanceof DirectoryNode && node.visible.size === 0
}
