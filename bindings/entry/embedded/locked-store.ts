import type { FileStore } from '../../storage/file-store.ts'

/**
 * The store with its lock already taken; the next call of `lock` gets it. So nothing is created for a log that another
 * process holds. Rejects as `lock` does.
 */
export async function lockedStore(store: FileStore): Promise<FileStore> {
  try {
    const lock = await store.lock()
    return {
      capabilities: store.capabilities,
      directory: store.directory,
      open: (path, options) => store.open(path, options),
      list: (directory) => store.list(directory),
      rename: (from, to) => store.rename(from, to),
      remove: (path) => store.remove(path),
      syncDirectory: (directory) => store.syncDirectory(directory),
      lock: () => lock,
      close: () => store.close(),
    }
  } catch (error) {
    await store.close()
    throw error
  }
}
