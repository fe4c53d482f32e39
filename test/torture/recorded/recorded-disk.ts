import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { lockFile } from '../../../bindings/storage/path.ts'
import {
  DirectoryNode,
  type DiskNode,
  type EntryChange,
  FileNode,
} from '../../../bindings/testkit/simulation/disk-nodes.ts'
import type { FileSystem } from '../../../bindings/testkit/simulation/file-systems.ts'
import type { ImageMode } from '../../../bindings/testkit/simulation/image.ts'
import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

type Called = (error: Error | null) => void
type Written = (error: Error | null, count: number) => void

const { O_DSYNC } = fs.constants
const { openSync, closeSync, writeSync, write, ftruncateSync, ftruncate } = fs
const { fdatasyncSync, fdatasync, fsyncSync, fsync, mkdirSync, renameSync, rmdirSync } = fs
const system = { openSync, closeSync, writeSync, write, ftruncateSync, ftruncate }
const syncs = { fdatasyncSync, fdatasync, fsyncSync, fsync, mkdirSync, renameSync, rmdirSync }
const { unlink } = fs.promises

/** An open descriptor: what it is of, and whether its writes are durable when they are done. */
interface Opened {
  readonly node: DiskNode
  readonly isDurable: boolean
}

/**
 * What a directory of this machine would be after a power failure, by the calls that the process made of its system:
 * a file has what was written before its last fdatasync began, a directory the names before its last fsync.
 */
export class RecordedDisk {
  readonly root: DirectoryNode = new DirectoryNode()
  /** Calls that changed something or made it durable; those that wrote past the page cache. */
  calls = 0
  directWrites = 0
  /** Called after each of them. */
  watch = (): void => {}
  readonly #directory: string
  readonly #open = new Map<number, Opened>()

  constructor(directory: string) {
    this.#directory = directory
  }

  image(random: Random, mode: ImageMode, fileSystem: FileSystem): VirtualDisk {
    const image = new VirtualDisk(this.root).image(random, mode, fileSystem)
    image.root.visible.delete(lockFile)
    return image
  }

  /** Files whose bytes, and directories whose names, are others than on the disk of this machine: none, or it proves nothing. */
  differences(node: DirectoryNode = this.root, place: string = this.#directory): readonly string[] {
    const names = fs.readdirSync(place).sort()
    if (names.join('/') !== [...node.visible.keys()].sort().join('/')) return [place]
    return names.flatMap((name) => {
      const below = node.visible.get(name)
      const path = join(place, name)
      if (below instanceof DirectoryNode) return this.differences(below, path)
      const bytes = new Uint8Array(below?.visible.sizeBytes ?? 0)
      below?.visible.read(bytes, 0)
      return fs.readFileSync(path).equals(bytes) ? [] : [path]
    })
  }

  /** From now on, until what it returns is called. */
  record(): () => void {
    Object.assign(fs, this.#files(), this.#names())
    fs.promises.unlink = async (path) => {
      await unlink(path)
      this.#named(String(path), undefined)
    }
    syncBuiltinESMExports()
    return () => {
      Object.assign(fs, system, syncs)
      fs.promises.unlink = unlink
      syncBuiltinESMExports()
    }
  }

  #files() {
    return {
      openSync: (path: string, flags: number, mode?: number) => {
        const descriptor = openSync(path, flags, mode)
        this.#opened(descriptor, path, (flags & O_DSYNC) === O_DSYNC)
        return descriptor
      },
      closeSync: (descriptor: number) => {
        this.#open.delete(descriptor)
        closeSync(descriptor)
      },
      writeSync: (descriptor: number, bytes: Uint8Array, from: number, lengthBytes: number, position: number) => {
        const count = writeSync(descriptor, bytes, from, lengthBytes, position)
        this.#wrote(descriptor, bytes.slice(from, from + count), position)
        return count
      },
      write: (
        descriptor: number,
        bytes: Uint8Array,
        from: number,
        lengthBytes: number,
        position: number,
        done: Written,
      ) => {
        write(descriptor, bytes, from, lengthBytes, position, (error, count) => {
          if (error === null) this.#wrote(descriptor, bytes.slice(from, from + count), position)
          done(error, count)
        })
      },
      ftruncateSync: (descriptor: number, sizeBytes: number) => {
        ftruncateSync(descriptor, sizeBytes)
        this.#cut(descriptor, sizeBytes)
      },
      ftruncate: (descriptor: number, sizeBytes: number, done: Called) => {
        ftruncate(descriptor, sizeBytes, (error) => {
          if (error === null) this.#cut(descriptor, sizeBytes)
          done(error)
        })
      },
    }
  }

