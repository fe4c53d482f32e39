import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fileStoreConformance } from '../../bindings/storage/conformance/file-store-suite.ts'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import { SlowDisk } from '../../bindings/testkit/simulation/channel/slow-disk.ts'
import { DirectoryNode } from '../../bindings/testkit/simulation/disk-nodes.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { CrashSignal, VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { now } from './now.ts'

for (const each of fileStoreConformance(() => {
  const store = new VirtualDisk()
  const powerLoss = () => store.image(new Random(1), 'none')
  return { store, reopen: () => new VirtualDisk(store.root), powerLoss, dispose: () => {} }
})) {
  test(`the virtual disk as a file store: ${each.name}`, () => each.run())
}

function make(disk: VirtualDisk, path: string, text: string): StoreFile {
  const file = disk.open(path, { create: true })
  if (file === undefined) throw new Error(`${path} was not made`)
  file.write(new TextEncoder().encode(text), 0)
  return file
}

function contentOf(disk: VirtualDisk, path: string): string | undefined {
  const file = disk.open(path, { create: false })
  if (file === undefined) return undefined
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0)
  return new TextDecoder('latin1').decode(bytes)
}

test('a power failure keeps what was flushed in a synced directory', () => {
  const disk = new VirtualDisk()
  now(make(disk, 'a/one', 'flushed').flush())
  make(disk, 'a/two', 'not flushed')
  const none = (): VirtualDisk => disk.image(new Random(1), 'none')
  assert.equal(none().list(''), [])
  disk.syncDirectory('a')
  assert.equal(none().list('a'), [], 'the entry of the sub-directory belongs to its parent')
  disk.syncDirectory('')
  assert.is(contentOf(none(), 'a/one'), 'flushed')
  assert.is(contentOf(none(), 'a/two'), '')
  assert.is(contentOf(disk.image(new Random(1), 'kill'), 'a/two'), 'not flushed')
  assert.is(contentOf(disk.image(new Random(1), 'kill').image(new Random(1), 'none'), 'a/two'), '')
  assert.is(contentOf(disk.image(new Random(1), 'all').image(new Random(1), 'none'), 'a/two'), 'not flushed')
})

test('a flush makes durable what was written before it began, and nothing that came before its end', async () => {
  const ends: (() => void)[] = []
  const disk = new SlowDisk(new DirectoryNode(), (end) => ends.push(end))
  const file = make(disk, 'one', 'before')
  disk.syncDirectory('')
  const before = file.flush()
  file.write(new TextEncoder().encode('BEHIND'), 0)
  const behind = file.flush()
  file.close()
  const lost = (): string | undefined => contentOf(disk.image(new Random(1), 'none'), 'one')
  assert.is(lost(), '')
  ends[0]?.()
  await before
  assert.is(lost(), 'before')
  assert.is(disk.isDurable('one', 0, 6), false)
  ends[1]?.()
  await behind
  assert.is(lost(), 'BEHIND')
})

test('a sync of a directory makes durable what was changed in it before it began, and nothing that came before its end', () => {
  const disk = new VirtualDisk()
  make(disk, 'one', '')
  const end = disk.beginSync('')
  make(disk, 'two', '')
  const names = (): readonly string[] => disk.image(new Random(1), 'none').list('')
  assert.equal(names(), [])
  end()
  assert.equal(names(), ['one'])
})

test('a mixed image damages only sectors that a pending write touches', () => {
  const disk = new VirtualDisk()
  const file = make(disk, 'one', 'a'.repeat(2048))
  now(file.flush())
  disk.syncDirectory('')
  file.write(new TextEncoder().encode('b'.repeat(700)), 600)
  const seen = new Set<string>()
  for (let seed = 0; seed < 200; seed++) {
    const text = contentOf(disk.image(new Random(seed), 'mixed'), 'one') ?? ''
    assert.is(text.slice(0, 512), 'a'.repeat(512))
    assert.is(text.slice(1536), 'a'.repeat(512))
    seen.add(text[700] ?? '')
  }
  assert.ok(seen.has('a') && seen.has('b') && seen.size > 2, 'old, new and garbage')
})

test('a removal and a rename are undone until their directory is synced', () => {
  const disk = new VirtualDisk()
  now(make(disk, 'one', 'first').flush())
  disk.syncDirectory('')
  disk.rename('one', 'two')
  assert.equal(disk.image(new Random(1), 'none').list(''), ['one'])
  disk.syncDirectory('')
  disk.remove('two')
  assert.equal(disk.image(new Random(1), 'none').list(''), ['two'])
  assert.equal(disk.image(new Random(1), 'all').list(''), [])
})

test('it stops before the chosen operation and stays stopped', () => {
  const disk = new VirtualDisk()
  const file = make(disk, 'one', 'first')
  disk.crashAt = disk.operations + 1
  assert.throws(
    () => file.flush(),
    (error: unknown) => error instanceof CrashSignal,
  )
  assert.throws(
    () => disk.list(''),
    (error: unknown) => error instanceof CrashSignal,
  )
})

test('a full disk takes a part of a write, then nothing', () => {
  const disk = new VirtualDisk()
  disk.freeBytes = 3
  const file = make(disk, 'one', 'first')
  assert.is(contentOf(disk, 'one'), 'fir')
  assert.throws(() => file.write(new Uint8Array(1), 3), /no space/)
})

test.run()
