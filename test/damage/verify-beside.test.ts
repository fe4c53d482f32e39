// What `verify` sees of a log that goes on beside it, and doesn't take for damage.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'oncelog'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../../bindings/entry/embedded/directory-image.ts'
import { openLog, RING } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { verifyFiles } from '../../bindings/entry/embedded/verify-files.ts'
import { FRAME_ALIGNMENT, HEADER_FILE, ringFile } from '../../bindings/log/journal/layout.ts'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import { scratchDirectory } from '../scratch.ts'
import { until } from '../until.ts'
import { DirectoryImage as HeldImage } from './directory-image.ts'
import { StillPort } from './still-port.ts'

const home = scratchDirectory('verify-beside')
test.after(() => rmSync(home, { recursive: true, force: true }))

/** A closed log with some segments in each topic. */
async function filled(name: string, topics: readonly string[]): Promise<string> {
  const directory = join(home, name)
  const log = await open(directory)
  const producer = log.producer()
  for (const topic of topics) {
    await log.admin.createTopic(topic, { config: { 'segment.bytes': 150 } })
    for (let count = 0; count < 4; count++) await producer.send({ topic, value: 'x'.repeat(50) })
  }
  await log.close()
  return directory
}

/**
 * A ring that goes on between two looks at it: the frames that were found are read again with other bytes at their
 * place.
 */
class MovingRing extends HeldImage {
  /** In how many looks. */
  moves = 0
  /** What stands there then is another frame, not half of one. */
  isWhole = false
  #opened = 0

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (path === HEADER_FILE) this.#opened = 0
    if (path !== ringFile(0) || file === undefined) return file
    this.#opened++
    // For its size, for the scan, then for what the frames hold.
    if (this.#opened !== 3 || this.moves === 0) return file
    this.moves--
    const read = (into: Uint8Array, position: number) => {
      const count = this.isWhole
        ? super.open(path, options)?.read(into, position + FRAME_ALIGNMENT)
        : file.read(into, position)
      if (!this.isWhole) into.subarray(100).fill(0x55)
      return count ?? 0
    }
    return Object.assign(Object.create(file) as StoreFile, { read, close: () => file.close() })
  }
}

/** Keeps a copy of itself as of the end of each frame: what a look finds then, and what a kill leaves. */
class FramedImages extends HeldImage {
  readonly images: HeldImage[] = []

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (path !== ringFile(0) || file === undefined) return file
    const write = (bytes: Uint8Array, position: number) => {
      const count = file.write(bytes, position)
      this.images.push(this.fork())
      return count
    }
    return Object.assign(Object.create(file) as StoreFile, {
      write,
      read: (into: Uint8Array, position: number) => file.read(into, position),
      size: () => file.size(),
      flush: () => file.flush(),
      truncate: (sizeBytes: number) => file.truncate(sizeBytes),
      close: () => file.close(),
    })
  }
}

const SECOND = '00000000000000000001.log'

test('what is left of a deleted topic is on its way', async () => {
  const directory = await filled('deleted', ['gone', 'kept'])
  const [gone, aside] = [join(directory, 'gone-0'), join(home, 'aside')]
  cpSync(gone, aside, { recursive: true })
  const log = await open(directory)
  await log.admin.deleteTopic('gone')
  // The directory goes after the answer, and nobody is told.
  await until(() => !existsSync(gone))
  // A removal in the middle.
  cpSync(aside, gone, { recursive: true })
  rmSync(join(gone, SECOND))
  assert.equal(await log.verify(), [])
  rmSync(join(directory, 'kept-0', SECOND))
  assert.equal(
    (await log.verify()).map(({ file, code }) => [file, code]),
    [[`kept-0/${SECOND}`, 'is missing']],
  )
  await log.close()
})

