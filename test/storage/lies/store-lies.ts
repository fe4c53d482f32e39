import { LogError } from '../../../bindings/model/errors.ts'
import { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'
import type { StoreLock } from '../../../bindings/storage/file-store.ts'
import { type Lie, type Lies, refusal } from './lie.ts'

/** The locks that lying stores took; each lie is told by one case, whose stores these are. */
const taken = new Set<StoreLock>()

function lastLock(lock: StoreLock): StoreLock {
  taken.add(lock)
  return lock
}

function freeLocks(): void {
  for (const lock of taken) Promise.resolve(lock.release()).catch(() => {})
  taken.clear()
}

/** What a store may promise of names and its lock, and not keep. */
export const STORE_LIES: Lies = {
  'capabilities are another object at each look': {
    by: 'capabilities: frozen',
    store(lying, honest) {
      const get = () => Object.freeze({ ...honest.capabilities })
      Object.defineProperty(lying, 'capabilities', { get })
    },
  },
  'open of a path through a file has no errno': {
    by: 'open: a directory is no file',
    store(lying, honest) {
      lying.open = (path, options) => {
        try {
          return honest.open(path, options)
        } catch (error) {
          if (LogError.is(error) && 'errno' in error.details) throw refusal('open')
          throw error
        }
      }
    },
  },
  'open without create answers undefined for a path through a file': {
    by: 'open: a directory is no file',
    store(lying, honest) {
      lying.open = (path, options) => {
        if (options.create || !path.startsWith('directory/file/')) return honest.open(path, options)
        return undefined
      }
    },
  },
  'open of a new file twice makes two': {
    by: 'open: of a new file twice at once',
    store(lying, honest) {
      lying.open = async (path, options) => {
        const isNew = options.create && honest.open(path, { create: false }) === undefined
        await undefined
        if (isNew) honest.remove(path)
        return honest.open(path, options)
      }
    },
  },
  'a lock that is held says that it is lost': {
    by: 'lock: excludes every other',
    store(lying, honest) {
      lying.lock = (): StoreLock => {
        const lock = honest.lock()
        const assertHeld = () => {
          throw refusal('lock')
        }
        return { release: () => lock.release(), assertHeld }
      }
    },
  },
  'two that ask for the lock at once get it': {
    by: 'lock: of two that ask at once',
    store(lying, honest) {
      lying.lock = async () => {
        await honest.lock().release()
        try {
          return honest.lock()
        } catch {
          return { release() {} }
        }
      }
    },
  },
  'the lock can be had once more after close': {
    by: 'close: frees the lock',
    store(lying, honest) {
      let isClosed = false
      lying.close = () => {
        isClosed = true
        honest.close()
      }
      lying.lock = () => (isClosed ? { release() {} } : honest.lock())
    },
  },
  'files that are open outlive their store': {
    by: 'close: frees the lock',
    store(lying, honest) {
      let isClosed = false
      const other = () => (honest instanceof MemoryStore ? honest.reopen() : honest)
      lying.close = () => {
        isClosed = true
        honest.close()
      }
      lying.open = (path, options) => (isClosed ? honest.open(path, options) : other().open(path, options))
    },
  },
  ...Object.fromEntries(
    (['rename', 'remove'] as const).map((operation) => {
      const store: Lie['store'] = (lying, honest) => {
        let isClosed = false
        lying.close = () => {
          isClosed = true
          honest.close()
        }
        const call = honest[operation].bind(honest) as (...paths: string[]) => void
        lying[operation] = (...paths: string[]) => (isClosed ? undefined : call(...paths))
      }
      return [`${operation} goes on after close`, { by: 'close: frees the lock', store }]
    }),
  ),
  'list answers a thousand names at most': {
    by: 'list: all names',
    store(lying, honest) {
      lying.list = (directory) => honest.list(directory).slice(0, 1000)
    },
  },
  'list lacks what was made since the last look': {
    by: 'list: names of files and directories',
    store(lying, honest) {
      const seen = new Map<string, readonly string[]>()
      lying.list = (directory) => {
        const names = seen.get(directory) ?? honest.list(directory)
        seen.set(directory, names)
        return names
      }
    },
  },
  'a file that is open can get no other name': {
    by: 'rename and remove: also of a file that is open',
    store(lying, honest) {
      const open = new Set<string>()
      lying.open = (path, options) => {
        open.add(path)
        return honest.open(path, options)
      }
      lying.rename = (from, to) => {
        if (open.has(from)) throw refusal('rename')
        honest.rename(from, to)
      }
    },
  },
  'a file that is closed comes back where it was opened': {
    by: 'rename and remove: also of a file that is open',
    file(lying, honest, store) {
      lying.close = () => {
        honest.close()
        store.open(honest.path, { create: true })?.close()
      }
    },
  },
  'rename takes the old file away first': {
    by: 'rename: over a file is one step',
    store(lying, honest) {
      lying.rename = async (from, to) => {
        honest.remove(to)
        await undefined
        honest.rename(from, to)
      }
    },
  },
  'a store that is closed frees the lock of the next holder': {
    by: 'lock: is the next holder’s alone',
    store(lying, honest) {
      lying.close = () => {
        freeLocks()
        honest.close()
      }
      lying.lock = () => lastLock(honest.lock())
    },
  },
  'who is refused the lock ends the one that is held': {
    by: 'lock: is the next holder’s alone',
    store(lying, honest) {
      lying.lock = () => {
        try {
          return lastLock(honest.lock())
        } catch (error) {
          freeLocks()
          throw error
        }
      }
    },
  },
}
