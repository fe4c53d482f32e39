import * as fs from 'node:fs'

const { O_WRONLY, O_DIRECT, O_DSYNC } = fs.constants

/**
 * Every device and file system that takes direct writes at all takes them in this size; one that wants more refuses,
 * and isn't asked again.
 */
const BLOCK_BYTES = 512

type Done = (error: Error | null) => void

/**
 * Writes that bypass the page cache and are durable when they are done, like write and fdatasync in one call. Data that
 * is flushed at once only loses time in the cache (docs/decisions/022-frames-pass-the-page-cache.md).
 *
 * The system keeps such writes consistent with those through the cache. They have a descriptor of their own, because
 * reads and the other writes of the file have no aligned memory.
 */
export class DirectWrites {
  #descriptor = -1
  #isRefused = process.platform !== 'linux'
  /** On another thread. */
  #isWriting = false

  /** Whether `writeLater` can be called: the system has taken such a write of this file, and these are whole blocks. */
  takesLater(lengthBytes: number, position: number): boolean {
    return !this.#isRefused && this.#descriptor >= 0 && (lengthBytes | position) % BLOCK_BYTES === 0
  }

  /**
   * The count written; `undefined` if it has to be written through the cache. `descriptor`: the file, opened as usual.
   */
  write(descriptor: number, bytes: Uint8Array, position: number): number | undefined {
    // WASM memory starts on a page; where other memory starts isn't known until the system refuses it.
    if (this.#isRefused || (bytes.length | position | bytes.byteOffset) % BLOCK_BYTES !== 0) return undefined
    try {
      if (this.#descriptor < 0) this.#descriptor = reopen(descriptor)
      return fs.writeSync(this.#descriptor, bytes, 0, bytes.length, position)
    } catch (error) {
      if (!isRefusal(error)) throw error
      this.#isRefused = true
      // While another thread writes its number must not name another file: then it is closed with the file.
      if (!this.#isWriting) this.close()
      return undefined
    }
  }

  /**
   * As `write`, on another thread: all of `bytes`, which start on a page and must stay as they are until `done`. A
   * system that took larger blocks may refuse these: then they are written through the cache, and flushed.
   */
  writeLater(descriptor: number, bytes: Uint8Array, position: number, done: Done): void {
    this.#isWriting = true
    fs.write(this.#descriptor, bytes, 0, bytes.length, position, (error, count) => {
      this.#isWriting = false
      if (error !== null && isRefusal(error)) return this.#writeThroughCache(descriptor, bytes, position, done)
      if (error !== null || count === bytes.length) return done(error)
      if (count === 0) return done(new Error(`0 of ${bytes.length} bytes were written`))
      this.writeLater(descriptor, bytes.subarray(count), position + count, done)
    })
  }

  #writeThroughCache(descriptor: number, bytes: Uint8Array, position: number, done: Done): void {
    try {
      this.close()
      for (let at = 0; at < bytes.length; ) {
        const count = fs.writeSync(descriptor, bytes, at, bytes.length - at, position + at)
        if (count === 0) throw new Error(`${at} of ${bytes.length} bytes were written`)
        at += count
      }
    } catch (error) {
      return done(error as Error)
    }
    fs.fdatasync(descriptor, done)
  }

  close(): void {
    this.#isRefused = true
    if (this.#descriptor >= 0) fs.closeSync(this.#descriptor)
    this.#descriptor = -1
  }
}

/** Opens the same file again, whatever its name is by now. */
function reopen(descriptor: number): number {
  return fs.openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_DIRECT | O_DSYNC)
}

/**
 * Whether direct writes were refused, rather than this write: the file system has none, the memory isn't aligned, /proc
 * is missing, no descriptor is left.
 */
function isRefusal(error: unknown): boolean {
  return ['EINVAL', 'ENOENT', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'EOPNOTSUPP'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  )
}
