// The look at a log's files that writes nothing: what it holds open meanwhile.
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
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

test.run()
