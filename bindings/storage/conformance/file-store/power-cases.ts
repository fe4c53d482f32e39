import type { FileStore } from '../../file-store.ts'
import { same } from '../case.ts'
import { contentOf, make, text } from './contents.ts'
import type { FileStoreCases, FileStoreFixture } from './fixture.ts'

/** Only for a fixture that knows what a power failure leaves. */
async function afterPowerLoss(fixture: FileStoreFixture, see: (left: FileStore) => Promise<void>): Promise<void> {
  const left = await fixture.powerLoss?.()
  if (left === undefined) return
  await see(left)
  await left.close()
}

export const powerCases: FileStoreCases = {
  async 'flush and syncDirectory: content, size and names survive a power failure'(fixture) {
    const { store } = fixture
    const file = await make(store, 'd/file', 'abcdef')
    await Promise.all([file.flush(), store.syncDirectory('d'), store.syncDirectory('')])
    await afterPowerLoss(fixture, async (left) => same(await contentOf(left, 'd/file'), 'abcdef', 'content'))
    file.truncate(2)
    const flushed = file.flush()
    file.close()
    await flushed
    await afterPowerLoss(fixture, async (left) => same(await contentOf(left, 'd/file'), 'ab', 'what was cut'))
  },
  async 'flush: what another handle wrote survives a power failure too'(fixture) {
    const { store } = fixture
    const file = await make(store, 'file', 'abc')
    const other = await store.open('file', { create: false })
    await Promise.all([other?.flush(), store.syncDirectory('')])
    await afterPowerLoss(fixture, async (left) => same(await contentOf(left, 'file'), 'abc', 'content'))
    file.close()
    other?.close()
  },
  async 'writeDurably: what it wrote survives a power failure, once it is done'(fixture) {
    const { store } = fixture
    const file = await make(store, 'file', 'abc')
    await Promise.all([file.flush(), store.syncDirectory('')])
    await file.writeDurably?.(text('xy'), 1)
    const content = file.writeDurably === undefined ? 'abc' : 'axy'
    await afterPowerLoss(fixture, async (left) => same(await contentOf(left, 'file'), content, 'content'))
    file.close()
  },
  async 'syncDirectory: renaming and removal survive a power failure'(fixture) {
    const { store } = fixture
    const isRenaming = store.capabilities.rename
    for (const name of ['gone', 'from', 'to']) {
      const file = await make(store, `d/${name}`, name)
      await file.flush()
      file.close()
    }
    await Promise.all([store.syncDirectory('d'), store.syncDirectory('')])
    await store.remove('d/gone')
    if (isRenaming) await store.rename('d/from', 'd/to')
    await store.syncDirectory('d')
    await afterPowerLoss(fixture, async (left) => {
      same(await left.list('d'), isRenaming ? ['to'] : ['from', 'to'], 'names')
      same(await contentOf(left, 'd/to'), isRenaming ? 'from' : 'to', 'content')
    })
  },
}
