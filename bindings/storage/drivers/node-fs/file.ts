import * as fs from 'node:fs'
import type { StoreFile } from '../../file-store.ts'
import { storageError } from './errors.ts'

/**
 * One descriptor. Reads and writes are system calls in place: the bytes may be a view of WASM memory, which no other
 * thread may look at later. Only the flush goes to the thread pool.
 */
export class NodeFile implements StoreFile {
  readonly path: string
  readonly #root: string
  readonly #closed: (file: NodeFile) => void
  #descriptor: number
  #flushes = 0
  #closing = false

  constructor(path: string, root: string, descriptor: number, closed: (file: NodeFile) => void) {
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
    return this.#call('write', (descriptor) => fs.writeSync(descriptor, bytes, 0, bytes.length, position))
  }

  truncate(sizeBytes: number): void {
    this.#call('truncate', (descriptor) => fs.ftruncateSync(descriptor, sizeBytes))
  }

  size(): number {
    return this.#call('size', (descriptor) => fs.fstatSync(descriptor).size)
  }

  /** fdatasync: content and the size that reading it back needs; other times of the inode may be lost. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closing) {
        reject(this.#error('flush', 'the file is closed'))
        return
      }
      this.#flushes += 1
      fs.fdatasync(this.#descriptor, (error) => {
        this.#flushes -= 1
        try {
          if (error !== null) reject(this.#error('flush', error))
          if (this.#closing) this.#release()
          resolve()
        } catch (failed) {
          reject(failed)
        }
      })
    })
  }

  /** A flush under way keeps the descriptor: its number must not name another file before the answer is there. */
  close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#release()
  }

  #release(): void {
    if (this.#flushes > 0) return
    this.#closed(this)
    try {
      fs.closeSync(this.#descriptor)
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
