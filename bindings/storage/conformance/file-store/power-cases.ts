import { writeFully } from '../../checked-write.ts'
import type { FileStore } from '../../file-store.ts'
import { check, same } from '../case.ts'
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
  async 'flush: all that was written over what is there survives a power failure, of the same size too'(fixture) {
    const { store } = fixture
    const file = await make(store, 'file', 'abcdef')
    await Promise.all([file.flush(), store.syncDirectory('')])
    for (const [letters, position] of [
      ['XY', 1],
      ['Z', 5],
    ] as const)
      writeFully(file, text(letters), position)
    await file.flush()
    await afterPowerLoss(fixture, async (left) => same(await contentOf(left, 'file'), 'aXYdeZ', 'content'))
    file.close()
  },
  async 'flush: a size that truncate or cut changed survives a power failure'(fixture) {
    const { store } = fixture
    const file = await make(store, 'file', 'abcdef')
    await Promise.all([file.flush(), store.syncDirectory('')])
    file.truncate(8)
    await file.flush()
    await afterPowerLoss(fixture, async (left) =>
      same(await contentOf(left, 'file'), 'abcdef\0\0', 'what was extended'),
    )
    if (file.cut === undefined) file.truncate(3)
    else await file.cut(3)
    await file.flush()
    await afterPowerLoss(fixture, async (left) => same(await contentOf(left, 'file'), 'abc', 'what was cut'))
    file.close()
  },
  async 'flush: covers what was written before the call, though another flush is under way'(fixture) {
    const { store } = fixture
    const file = await make(store, 'file', 'abc')
    await Promise.all([file.flush(), store.syncDirectory('')])
    writeFully(file, text('X'), 0)
    const first = file.flush()
    writeFully(file, text('Y'), 1)
    await file.flush()
    await afterPowerLoss(fixture, async (left) => same(await contentOf(left, 'file'), 'XYc', 'content'))
    await first
    file.close()
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
  async 'syncDirectory: covers what was made before the call, though another one is under way'(fixture) {
    const { store } = fixture
    ;(await make(store, 'd/a', '')).close()
    await store.syncDirectory('')
    const first = store.syncDirectory('d')
    ;(await make(store, 'd/b', '')).close()
    await store.syncDirectory('d')
    await afterPowerLoss(fixture, async (left) => same(await left.list('d'), ['a', 'b'], 'names'))
    await first
  },
  async 'syncDirectory: directories that were renamed or removed stay so after a power failure'(fixture) {
    const { store } = fixture
    const isRenaming = store.capabilities.rename
    for (const name of ['from', 'gone']) (await make(store, `d/${name}/file`, '')).close()
    await Promise.all(['d/from', 'd/gone', 'd', ''].map((directory) => store.syncDirectory(directory)))
    await store.remove('d/gone/file')
    await store.remove('d/gone')
    if (isRenaming) await store.rename('d/from', 'd/to')
    await store.syncDirectory('d')
    await afterPowerLoss(fixture, async (left) => {
      const [name, ...others] = await left.list('d')
      same([name, ...others], [isRenaming ? 'to' : 'from'], 'names')
      same(await left.list(`d/${name}`), ['file'], 'names in it')
    })
  },
  async 'rename: a power failure before the sync leaves the one or the other under the name'(fixture) {
    const { store } = fixture
    if (!store.capabilities.rename) return
    for (const name of ['from', 'to']) {
      const file = await make(store, `d/${name}`, name)
      await file.flush()
      file.close()
    }
    await Promise.all([store.syncDirectory('d'), store.syncDirectory('')])
    await store.rename('d/from', 'd/to')
    await afterPowerLoss(fixture, async (left) => {
      const content = (await contentOf(left, 'd/to')) ?? 'no file'
      check(['from', 'to'].includes(content), `the content of one of the two files, not ${content}`)
    })
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
