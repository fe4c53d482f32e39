import { writeFully } from '../../storage/checked-write.ts'
import type { Awaitable, StoreFile } from '../../storage/file-store.ts'
import { failure, noSpace } from './disk-failure.ts'
import type { FileNode, PendingChange } from './disk-nodes.ts'
import type { DiskFaults, FaultableKind } from './faults.ts'
import { contentLeft } from './file-systems.ts'
import type { WriteUnderWay } from './image.ts'
import type { OperationKind } from './operation-kind.ts'
import { Random } from './random.ts'

/** What a file needs of its VirtualDisk, where each of these is explained. */
interface DiskOfFile {
  readonly writeLimitBytes: number
  readonly brokenPath: string | undefined
  readonly failFlushAt: number
  readonly faults: DiskFaults | undefined
  freeBytes: number
  refusedWrites: number
  flushes: number
  assertAlive(operation: string, path: string): void
  flushing(end: () => void): Awaitable<void>
  failIfTold(kind: FaultableKind, path: string): void
  begin(kind: OperationKind, path: string, underWay?: WriteUnderWay): void
}

/** Faults planned for the disk are applied here, where the bytes pass. */
export class VirtualFile implements StoreFile {
  readonly path: string
  readonly #disk: DiskOfFile
  readonly #node: FileNode
  #open = true

  constructor(disk: DiskOfFile, node: FileNode, path: string) {
    this.#disk = disk
    this.#node = node
    this.path = path
  }

  read(into: Uint8Array, position: number): number {
    this.#assertUsable('read')
    this.#disk.assertAlive('read', this.path)
    this.#disk.failIfTold('read', this.path)
    if (this.#node.isSpace) throw new Error(`${this.path} is read, and was taken for space`)
    const count = this.#node.visible.read(into, position)
    const flip = this.#disk.faults?.strike('read', this.path, 'flipped')
    if (flip !== undefined && count > 0) {
      // Spread over all positions by its number: small numbers alone would only ever hit heads.
      const at = (Math.imul(flip.at, 0x9e3779b1) >>> 0) % count
      into[at] = (into[at] ?? 0) ^ (1 << (flip.at & 7))
    }
    return count
  }

  write(bytes: Uint8Array, position: number): number {
    this.#assertUsable('write')
    const disk = this.#disk
    const taken = Math.min(bytes.length, disk.writeLimitBytes)
    // Nobody reads what lies in space.
    const owned = this.#node.isSpace ? bytes.subarray(0, taken) : bytes.slice(0, taken)
    disk.begin('write', this.path, { node: this.#node, bytes: owned, position })
    if (disk.faults?.strike('write', this.path, 'lying') !== undefined) return owned.length
    if (disk.faults?.strike('write', this.path, 'misdirected') !== undefined) return this.#take(owned, position + 512)
    if (disk.faults?.strike('write', this.path, 'zeroed') !== undefined) owned.fill(0)
    const isShort = disk.faults?.strike('write', this.path, 'short') !== undefined
    return this.#take(isShort ? owned.subarray(0, Math.ceil(owned.length / 2)) : owned, position)
  }

  #take(owned: Uint8Array, position: number): number {
    const disk = this.#disk
    const growth = Math.max(0, position + owned.length - this.#node.visible.sizeBytes)
    const taken = owned.subarray(0, owned.length - Math.max(0, growth - disk.freeBytes))
    if (taken.length === 0 && owned.length > 0) {
      disk.refusedWrites++
      throw noSpace('write', this.path)
    }
    disk.freeBytes -= Math.min(growth, disk.freeBytes)
    this.#node.write(taken, position)
    return taken.length
  }

  truncate(sizeBytes: number): void {
    this.#assertUsable('truncate')
    this.#disk.begin('truncate', this.path)
    this.#disk.freeBytes += Math.max(0, this.#node.visible.sizeBytes - sizeBytes)
    this.#node.truncate(sizeBytes)
  }

  size(): number {
    this.#assertUsable('size')
    this.#disk.assertAlive('size', this.path)
    return this.#node.visible.sizeBytes
  }

  /** What is written after the call isn't part of it, as the port says. */
  flush(): Awaitable<void> {
    this.#assertUsable('flush')
    const last = this.#node.pending.at(-1)
    return this.#disk.flushing(() => this.#endFlush(last))
  }

  #endFlush(last: PendingChange | undefined): void {
    const disk = this.#disk
    disk.begin('flush', this.path)
    for (const shows of ['new', 'old'] as const) {
      const fault = disk.faults?.strike('flush', this.path, `drops-shows-${shows}`)
      if (fault === undefined) continue
      this.#drop(shows, fault.partBy)
      throw failure('flush', this.path, 'the device failed')
    }
    if (disk.faults?.strike('flush', this.path, 'lying') !== undefined) return
    if (++disk.flushes >= disk.failFlushAt) throw failure('flush', this.path, 'the device failed')
    this.#node.flush(last)
  }

  #drop(shows: 'new' | 'old', partBy: number | undefined): void {
    const node = this.#node
    const random = partBy === undefined ? undefined : new Random(partBy)
    node.drop(shows, random === undefined ? node.durable : contentLeft(node, node.pending, 'posix', random))
  }

  writeDurably(bytes: Uint8Array, position: number): Awaitable<void> {
    writeFully(this, bytes, position)
    return this.flush()
  }

  close(): void {
    this.#open = false
  }

  #assertUsable(operation: string): void {
    if (!this.#open) throw failure(operation, this.path, 'the file is closed')
    if (this.path === this.#disk.brokenPath) throw failure(operation, this.path, 'input/output error')
  }
}
