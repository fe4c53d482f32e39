// Every driver against the exported suite.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import type { FileStoreFixture } from '../../bindings/storage/conformance/file-store/fixture.ts'
import { fileStoreConformance } from '../../bindings/storage/conformance/file-store-suite.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'

function overMemory(): FileStoreFixture {
  const store = new MemoryStore()
  return { store, reopen: () => store.reopen(), dispose: () => undefined }
}

function overDirectory(): FileStoreFixture {
  const parent = mkdtempSync(join(tmpdir(), 'storage-'))
  const open = () => createDirectoryStore(join(parent, 'outer', 'root'))
  const store = open()
  return {
    store,
    reopen: open,
    async dispose() {
      await store.close()
      rmSync(parent, { recursive: true })
    },
  }
}

const drivers = { memory: overMemory, 'node-fs': overDirectory }

for (const [name, create] of Object.entries(drivers)) {
  const test = suite(name)
  for (const one of fileStoreConformance(create)) test(one.name, one.run)
  test.run()
}
