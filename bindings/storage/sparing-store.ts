import { LogError } from '../model/errors.ts'
import type { Awaitable, FileStore } from './file-store.ts'

/** What the system answers where the process, or the machine, has too many files open. */
const TOO_MANY: readonly unknown[] = ['EMFILE', 'ENFILE']

/**
 * The store, for a log that keeps most of its files open only because it may need them again. Where too many are open, which did
 * nothing yet, `giveUp` closes some of them and the store is asked again, until there is nothing to close.
 */
export function sparingStore(store: FileStore, giveUp: () => boolean): FileStore {
  const sparing = <T>(ask: () => Awaitable<T>): Awaitable<T> => {
    const again = (error: unknown): Awaitable<T> => {
      if (!isTooManyFiles(error) || !giveUp()) throw error
      return sparing(ask)
    }
    try {
      const answer = ask()
      return answer instanceof Promise ? answer.catch(again) : answer
    } catch (error) {
      return again(error)
    }
  }
  return {
    capabilities: store.capabilities,
    open: (path, options) => sparing(() => store.open(path, options)),
    list: (directory) => sparing(() => store.list(directory)),
    syncDirectory: (directory) => sparing(() => store.syncDirectory(directory)),
    rename: (from, to) => store.rename(from, to),
    remove: (path) => store.remove(path),
    lock: () => store.lock(),
    close: () => store.close(),
  }
}

/** Nothing was done. */
export function isTooManyFiles(error: unknown): boolean {
  return LogError.is(error, 'KAFKA_STORAGE_ERROR') && TOO_MANY.includes(error.details['errno'])
}
