import * as fs from 'node:fs'
import { writeFully } from '../../checked-write.ts'
import type { Awaitable, StoreFile } from '../../file-store.ts'
import type { AlignedCopy } from './aligned-copy.ts'
import { DirectWrites } from './direct-writes.ts'
import { storageError } from './errors.ts'
import { identityOf, isInPlace, lost } from './file-identity.ts'
import type { FlushPlace } from './flush-place.ts'
import type { PoolShare } from './pool-share.ts'

/** A flush of more than this takes longer than a turn through the thread pool on any disk. */
const SMALL_FLUSH_BYTES = 256 * 1024

type PooledCall = (descriptor: number, done: (error: Error | null) => void) => void

/** What the files of one store share. */
export interface SharedByFiles {
  readonly place: FlushPlace
  readonly share: PoolShare
  readonly copy: AlignedCopy
}

/** Calls `start` at once or later; `start` is given what to call when it has ended. */
type Begin = (start: (ended: () => void) => void) => void

/**
 * One descriptor. Reads and writes are system calls in place: the bytes may be a view of WASM memory, which no other
 * thread may read later. A cut goes to the thread pool, where it may wait for others. So does a flush, except that of a
 * few bytes that replace others (a frame of the journal) where the disk is quick.
 */
export class NodeFile implements StoreFile {
  readonly path: string
  readonly #root: string
  readonly #closed: (file: NodeFile) => void
  readonly #place: FlushPlace
  readonly #share: PoolShare
  readonly #copy: AlignedCopy
  readonly #direct: DirectWrites = new DirectWrites()
  #descriptor: number
  /** Calls in the thread pool. */
  #underWay = 0
  #closing = false
  /** The size as far as it is known; a write beyond it makes the next flush one of more than data. */
  #sizeBytes = 0
  #unflushedBytes = 0
  #hasGrown = true
  /**
   * The time that direct writes took since the last flush: they are durable already, after a wait in place like a
   * flush's.
   */
  #directMs = 0
  /** The flush under way in the thread pool, if it began after the last write that isn't durable by itself. */
  #flushing: Promise<void> | undefined

  constructor(
    path: string,
    root: string,
    descriptor: number,
    { place, share, copy }: SharedByFiles,
    closed: (file: NodeFile) => void,
  ) {
    this.#place = place
    this.#share = share
    this.#copy = copy
    this.path = path
    this.#root = root
    this.#descriptor = descriptor
    this.#closed = closed
  }

