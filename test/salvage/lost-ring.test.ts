/**
 * A killed log without one of its first two ring files, of which an open says that it may have held acknowledged
 * records: a salvage lists it too, and has all that is in the segments.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ringFile } from '../../bindings/log/journal/layout.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { openImage, writtenOut } from './fixture.ts'
import { salvaged } from './run.ts'

const COUNT = 12

/** `isNoted`: a checkpoint knows of the topic and of the first records. */
async function killedLog(isNoted: boolean): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const before = await openImage(image)
  await before.admin.createTopic('t', { config: { 'segment.bytes': 2000 } })
  if (isNoted) {
    await before.producer().send({ topic: 't', value: 'noted' })
    await before.close()
  }
  const log = isNoted ? await openImage(image) : before
  for (let index = 0; index < COUNT; index++) await log.producer().send({ topic: 't', value: `${index}`.padEnd(500) })
  await writtenOut()
  const killed = image.fork()
  await log.close()
  return killed
}

const HARMS: Readonly<Record<string, (image: DirectoryImage, path: string) => void>> = {
  missing: (image, path) => image.remove(path),
  empty: (image, path) => image.open(path, { create: false })?.truncate(0),
}

for (const isNoted of [false, true]) {
  const killed = await killedLog(isNoted)
  for (const [name, harm] of Object.entries(HARMS)) {
    for (const index of [0, 1]) {
      test(`ring file ${index} is ${name}, ${isNoted ? 'behind' : 'before'} the first checkpoint`, async () => {
        const image = killed.fork()
        harm(image, ringFile(index))
        const { copy, report } = await salvaged(image)
        assert.ok(report.losses.some(({ kind, file }) => kind === 'unknown' && file === ringFile(index)))
        const log = await openImage(copy)
        let count = 0
        for await (const { value } of log.read('t', { until: 'end' })) count += value === null ? 0 : 1
        await log.close()
        assert.is(count, COUNT + (isNoted ? 1 : 0))
      })
    }
  }
}

test.run()
