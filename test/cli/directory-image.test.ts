// The look at a log's files that writes nothing: what it holds open meanwhile, and what it shows as renamed.
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../../bindings/entry/embedded/directory-image.ts'
import { scratchDirectory } from '../scratch.ts'

const test = suite('directory image')
const runs = process.platform === 'linux' ? test : test.skip

/** The paths of this process's open files below `root`. */
function openBelow(root: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`)
      return path.startsWith(root) ? [path] : []
    } catch {
      // The list itself was read through one of them.
      return []
    }
  })
}

runs(
  'a file that nobody uses holds no descriptor, changed or not; its changes and its own bytes are there again',
  () => {
    const root = scratchDirectory('image')
    writeFileSync(join(root, 'file'), new Uint8Array(10_000).fill(1))
    const image = new DirectoryImage(root)
    const changed = image.open('file', { create: false })
    changed?.write(Uint8Array.of(2), 0)
    changed?.close()
    assert.equal(openBelow(root), [])
    const again = image.open('file', { create: false })
    const bytes = new Uint8Array(10_000)
    assert.is(again?.read(bytes, 0), 10_000)
    assert.equal([bytes[0], bytes[1], bytes[9999]], [2, 1, 1])
    again?.close()
    image.close()
    assert.equal(openBelow(root), [])
  },
)

runs('a file and a directory get another name without a write, and are read where they lie', () => {
  const root = scratchDirectory('image')
  mkdirSync(join(root, 'a'))
  for (const name of ['one', 'two']) writeFileSync(join(root, 'a', name), name)
  const image = new DirectoryImage(root)
  const textOf = (path: string) => {
    const file = image.open(path, { create: false })
    const bytes = new Uint8Array(file?.size() ?? 0)
    file?.read(bytes, 0)
    file?.close()
    return file && new TextDecoder().decode(bytes)
  }
  const written = image.open('a/three', { create: true })
  written?.write(new TextEncoder().encode('three'), 0)
  written?.close()
  image.rename('a/one', 'a/two')
  assert.equal([textOf('a/one'), textOf('a/two'), image.list('a')], [undefined, 'one', ['three', 'two']])
  image.rename('a', 'b')
  assert.equal([image.list(''), image.list('a'), image.list('b')], [['b'], [], ['three', 'two']])
  assert.equal([textOf('b/two'), textOf('b/three'), textOf('a/two')], ['one', 'three', undefined])
  assert.equal(openBelow(root), [])
  image.close()
  assert.equal(readdirSync(join(root, 'a')).sort(), ['one', 'two'])
})

test('a file that is made anew, or that another one is renamed to, is there whoever still reads the one before', () => {
  const root = scratchDirectory('image')
  for (const name of ['made', 'given', 'other']) writeFileSync(join(root, name), 'before')
  const image = new DirectoryImage(root)
  const sizeOf = (path: string) => image.open(path, { create: false })?.size()
  const [made, given] = [image.open('made', { create: false }), image.open('given', { create: false })]
  image.remove('made')
  image.open('made', { create: true })?.write(Uint8Array.of(1), 0)
  image.rename('other', 'given')
  image.open('given', { create: false })?.write(Uint8Array.of(1), 6)
  for (const reader of [made, given]) reader?.close()
  assert.equal([sizeOf('made'), sizeOf('given'), sizeOf('other')], [1, 7, undefined])
  image.close()
})

test.run()