  read(into: Uint8Array, position: number): number {
    let done = 0
    while (done < into.length) {
      const count = this.#call('read', (descriptor) =>
        fs.readSync(descriptor, into, done, into.length - done, position + done),
      )
      if (count === 0) break
      done += count
    }
    return done
  }

  write(bytes: Uint8Array, position: number): number {
    const end = position + bytes.length
    if (end > this.#sizeBytes) {
      this.#sizeBytes = end
      this.#hasGrown = true
    }
    return this.#call('write', (descriptor) => {
      const direct = this.#writeDirect(descriptor, bytes, position)
      if (direct !== undefined) return direct
      this.#flushing = undefined
      this.#unflushedBytes += bytes.length
      return fs.writeSync(descriptor, bytes, 0, bytes.length, position)
    })
  }

  /** Only for a few bytes that replace others, and only where a flush would wait in place too. */
  #mayBeDirect(bytes: Uint8Array): boolean {
    return !this.#hasGrown && bytes.length <= SMALL_FLUSH_BYTES && this.#place.isQuick
  }

  #writeDirect(descriptor: number, bytes: Uint8Array, position: number): number | undefined {
    if (!this.#mayBeDirect(bytes)) return undefined
    const started = performance.now()
    const count = this.#direct.write(descriptor, bytes, position)
    if (count !== undefined) this.#directMs += performance.now() - started
    return count
  }

  /** A direct write goes to the thread pool whole, since nobody waits for it in the event loop. */
  writeDurably(bytes: Uint8Array, position: number): Awaitable<void> {
    const isInside = !this.#closing && position + bytes.length <= this.#sizeBytes
    const isDirect = isInside && this.#mayBeDirect(bytes) && this.#direct.takesLater(bytes.length, position)
    const copy = isDirect ? this.#copy.lend(bytes) : undefined
    if (copy === undefined) {
      writeFully(this, bytes, position)
      return this.flush()
    }
    const call: PooledCall = (descriptor, done) => this.#direct.writeLater(descriptor, copy, position, done)
    return this.#onPool('write', call, (start) => start(() => this.#copy.giveBack()))
  }

  truncate(sizeBytes: number): void {
    this.#flushing = undefined
    this.#hasGrown = true
    this.#call('truncate', (descriptor) => fs.ftruncateSync(descriptor, sizeBytes))
  }

  cut(sizeBytes: number): Promise<void> {
    this.#flushing = undefined
    this.#hasGrown = true
    const call: PooledCall = (descriptor, done) =>
      fs.ftruncate(descriptor, sizeBytes, (error) => {
        // A flush that is under way may have begun before this write.
        this.#flushing = undefined
        this.#hasGrown = true
        done(error)
      })
    return this.#onPool('truncate', call, (start) => this.#share.run(start))
  }

  size(): number {
    this.#sizeBytes = this.#call('size', (descriptor) => fs.fstatSync(descriptor).size)
    return this.#sizeBytes
  }

  isShared(): boolean {
    return this.#call('size', (descriptor) => fs.fstatSync(descriptor).nlink > 1)
  }

  assertInPlace(): void {
    const identity = identityOf(this.#call('size', (descriptor) => fs.fstatSync(descriptor)))
    if (!isInPlace(this.#root, identity, this.path)) throw lost(this.#root, this.path)
  }

  /**
   * fdatasync: content and the size that is needed to read it back; other times of the inode may be lost. A commit and
   * a checkpoint that want the same of a file wait for one flush.
   */
  flush(): void | Promise<void> {
    if (this.#flushing !== undefined && !this.#closing) return this.#flushing
    const unflushedBytes = this.#unflushedBytes
    const directMs = this.#directMs
    const isSmall = !this.#hasGrown && unflushedBytes <= SMALL_FLUSH_BYTES
    this.#hasGrown = false
    this.#unflushedBytes = 0
    this.#directMs = 0
    if (directMs > 0) this.#place.took(directMs)
    if (isSmall && unflushedBytes === 0 && directMs > 0) return undefined
    if (!isSmall) return this.#flushOnPool((flush) => this.#share.run(flush))
    return this.#place.isInPlace() ? this.#flushInPlace() : this.#flushOnPool((flush) => flush(() => {}))
  }

  #flushOnPool(begin: Begin): Promise<void> {
    const flushing = this.#onPool('flush', fs.fdatasync, begin)
    const ended = () => {
      if (this.#flushing === flushing) this.#flushing = undefined
    }
    this.#flushing = flushing
    flushing.then(ended, ended)
    return flushing
  }

  #flushInPlace(): void {
    const started = performance.now()
    this.#call('flush', fs.fdatasyncSync)
    this.#place.took(performance.now() - started)
  }

  /** Counts as under way from here on: a descriptor that waits for a thread must not be closed either. */
  #onPool(operation: string, call: PooledCall, begin: Begin): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closing) {
        reject(this.#error(operation, 'the file is closed'))
        return
      }
      this.#underWay += 1
      begin((ended) => {
        call(this.#descriptor, (error) => {
          ended()
          this.#underWay -= 1
          try {
            if (error !== null) reject(this.#error(operation, error))
            if (this.#closing) this.#release()
            resolve()
          } catch (failed) {
            reject(failed)
          }
        })
      })
    })
  }

  /** A call under way keeps the descriptor open: its number must not name another file before the call has ended. */
  close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#release()
  }

  #release(): void {
    if (this.#underWay > 0) return
    this.#closed(this)
    try {
      try {
        this.#direct.close()
      } finally {
        fs.closeSync(this.#descriptor)
      }
    } catch (error) {
      throw this.#error('close', error)
    }
  }

  #call<T>(operation: string, use: (descriptor: number) => T): T {
    // The number may belong to another file by now.
    if (this.#closing) throw this.#error(operation, 'the file is closed')
    try {
      return use(this.#descriptor)
    } catch (error) {
      throw this.#error(operation, error)
    }
  }

  #error(operation: string, cause: unknown): Error {
    return storageError(operation, this.path, this.#root, cause)
  }
}
