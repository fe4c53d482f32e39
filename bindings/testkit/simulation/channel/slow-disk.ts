import type { StoreCapabilities, StoreLock } from '../../../storage/file-store.ts'
import type { DirectoryNode } from '../disk-nodes.ts'
import { VirtualDisk } from '../virtual-disk.ts'

const capabilities: StoreCapabilities = Object.freeze({
  name: 'virtual',
  durability: 'stable',
  synchronousFlush: false,
  rename: true,
  exclusiveLock: true,
})

/** A virtual disk as one process uses it: its flushes take time, during which other things happen. */
export class SlowDisk extends VirtualDisk {
  override readonly capabilities: StoreCapabilities = capabilities
  /** Its process has the lock. */
  isHeld = false
  readonly #later: (run: () => void) => void

  constructor(root: DirectoryNode, later: (run: () => void) => void) {
    super(root)
    this.#later = later
  }

  override flushing(end: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#later(() => {
        try {
          resolve(end())
        } catch (error) {
          reject(error as Error)
        }
      })
    })
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
