import * as fs from 'node:fs'
import { join } from 'node:path'
import { identityOf, isInPlace, lockIdentity, lost } from './file-identity.ts'

/**
 * The directory whose log this process is attached to. Its path may come to lead to another directory, a copy of the
 * log or a new log, whose holder would be taken for the next holder of this one: so the lock's file is compared, as a
 * holder compares its own (docs/decisions/030-directory-lost.md). A restore may leave the lock where it is, so a file
 * that the log never replaces is kept open as well: no other file gets its inode meanwhile.
 */
export class AttachedDirectory {
  readonly #root: string
  readonly #lasting: string
  #identity: string | undefined
  #descriptor: number | undefined

  /** `lasting`: path, from the root on, of the file that stays the same as long as the log does. */
  constructor(root: string, lasting: string) {
    this.#root = root
    this.#lasting = lasting
  }

  /** The result of `attach`, if the path still leads to the directory that it led to at the first result. */
  async through<T>(attach: () => Promise<T | undefined>): Promise<T | undefined> {
    this.assertSame()
    const identity = lockIdentity(this.#root)
    this.#descriptor ??= openToRead(join(this.#root, this.#lasting))
    const attached = await attach()
    if (attached !== undefined) this.#identity ??= identity
    if (this.#identity === undefined) this.leave()
    return attached
  }

  /** KAFKA_STORAGE_ERROR once the path leads elsewhere or nowhere. */
  assertSame(): void {
    if (this.#identity !== undefined && !isInPlace(this.#root, this.#identity)) throw lost(this.#root)
    if (this.#descriptor === undefined) return
    const identity = identityOf(fs.fstatSync(this.#descriptor))
    if (!isInPlace(this.#root, identity, this.#lasting)) throw lost(this.#root, this.#lasting)
  }

  /** Ends the watch; may be called twice. */
  leave(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

/** `undefined` if it can't be opened: then the lock alone tells. */
function openToRead(place: string): number | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  try {
    return fs.openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch {
    return undefined
  }
}
