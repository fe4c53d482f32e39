import type { Awaitable, FileStore } from './file-store.ts'

/** Where a copy of a log's files goes. Whoever made it closes its store. */
export interface BackupTarget {
  /** With nothing in it. */
  readonly store: FileStore
  /**
   * Gives the source's file `from`, which is never written again, the name `to` here; its directory is there. False, with
   * nothing done, where the two can't share a file: it has to be copied then.
   */
  link(from: string, to: string): Awaitable<boolean>
}
