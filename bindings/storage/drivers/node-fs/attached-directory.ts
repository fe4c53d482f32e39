import { isInPlace, lockIdentity, lost } from './lock.ts'

/**
 * The directory whose log this process is attached to. Its path may come to lead to another one, a copy of the log or a
 * new log, whose holder would be taken for the next holder of this: so the lock's file is compared, as a holder
 * compares its own (docs/decisions/030-directory-lost.md).
 */
export class AttachedDirectory {
  readonly #root: string
  #identity: string | undefined

  constructor(root: string) {
    this.#root = root
  }

  /** What `attach` gives, if the path still leads to where it did when that gave something first. */
  async through<T>(attach: () => Promise<T | undefined>): Promise<T | undefined> {
    this.assertSame()
    const identity = lockIdentity(this.#root)
    const attached = await attach()
    if (attached !== undefined) this.#identity ??= identity
    return attached
  }

  /** KAFKA_STORAGE_ERROR once the path leads elsewhere or nowhere. */
  assertSame(): void {
    if (this.#identity !== undefined && !isInPlace(this.#root, this.#identity)) throw lost(this.#root)
  }
}
