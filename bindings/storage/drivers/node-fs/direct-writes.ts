import * as fs from 'node:fs'

const { O_WRONLY, O_DIRECT, O_DSYNC } = fs.constants

/**
 * What every device and file system takes that takes direct writes at all; one that wants more refuses, and is left
 * alone.
 */
const BLOCK_BYTES = 512

/**
 * Writes that pass the page cache by and are durable when they are done, as by write and fdatasync in one call. What is
 * flushed at once anyway only loses time in the cache (docs/decisions/022-frames-pass-the-page-cache.md).
 *
 * The kernel keeps such writes and those through the cache in agreement; the descriptor is one of its own because reads
 * and the other writes of the file have no aligned memory to offer.
 */
export class DirectWrites {
  #descriptor = -1
  #isRefused = process.platform !== 'linux'

  /** The count written; `undefined` where it has to go the usual way. `descriptor`: the file, open as usual. */
  write(descriptor: number, bytes: Uint8Array, position: number): number | undefined {
    // WASM memory starts on a page; where other memory starts is unknown until the kernel refuses it.
    if (this.#isRefused || (bytes.length | position | bytes.byteOffset) % BLOCK_BYTES !== 0) return undefined
    try {
      if (this.#descriptor < 0) this.#descriptor = reopen(descriptor)
      return fs.writeSync(this.#descriptor, bytes, 0, bytes.length, position)
    } catch (error) {
      if (!isRefusal(error)) throw error
      this.close()
      return undefined
    }
  }

  close(): void {
    this.#isRefused = true
    if (this.#descriptor >= 0) fs.closeSync(this.#descriptor)
    this.#descriptor = -1
  }
}

/** The same file whatever its name says by now. */
function reopen(descriptor: number): number {
  return fs.openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_DIRECT | O_DSYNC)
}

/**
 * Of the way, not of the write: the file system has none, the memory isn't aligned, /proc isn't there, no descriptor is
 * left.
 */
function isRefusal(error: unknown): boolean {
  return ['EINVAL', 'ENOENT', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'EOPNOTSUPP'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  )
}
