import type { Awaitable, FileStore } from '../../file-store.ts'

/** What a case needs of a driver over files: one for each case. */
export interface FileStoreFixture {
  /** Empty when the case begins. */
  readonly store: FileStore
  /** Another store over the same files, while the first may still be open: as a second process would have it. */
  reopen(): Awaitable<FileStore>
  /**
   * What a power failure at this moment leaves, where a test of the driver can tell: without it nothing here sees
   * whether `flush` and `syncDirectory` do anything.
   */
  powerLoss?(): Awaitable<FileStore>
  /** The case is over: removes the files. */
  dispose(): Awaitable<void>
}

/** By the sentence that each holds a store to. */
export type FileStoreCases = Readonly<Record<string, (fixture: FileStoreFixture) => Promise<void>>>
