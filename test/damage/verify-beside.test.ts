// What `verify` sees of a log that goes on beside it, and doesn't take for damage.
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'oncelog'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../../bindings/entry/embedded/directory-image.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { verifyFiles } from '../../bindings/entry/embedded/verify-files.ts'
import { scratchDirectory } from '../scratch.ts'

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

const SECOND = '00000000000000000001.log'

test('what is left of a deleted topic is on its way', async () => {
  const directory = await filled('deleted', ['gone', 'kept'])
  const [gone, aside] = [join(directory, 'gone-0'), join(home, 'aside')]
  cpSync(gone, aside, { recursive: true })
  const log = await open(directory)
  await log.admin.deleteTopic('gone')
  // The directory goes behind the answer, and nobody is told.
  while (existsSync(gone)) await new Promise((resume) => setTimeout(resume, 5))
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

test.run()
