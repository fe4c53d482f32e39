// The suite itself: each promise of file-store.ts is broken in turn, and one of its cases has to tell.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { writeFully } from '../../bindings/storage/checked-write.ts'
import type { ConformanceCase } from '../../bindings/storage/conformance/case.ts'
import { fileStoreConformance } from '../../bindings/storage/conformance/file-store-suite.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import type { FileStore, StoreFile, StoreLock } from '../../bindings/storage/file-store.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Store = MemoryStore | VirtualDisk

/** What a lie may put in place of the honest operations, which it still has. */
interface Lie {
  /** Only a power failure tells. */
  readonly isOfPower?: true
  store?(lying: Mutable<FileStore>, honest: Store): void
  file?(lying: Mutable<StoreFile>, honest: StoreFile): void
}

const refusal = (operation: string) =>
  new LogError('KAFKA_STORAGE_ERROR', `${operation} is refused`, { file: '', operation })

const LIES: Readonly<Record<string, Lie>> = {
  'capabilities are another object at each look': {
    store(lying, honest) {
      const get = () => Object.freeze({ ...honest.capabilities })
      Object.defineProperty(lying, 'capabilities', { get })
    },
  },
  'open of a path through a file has no errno': {
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
    store(lying, honest) {
      lying.open = (path, options) => {
        if (options.create || !path.startsWith('directory/file/')) return honest.open(path, options)
        return undefined
      }
    },
  },
  'open of a new file twice makes two': {
    store(lying, honest) {
      lying.open = async (path, options) => {
        const isNew = options.create && honest.open(path, { create: false }) === undefined
        await undefined
        if (isNew) honest.remove(path)
        return honest.open(path, options)
      }
    },
  },
  'a handle knows the size of its opening and of its own writes': {
    file(lying, honest) {
      let sizeBytes = honest.size()
      const grown = (bytes: Uint8Array, position: number) => {
        sizeBytes = Math.max(sizeBytes, position + bytes.length)
        return honest.write(bytes, position)
      }
      lying.write = grown
      lying.truncate = (size) => {
        honest.truncate(size)
        sizeBytes = size
      }
      lying.size = () => {
        honest.size()
        return sizeBytes
      }
    },
  },
  'truncate cuts and never extends': {
    file(lying, honest) {
      lying.truncate = (sizeBytes) => honest.truncate(Math.min(sizeBytes, honest.size()))
    },
  },
  'write answers more than it took': {
    file(lying, honest) {
      lying.write = (bytes, position) => {
        honest.write(bytes.subarray(0, bytes.length >> 1), position)
        return bytes.length
      }
    },
  },
  'every file is shared': {
    file(lying) {
      lying.isShared = () => true
    },
  },
  'no file is in its place': {
    file(lying) {
      lying.assertInPlace = () => {
        throw refusal('open')
      }
    },
  },
  'a file that was removed is in its place': {
    file(lying) {
      lying.assertInPlace = () => {}
    },
  },
  'a closed file says nothing of itself': {
    file(lying, honest) {
      lying.truncate = (sizeBytes) => {
        try {
          honest.truncate(sizeBytes)
        } catch {
          throw new LogError('KAFKA_STORAGE_ERROR', 'something failed', {})
        }
      }
    },
  },
  'a lock that is held says that it is lost': {
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
    store(lying, honest) {
      let isClosed = false
      lying.close = () => {
        isClosed = true
        honest.close()
      }
      lying.lock = () => (isClosed ? { release() {} } : honest.lock())
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
      return [`${operation} goes on after close`, { store }]
    }),
  ),
  'files that are open outlive their store': {
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
  'flush does nothing': {
    isOfPower: true,
    file(lying) {
      lying.flush = () => {}
    },
  },
  'flush is of what its own handle wrote': {
    isOfPower: true,
    file(lying, honest) {
      let hasWritten = false
      lying.write = (bytes, position) => {
        hasWritten = true
        return honest.write(bytes, position)
      }
      lying.flush = () => (hasWritten ? honest.flush() : undefined)
    },
  },
  'flush leaves out a smaller size': {
    isOfPower: true,
    file(lying, honest) {
      let isCut = false
      lying.truncate = (sizeBytes) => {
        isCut = true
        honest.truncate(sizeBytes)
      }
      lying.flush = () => (isCut ? undefined : honest.flush())
    },
  },
  'writeDurably is a write alone': {
    isOfPower: true,
    file(lying, honest) {
      lying.writeDurably = (bytes, position) => writeFully(honest, bytes, position)
    },
  },
  'writeDurably takes the bytes later': {
    file(lying, honest) {
      lying.writeDurably = async (bytes, position) => {
        await undefined
        writeFully(honest, bytes, position)
        await honest.flush()
      }
    },
  },
  'writeDurably is a flush alone': {
    file(lying, honest) {
      lying.writeDurably = () => honest.flush()
    },
  },
  'syncDirectory does nothing': {
    isOfPower: true,
    store(lying) {
      lying.syncDirectory = () => {}
    },
  },
  'syncDirectory is of the root alone': {
    isOfPower: true,
    store(lying, honest) {
      lying.syncDirectory = (directory) => (directory === '' ? honest.syncDirectory('') : undefined)
    },
  },
}

function lyingFile(file: StoreFile, lie: Lie): StoreFile {
  const lying = {
    path: file.path,
    read: (into, position) => file.read(into, position),
    write: (bytes, position) => file.write(bytes, position),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    size: () => file.size(),
    flush: () => file.flush(),
    close: () => file.close(),
  } satisfies StoreFile as Mutable<StoreFile>
  lie.file?.(lying, file)
  return lying
}

function lyingStore(honest: Store, lie: Lie): FileStore {
  const lying: Mutable<FileStore> = {
    capabilities: honest.capabilities,
    open: (path, options) => {
      const file = honest.open(path, options)
      return file && lyingFile(file, lie)
    },
    list: (directory) => honest.list(directory),
    rename: (from, to) => honest.rename(from, to),
    remove: (path) => honest.remove(path),
    syncDirectory: (directory) => honest.syncDirectory(directory),
    lock: () => honest.lock(),
    close: () => honest.close(),
  }
  lie.store?.(lying, honest)
  return lying
}

function casesOver(lie: Lie): readonly ConformanceCase[] {
  return fileStoreConformance(() => {
    if (lie.isOfPower !== true) {
      const store = new MemoryStore()
      return { store: lyingStore(store, lie), reopen: () => lyingStore(store.reopen(), lie), dispose() {} }
    }
    const disk = new VirtualDisk()
    const reopen = () => lyingStore(new VirtualDisk(disk.root), lie)
    return { store: lyingStore(disk, lie), reopen, powerLoss: () => disk.image(new Random(1), 'none'), dispose() {} }
  })
}

/** The first case that doesn't hold. */
async function told(lie: Lie): Promise<string | undefined> {
  for (const { name, run } of casesOver(lie)) {
    try {
      await run()
    } catch {
      return name
    }
  }
  return undefined
}

test('a driver that keeps every promise passes', async () => {
  assert.is(await told({}), undefined)
  assert.is(await told({ isOfPower: true }), undefined)
})

for (const [name, lie] of Object.entries(LIES)) {
  test(name, async () => {
    const isHonest = (await told(lie)) === undefined
    assert.not(isHonest, 'no case tells')
  })
}

test.run()
