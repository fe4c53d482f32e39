import { LogError } from '../model/errors.ts'
import type { Awaitable, FileStore } from './file-store.ts'
import { isPromise } from './is-promise.ts'

/** What the system reports if the process, or the machine, has too many files open. */
const TOO_MANY: readonly unknown[] = ['EMFILE', 'ENFILE']
/** Half a minute in all: a process that is short of descriptors for longer won't recover by itself. */
const WAITS_MAX = 600
export const PAUSE_MS = 50

export interface Spared {
  /** Closes some files; false if there was none to close. */
  giveUp(): boolean
  /** Waits, so that others can close theirs; `undefined` if nothing may wait any longer. */
  pause(): Promise<void> | undefined
}

/**
 * The store, for a log that keeps most of its files open only because it may need them again. If too many are open, the
 * call has done nothing yet: `giveUp` closes some of them and the call is repeated, until there is none left to close.
 * Then it waits for the rest of the process to close some, because a commit or a checkpoint that has begun can't be
 * undone and the log would end.
 */
export function sparingStore(store: FileStore, { giveUp, pause }: Spared): FileStore {
  const sparing = <T>(ask: () => Awaitable<T>, waits = 0): Awaitable<T> => {
    const again = (error: unknown): Awaitable<T> => {
      if (!isTooManyFiles(error)) throw error
      if (giveUp()) return sparing(ask, waits)
      const paused = waits < WAITS_MAX ? pause() : undefined
      if (paused === undefined) throw error
      return paused.then(() => sparing(ask, waits + 1))
    }
    try {
      const answer = ask()
      return isPromise(answer) ? Promise.resolve(answer).catch(again) : answer
    } catch (error) {
      return again(error)
    }
  }
  return {
    capabilities: store.capabilities,
    directory: store.directory,
    open: (path, options) => sparing(() => store.open(path, options)),
    list: (directory) => sparing(() => store.list(directory)),
    syncDirectory: (directory) => sparing(() => store.syncDirectory(directory)),
    rename: (from, to) => store.rename(from, to),
    remove: (path) => store.remove(path),
    lock: () => store.lock(),
    close: () => store.close(),
  }
}

/** Whether the call failed for too many open files, and so did nothing. */
export function isTooManyFiles(error: unknown): boolean {
  return LogError.is(error, 'KAFKA_STORAGE_ERROR') && TOO_MANY.includes(error.details['errno'])
}
