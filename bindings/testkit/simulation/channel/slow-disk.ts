import type { StoreCapabilities, StoreFile, StoreLock } from '../../../storage/file-store.ts'
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

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (file === undefined) return undefined
    const flush = file.flush.bind(file)
    file.flush = () => {
      return new Promise((resolve, reject) => {
        this.#later(() => {
          try {
            resolve(flush())
          } catch (error) {
            reject(error as Error)
          }
        })
      })
    }
    return file
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