test('what only some looks find was under way', async () => {
  const directory = await filled('looks', ['a', 'b', 'c'])
  const damagedIn = async (...looks: readonly string[][]) => {
    const stores = looks.map((topics, index) => {
      const copy = join(home, `look-${index}`)
      rmSync(copy, { recursive: true, force: true })
      cpSync(directory, copy, { recursive: true })
      for (const topic of topics) rmSync(join(copy, `${topic}-0`, SECOND))
      return new DirectoryImage(copy)
    })
    const { damage } = await verifyFiles({ store: () => stores.shift()!, port: nodePort })
    return damage.map(({ topic }) => topic)
  }
  assert.equal(await damagedIn(['a', 'b'], ['c', 'a'], ['a', 'b'], ['a', 'c'], ['a', 'b']), ['a'])
  assert.equal(await damagedIn(['b'], ['c'], ['b'], ['c'], ['b']), [])
  assert.equal(await damagedIn(['a', 'b'], ['a', 'b']), ['a', 'b'])
})

test('a frame that the ring goes over under a look is damage only if each look finds it so', async () => {
  const held = new HeldImage()
  const log = await openLog(held, new StillPort(), {})
  await log.admin.createTopic('t')
  for (let count = 0; count < 3; count++) await log.producer().send({ topic: 't', value: 'x'.repeat(500) })
  const ring = new MovingRing(held.fork().files)
  const foundWith = async (moves: number, isWhole = false) => {
    ring.moves = moves
    ring.isWhole = isWhole
    const { damage, frames } = await verifyFiles({ store: () => ring, port: nodePort })
    assert.ok(frames > 2)
    return damage.map(({ code }) => code)
  }
  assert.equal(await foundWith(0), [])
  assert.equal(await foundWith(1), [])
  assert.is(ring.moves, 0)
  assert.is((await foundWith(Number.POSITIVE_INFINITY))[0], 'a frame that broke under the look')
  const codes = await foundWith(Number.POSITIVE_INFINITY, true)
  assert.not.ok(codes.includes('a frame that broke under the look'), 'a holder that is quicker than five looks')
  await log.close()
})

test('a marker that waits for its write before batches that frames have is no damage', async () => {
  const held = new FramedImages()
  const log = await openLog(held, new StillPort(), {})
  await log.admin.createTopic('t')
  const transactional = log.producer({ transactionalId: 'x' })
  const producer = log.producer()
  const sendInTransaction = () =>
    transactional.transaction((each) => each.send({ topic: 't', value: 'x' }).then(() => {}))
  held.images.length = 0
  for (let count = 0; count < 3; count++)
    await Promise.all([
      sendInTransaction(),
      ...Array.from({ length: 8 }, () => producer.send({ topic: 't', value: 'y' })),
    ])
  const segment = `t-0/${'0'.repeat(20)}.log`
  const states = held.images.map((image) => image.files.get(segment)?.sizeBytes ?? 0)
  assert.ok(new Set(states).size < states.length, 'no frame stood before its batches were written')
  for (const image of held.images) assert.equal((await verifyFiles({ store: () => image, port: nodePort })).damage, [])
  await log.close()
})

test('a file of the ring that an open is making is no damage, one that is too long is', async () => {
  const directory = await filled('opening', ['a'])
  const damage = async () => (await verifyFiles({ store: () => new DirectoryImage(directory), port: nodePort })).damage
  writeFileSync(join(directory, ringFile(1)), new Uint8Array(RING.ringFileBytes / 2))
  assert.equal(await damage(), [])
  writeFileSync(join(directory, ringFile(1)), new Uint8Array(RING.ringFileBytes + 1))
  assert.equal(
    (await damage()).map(({ file }) => file),
    [ringFile(1)],
  )
})

test('a directory that a create has just begun is no damage', async () => {
  const directory = await filled('begun', ['a'])
  mkdirSync(join(directory, 'b-0'))
  const damage = async () => (await verifyFiles({ store: () => new DirectoryImage(directory), port: nodePort })).damage
  assert.equal(await damage(), [])
  writeFileSync(join(directory, 'b-0', 'partition.metadata'), '')
  assert.equal(await damage(), [])
  writeFileSync(join(directory, 'b-0', SECOND), 'x')
  assert.equal(
    (await damage()).map(({ code }) => code),
    ['names no topic id'],
  )
})

test.run()
