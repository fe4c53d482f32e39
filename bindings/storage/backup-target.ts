import type { Awaitable, FileStore } from './file-store.ts'

/** Lies in a directory that a log is copied to, until the copy is whole: by then it has a header, which counts. */
export const UNFINISHED_COPY = 'unfinished-copy'

/** Where a copy of a log's files goes. Whoever made it closes its store. */
export interface BackupTarget {
  /**
   * With nothing in it. A directory that its lock makes has a file `unfinished-copy` in it from the first moment on:
   * one without it, as a kill could leave it, would open as a new log.
   */
  readonly store: FileStore
  /**
   * Gives the source's file `from`, which is never written again, the name `to` here; its directory is there. False,
   * with nothing done, where the two can't share a file: it has to be copied then.
   */
  link(from: string, to: string): Awaitable<boolean>
}
