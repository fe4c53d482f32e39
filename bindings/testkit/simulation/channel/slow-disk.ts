import type { Awaitable, FileStore, StoreCapabilities, StoreLock } from '../../../storage/file-store.ts'
import type { DirectoryNode } from '../disk-nodes.ts'
import { VirtualDisk } from '../virtual-disk.ts'

const capabilities: StoreCapabilities = Object.freeze({
  name: 'virtual',
  durability: 'stable',
  synchronousFlush: false,
  rename: true,
  exclusiveLock: true,
})

/** Calls `run` some time later, unless its process is dead by then. */
type Later = (run: () => void) => void

/** A virtual disk as one process uses it: its flushes take time, during which other things happen. */
export class SlowDisk extends VirtualDisk {
  override readonly capabilities: StoreCapabilities = capabilities
  /** Its process has the lock. */
  isHeld = false
  readonly #later: Later

  constructor(root: DirectoryNode, later: Later) {
    super(root)
    this.#later = later
  }

  override flushing(end: () => void): Promise<void> {
    return takingTime(this.#later, end)
  }

  override lock(): StoreLock {
    const lock = super.lock()
    this.isHeld = true
    return {
      release: () => {
        this.isHeld = false
        return lock.release()
      },
    }
  }

  override close(): void {
    super.close()
    this.isHeld = false
  }
}

/** As its driver: syncs of directories take time too, and if `isThroughout` all its calls, which may overtake each other. */
export function slowDriver(disk: SlowDisk, later: Later, isThroughout: boolean): FileStore {
  const call = <T>(end: () => T): Awaitable<T> => (isThroughout ? takingTime(later, end) : end())
  return {
    capabilities,
    open: (path, options) => call(() => disk.open(path, options)),
    list: (directory) => call(() => disk.list(directory)),
    rename: (from, to) => call(() => disk.rename(from, to)),
    remove: (path) => call(() => disk.remove(path)),
    syncDirectory: (directory) => takingTime(later, disk.beginSync(directory)),
    lock: () => disk.lock(),
    close: () => disk.close(),
  }
}

function takingTime<T>(later: Later, end: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    later(() => {
      try {
        resolve(end())
      } catch (error) {
        reject(error as Error)
      }
    })
  })
}
