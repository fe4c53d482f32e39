import * as fs from 'node:fs'
import { join } from 'node:path'
import { identityOf, isInPlace, lockIdentity, lost } from './file-identity.ts'

/**
 * The directory whose log this process is attached to. Its path may come to lead to another one, a copy of the log or a
 * new log, whose holder would be taken for the next holder of this: so the lock's file is compared, as a holder
 * compares its own (docs/decisions/030-directory-lost.md). A restore may leave the lock where it is, so a file that the
 * log never replaces is kept open as well: no other gets its inode meanwhile.
 */
export class AttachedDirectory {
  readonly #root: string
  readonly #lasting: string
  #identity: string | undefined
  #descriptor: number | undefined

  /** `lasting`: the file that stays the same as long as the log does, from the root on. */
  constructor(root: string, lasting: string) {
    this.#root = root
    this.#lasting = lasting
  }

  /** What `attach` gives, if the path still leads to where it did when that gave something first. */
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

  /** Ends the watch; again is fine. */
  leave(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

/** `undefined` where it can't be: then the lock alone tells. */
function openToRead(place: string): number | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  try {
    return fs.openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch {
    return undefined
  }
}
