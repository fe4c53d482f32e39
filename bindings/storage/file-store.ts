import type { Durability } from '../model/positions.ts'

/** A driver that is synchronous throughout (the virtual disk, a memory store) may answer without a promise. */
export type Awaitable<T> = T | Promise<T>

/** What a driver can do; frozen, and each claim is held against it by the conformance suite. */
export interface StoreCapabilities {
  /** The driver's name, for messages. */
  readonly name: string
  /** What survives once `flush` and `syncDirectory` are done. */
  readonly durability: Durability
  /** `flush` never answers with a promise. */
  readonly synchronousFlush: boolean
  /** `rename` works. A log over files needs it. */
  readonly rename: boolean
  /** Two holders of one store exclude each other, and a dead one holds nothing. */
  readonly exclusiveLock: boolean
}

/**
 * Named files in directories, for the file-based store. Paths are relative, with `/`, never above the root; a directory
 * exists as soon as a file in it was opened with `create`. Drivers throw LogError: STORAGE_FULL where space or quota
 * ran out, KAFKA_STORAGE_ERROR for every other failure, with `file` and `operation` in the details. Where `open`,
 * `list` or `syncDirectory` came to nothing because too many files are open, `errno` says EMFILE or ENFILE: the log
 * closes some and asks again.
 */
export interface FileStore {
  /** The same object at every look. */
  readonly capabilities: StoreCapabilities
  /** Opens for reading and writing. Without `create` a missing file answers `undefined`. */
  open(path: string, options: { readonly create: boolean }): Awaitable<StoreFile | undefined>
  /** Names (not paths) of files and directories in `directory`, sorted; empty if it doesn't exist. */
  list(directory: string): Awaitable<readonly string[]>
  /** Replaces `to` if it exists. Both in the same directory. Durable after `syncDirectory`. */
  rename(from: string, to: string): Awaitable<void>
  /** Removes a file or an empty directory; a missing one is fine. Durable after `syncDirectory` of its parent. */
  remove(path: string): Awaitable<void>
  /**
   * Makes entries of `directory` durable: files and directories created in, renamed in or removed from it. '' is the
   * root.
   */
  syncDirectory(directory: string): Awaitable<void>
  /**
   * The exclusive right to write below the root. Rejects with DIRECTORY_IN_USE, whose details name pid, host, since.
   */
  lock(): Awaitable<StoreLock>
  /** Ends the store, its lock and open files with it; again is fine. */
  close(): Awaitable<void>
}

/** The right to write, as long as its process lives. */
export interface StoreLock {
  /** Gives it back; again is fine. */
  release(): Awaitable<void>
  /**
   * Throws KAFKA_STORAGE_ERROR once another could get it as well, because what it stands on was removed, moved or
   * replaced; where nobody can tell, it doesn't. It is asked every second. A driver to which that can't happen leaves
   * it out.
   */
  assertHeld?(): void
}

/**
 * One open file. Reads and writes are synchronous and positional; a write past the end extends the file with zeros.
 * `write` either writes all bytes or throws; after a throw the file may hold part of them beyond its old size or over
 * old content, and the caller truncates or writes again (`writeFully` in checked-write.ts does this in one place).
 */
export interface StoreFile {
  /** As it was opened. */
  readonly path: string
  /** Bytes read: fewer than asked only at the end of the file. */
  read(into: Uint8Array, position: number): number
  /** The count that the system reports; never trusted, only `writeFully` calls this. */
  write(bytes: Uint8Array, position: number): number
  /** Cuts off what lies behind, or extends with zeros. */
  truncate(sizeBytes: number): void
  /**
   * As `truncate`, while others go on: to free blocks takes a disk milliseconds. A driver for which it doesn't leaves
   * it out. `close` may come before its end.
   */
  cut?(sizeBytes: number): Awaitable<void>
  /** In bytes. */
  size(): number
  /**
   * Another directory has the same file under a name of its own: it is removed in one piece, and never cut. A driver
   * whose files have one name each leaves it out.
   */
  isShared?(): boolean
  /**
   * Throws KAFKA_STORAGE_ERROR once the file doesn't lie at its path any more, because somebody removed it, moved it or
   * put another in its place. A driver to whose files that can't happen leaves it out.
   */
  assertInPlace?(): void
  /** Makes content and size durable. A failure is final for the log (durability rule 10). */
  flush(): Awaitable<void>
  /** Ends the use of this object; what was written stays. */
  close(): void
}
