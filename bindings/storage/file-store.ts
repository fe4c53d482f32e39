import type { Durability } from '../model/positions.ts'

/** A driver that is synchronous throughout (the virtual disk, a memory store) may return a plain value. */
export type Awaitable<T> = T | Promise<T>

/** What a driver can do; frozen, and each claim is held against it by the conformance suite. */
export interface StoreCapabilities {
  /** The driver's name, for messages. */
  readonly name: string
  /** What survives once `flush` and `syncDirectory` are done. */
  readonly durability: Durability
  /** `flush` never returns a promise. */
  readonly synchronousFlush: boolean
  /** `rename` works. A log over files needs it. */
  readonly rename: boolean
  /** Two holders of one store exclude each other, and a dead one holds nothing. */
  readonly exclusiveLock: boolean
}

/**
 * Named files in directories, for the file-based store. Paths are relative, with `/`, of names of 1 to 255 characters
 * `a-z A-Z 0-9 . _ -` that aren't `.` or `..`. Every operation refuses another path, and `.lock` in the root, which
 * belongs to the driver; '' is the root, for `list` and `syncDirectory` alone. A directory exists as soon as a file in
 * it was opened with `create`, and until it is removed.
 *
 * What is refused throws or rejects. Drivers throw LogError: STORAGE_FULL where space or quota ran out,
 * KAFKA_STORAGE_ERROR for every other failure, with `file` (the path) and `operation` (the method's name) in the
 * details. Where `open`, `list` or `syncDirectory` came to nothing because too many files are open, `errno` says EMFILE
 * or ENFILE: the log closes some and asks again. Where a part of the path is a file or a link, it says ENOTDIR or
 * ELOOP: what has a partition's name by chance is left alone.
 */
export interface FileStore {
  /** The same object at every look. */
  readonly capabilities: StoreCapabilities
  /** Where the files lie, for messages. A driver whose files lie in no directory leaves it out. */
  readonly directory?: string | undefined
  /**
   * Opens for reading and writing. Without `create` it returns `undefined` for a missing file; with it the file is
   * made, and the directories above it, and an existing one keeps its content. Handles of one file see the same bytes
   * at once. Refuses a directory, and a path that leads through a file.
   */
  open(path: string, options: { readonly create: boolean }): Awaitable<StoreFile | undefined>
  /** Names (not paths) of files and directories in `directory`, sorted; empty if it doesn't exist. */
  list(directory: string): Awaitable<readonly string[]>
  /**
   * Gives a file, or a directory with all that is in it, another name in the same directory. A file replaces the file
   * `to` if there is one, in one step: who looks meanwhile, or after a power failure, finds the one or the other.
   * Files may be open meanwhile: their handles are of no name any more, and can be closed. Refuses what is missing, and
   * another directory. Durable after `syncDirectory`.
   */
  rename(from: string, to: string): Awaitable<void>
  /**
   * Removes a file, open or not, or an empty directory; a missing one is fine, and one that isn't empty is refused.
   * Durable after `syncDirectory` of its parent.
   */
  remove(path: string): Awaitable<void>
  /**
   * Makes entries of `directory` durable: files and directories created in, renamed in or removed from it before the
   * call. '' is the root, which is always there. Refuses a missing directory.
   */
  syncDirectory(directory: string): Awaitable<void>
  /**
   * The exclusive right to write below the root, which nothing in `list` shows. While another has it, or this store has
   * it already, rejects with DIRECTORY_IN_USE, whose details name pid, host, since (`undefined` where they aren't
   * known); without `exclusiveLock` with LOCK_UNSUPPORTED.
   */
  lock(): Awaitable<StoreLock>
  /** Ends the store, its lock and open files with it; may be called twice. All other calls are refused from then on. */
  close(): Awaitable<void>
}

/** The right to write, as long as its process lives. */
export interface StoreLock {
  /** Releases the lock; may be called twice. */
  release(): Awaitable<void>
  /**
   * Throws KAFKA_STORAGE_ERROR once another process could get the lock as well, because the file or directory that it
   * is on was removed, moved or replaced; where nobody can tell, it doesn't throw. Called every second. A driver to
   * which that can't happen leaves it out.
   */
  assertHeld?(): void
}

/**
 * One open file. Reads and writes are synchronous and positional; a write past the end extends the file with zeros.
 * After a throw the file may hold part of the bytes beyond its old size or over old content: the log truncates or
 * writes again.
 */
export interface StoreFile {
  /** As it was opened. */
  readonly path: string
  /** Bytes read: fewer than asked only at the end of the file. */
  read(into: Uint8Array, position: number): number
  /**
   * Bytes written, from the first one on. Where these are fewer than given, the log asks for the rest; 0 counts as
   * STORAGE_FULL. Keeps no view of `bytes`.
   */
  write(bytes: Uint8Array, position: number): number
  /** Cuts off what lies beyond, or extends with zeros. */
  truncate(sizeBytes: number): void
  /**
   * As `truncate`, while others go on: freeing blocks takes a disk milliseconds. A driver for which it takes no time
   * leaves it out. `close` may come before its end.
   */
  cut?(sizeBytes: number): Awaitable<void>
  /** In bytes. */
  size(): number
  /**
   * Whether another directory has the same file under a name of its own: then it is removed in one piece, and never
   * cut. A driver whose files have one name each leaves it out.
   */
  isShared?(): boolean
  /**
   * Throws KAFKA_STORAGE_ERROR once the file doesn't lie at its path any more, because somebody removed it, moved it or
   * put another in its place. A driver to whose files that can't happen leaves it out.
   */
  assertInPlace?(): void
  /**
   * Makes content and size durable, all that was written and cut before the call, also if `close` comes before its end.
   * A failure is final for the log (durability rule 10). Throws or rejects.
   */
  flush(): Awaitable<void>
  /**
   * Writes all of `bytes` and makes them durable, as `write` and `flush` do together, for a caller that can go on
   * before they are: on another thread where there is one. Keeps no view of `bytes` after it has returned. A failure is
   * final as that of a flush. A driver whose writes hold up nobody leaves it out.
   */
  writeDurably?(bytes: Uint8Array, position: number): Awaitable<void>
  /**
   * Ends the use of this object; what was written stays. May be called twice; all other calls are refused from then on.
   * A throw says that something written may be lost, and is as final as that of a flush.
   */
  close(): void
}