  #names() {
    const now = (sync: (descriptor: number) => void) => (descriptor: number) => {
      const end = this.#beginSync(descriptor)
      sync(descriptor)
      end()
    }
    const later = (sync: (descriptor: number, done: Called) => void) => (descriptor: number, done: Called) => {
      const end = this.#beginSync(descriptor)
      sync(descriptor, (error) => {
        if (error === null) end()
        done(error)
      })
    }
    return {
      fdatasyncSync: now(fdatasyncSync),
      fsyncSync: now(fsyncSync),
      fdatasync: later(fdatasync),
      fsync: later(fsync),
      mkdirSync: (path: string) => {
        mkdirSync(path)
        this.#named(path, new DirectoryNode())
      },
      renameSync: (from: string, to: string) => {
        renameSync(from, to)
        const node = this.#find(from)
        if (node !== undefined) this.#changed(from, [nameOf(from), undefined], [nameOf(to), node])
      },
      rmdirSync: (path: string) => {
        rmdirSync(path)
        this.#named(path, undefined)
      },
    }
  }

  #opened(descriptor: number, path: string, isDurable: boolean): void {
    const [, copied] = /^\/proc\/self\/fd\/(\d+)$/.exec(path) ?? []
    let node = copied === undefined ? this.#find(path) : this.#open.get(Number(copied))?.node
    if (node === undefined && path.startsWith(`${this.#directory}/`)) {
      node = new FileNode()
      this.#named(path, node)
    }
    if (node !== undefined) this.#open.set(descriptor, { node, isDurable })
  }

  #wrote(descriptor: number, bytes: Uint8Array, position: number): void {
    const opened = this.#open.get(descriptor)
    if (!(opened?.node instanceof FileNode)) return
    const { node, isDurable } = opened
    const isOver = node.pending.some((change) => change.kind === 'truncate' || overlap(change, position, bytes.length))
    node.write(bytes, position)
    if (isDurable) {
      this.directWrites++
      // The system first writes what its cache has of these places; nothing else of the file.
      if (isOver) node.flush(node.pending.at(-1))
      else {
        node.pending.pop()
        node.durable.write(bytes, position)
      }
    }
    this.#called()
  }

  #cut(descriptor: number, sizeBytes: number): void {
    const node = this.#open.get(descriptor)?.node
    if (!(node instanceof FileNode)) return
    node.truncate(sizeBytes)
    this.#called()
  }

  /** What comes after the call isn't part of it. */
  #beginSync(descriptor: number): () => void {
    const node = this.#open.get(descriptor)?.node
    const last = node?.pending.at(-1)
    return () => {
      if (node instanceof FileNode) node.flush(last as FileNode['pending'][number])
      else node?.sync(last as EntryChange)
      this.#called()
    }
  }

  #named(path: string, node: DiskNode | undefined): void {
    if (path.startsWith(`${this.#directory}/`)) this.#changed(path, [nameOf(path), node])
  }

  #changed(path: string, ...entries: EntryChange['entries']): void {
    const parent = this.#find(path.slice(0, path.lastIndexOf('/')))
    if (!(parent instanceof DirectoryNode)) throw new Error(`${path} lies in no directory that was made`)
    parent.change(...entries)
    this.#called()
  }

  #called(): void {
    this.calls++
    this.watch()
  }

  #find(path: string): DiskNode | undefined {
    if (path === this.#directory) return this.root
    if (!path.startsWith(`${this.#directory}/`)) return undefined
    let node: DiskNode | undefined = this.root
    for (const name of path.slice(this.#directory.length + 1).split('/')) {
      node = node instanceof DirectoryNode ? node.visible.get(name) : undefined
    }
    return node
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function overlap(
  change: { readonly position: number; readonly bytes: Uint8Array },
  position: number,
  lengthBytes: number,
): boolean {
  return change.position < position + lengthBytes && change.position + change.bytes.length > position
}
