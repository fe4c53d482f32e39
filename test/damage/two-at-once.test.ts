// Two files harmed at once, or one replaced by another log's: what is gone is reported, with file and position.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HEADER_FILE, ringFile } from '../../bindings/log/journal/layout.ts'
import { DirectoryImage } from './directory-image.ts'
import { openSmall } from './fixture.ts'
import type { ImageFile } from './image-file.ts'
import { observe } from './observe.ts'
import { StillPort } from './still-port.ts'

const SEGMENT = 'pay-0/00000000000000000000.log'

/** Three records a segment. */
async function written(image: DirectoryImage, value: string, records = 9): Promise<void> {
  const log = await openSmall(image, new StillPort(value.length))
  await log.admin.createTopic('pay', { config: { 'segment.bytes': 600 } })
  for (let index = 0; index < records; index++) await log.producer().send({ topic: 'pay', value: `${index}${value}` })
  await log.close()
}

const closed = new DirectoryImage()
await written(closed, 'x'.repeat(90))
const before = await observe(closed.fork())

for (const records of [3, 4]) {
  test(`a segment of three records whose place another log's takes, with ${records} in fewer bytes`, async () => {
    const other = new DirectoryImage()
    await written(other, '', records)
    const image = closed.fork()
    image.files.set(SEGMENT, other.files.get(SEGMENT)?.fork() as ImageFile)
    const { told } = await observe(image)
    assert.ok(
      told.some(({ file, position }) => file === SEGMENT && typeof position === 'number'),
      JSON.stringify(told),
    )
  })
}

/** Killed after writing nothing but frames, all of them in its first ring file. */
async function killed(): Promise<DirectoryImage> {
  const live = closed.fork()
  const log = await openSmall(live, new StillPort(3))
  await log.producer().send({ topic: 'pay', value: 'newest' })
  return live.fork()
}

for (const slot of [0, 4096]) {
  for (const harm of ['emptied', 'missing'] as const) {
    test(`a ring file is ${harm} and the header at ${slot} gone: either nothing is lost, or the open tells`, async () => {
      const image = await killed()
      const header = image.files.get(HEADER_FILE) as ImageFile
      header.write(new Uint8Array(1024), slot)
      if (harm === 'missing') image.files.delete(ringFile(1))
      else image.files.get(ringFile(1))?.truncate(0)
      const { told } = await observe(image)
      assert.ok(
        told.some(({ file }) => file === HEADER_FILE || file === ringFile(1)),
        JSON.stringify(told),
      )
    })
  }
}

test('a closed log whose newest header is damaged is recovered as one in use, and says so', async () => {
  const damaged: unknown[] = []
  for (const slot of [0, 4096]) {
    const image = closed.fork()
    const header = image.files.get(HEADER_FILE) as ImageFile
    header.write(new Uint8Array(1024), slot)
    const { told, facts } = await observe(image)
    assert.is(facts.get('records of pay-0'), before.facts.get('records of pay-0'))
    damaged.push(...told.map(({ file }) => file))
  }
  assert.equal(damaged, [HEADER_FILE])
})

test.run()
