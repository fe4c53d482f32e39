// The suite itself: each promise of file-store.ts is broken in turn, and the case that is meant has to tell.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ConformanceCase } from '../../bindings/storage/conformance/case.ts'
import { fileStoreConformance } from '../../bindings/storage/conformance/file-store-suite.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import type { FileStore, StoreFile } from '../../bindings/storage/file-store.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { FILE_LIES } from './lies/file-lies.ts'
import type { HonestStore, Lie, Lies, Mutable } from './lies/lie.ts'
import { POWER_LIES } from './lies/power-lies.ts'
import { STORE_LIES } from './lies/store-lies.ts'

type Broken = Pick<Lie, 'store' | 'file'>

function lyingFile(file: StoreFile, lie: Broken, store: HonestStore): StoreFile {
  const lying = {
    path: file.path,
    read: (into, position) => file.read(into, position),
    write: (bytes, position) => file.write(bytes, position),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    size: () => file.size(),
    flush: () => file.flush(),
    close: () => file.close(),
  } satisfies StoreFile as Mutable<StoreFile>
  lie.file?.(lying, file, store)
  return lying
}

function lyingStore(honest: HonestStore, lie: Broken): FileStore {
  const lying: Mutable<FileStore> = {
    capabilities: honest.capabilities,
    open: (path, options) => {
      const file = honest.open(path, options)
      return file && lyingFile(file, lie, honest)
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

function overMemory(lie: Broken): readonly ConformanceCase[] {
  return fileStoreConformance(() => {
    const store = new MemoryStore()
    return { store: lyingStore(store, lie), reopen: () => lyingStore(store.reopen(), lie), dispose() {} }
  })
}

function overDisk(lie: Broken): readonly ConformanceCase[] {
  return fileStoreConformance(() => {
    const disk = new VirtualDisk()
    const reopen = () => lyingStore(new VirtualDisk(disk.root), lie)
    return { store: lyingStore(disk, lie), reopen, powerLoss: () => disk.image(new Random(1), 'none'), dispose() {} }
  })
}

for (const [name, cases] of Object.entries({ memory: overMemory({}), disk: overDisk({}) })) {
  test(`${name}: a driver that keeps every promise passes`, async () => {
    for (const one of cases) await one.run()
  })
}

function tell(lies: Lies, casesOver: (lie: Broken) => readonly ConformanceCase[]): void {
  for (const [name, lie] of Object.entries(lies)) {
    test(name, async () => {
      const [meant, ...others] = casesOver(lie).filter((each) => each.name.startsWith(lie.by))
      assert.ok(meant !== undefined && others.length === 0, `one case "${lie.by}"`)
      const told = await meant.run().then(
        () => undefined,
        (error: unknown) => error,
      )
      assert.ok(told !== undefined, 'the case does not tell')
    })
  }
}

tell({ ...FILE_LIES, ...STORE_LIES }, overMemory)
tell(POWER_LIES, overDisk)
test.run()
