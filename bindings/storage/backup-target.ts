import type { Awaitable, FileStore } from './file-store.ts'

/** Lies in a directory that a log is copied to, until the copy is whole: by then it has a header, which counts. */
export const UNFINISHED_COPY = 'unfinished-copy'

/** Where a copy of a log's files goes. Whoever made the target closes its store. */
export interface BackupTarget {
  /**
   * Empty. A directory that its lock creates has the file `unfinished-copy` from the first moment on: without it, as a
   * kill could leave it, it would open as a new log.
   */
  readonly store: FileStore
  /**
   * Gives the source's file `from`, which is never written again, the name `to` here; its directory exists. False, with
   * nothing done, if source and target can't share a file: then it has to be copied.
   */
  link(from: string, to: string): Awaitable<boolean>
}
