/**
 * Files that lie where they don't belong, as a restore by hand leaves them: none of their records is taken for the
 * partition's own, and what is the partition's own is neither lost nor listed because of them.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../damage/directory-image.ts'
import type { ImageFile } from '../damage/image-file.ts'
import { batchesOf } from './batches.ts'
import { openImage } from './fixture.ts'
import { salvaged } from './run.ts'

const closed = new DirectoryImage()
const log = await openImage(closed)
for (const [topic, bytes] of [
  ['t', 300],
  ['u', 170],
] as const) {
  await log.admin.createTopic(topic, { partitions: 2, config: { 'segment.bytes': 1500 } })
  for (let index = 0; index < 40; index++) {
    const partition = index % 3 === 0 ? 0 : 1
    await log.producer().send({ topic, partition, value: `${topic}-${partition} ${index}`.padEnd(bytes) })
  }
}
const transaction = await log.producer({ transactionalId: 'a' }).beginTransaction()
await transaction.send({ topic: 't', partition: 0, value: 'in a transaction' })
await transaction.commit()
/** As a kill leaves it: the checkpoint knows nothing of the records. */
const killed = closed.fork()
await log.close()

const IMAGES = { closed, killed }

function segmentsOf(image: DirectoryImage, directory: string): readonly string[] {
  return image.paths.filter((path) => path.startsWith(`${directory}/`) && path.endsWith('.log'))
}

function bytesIn(image: DirectoryImage, directory: string): readonly string[] {
  return (batchesOf(image).get(directory) ?? []).map(({ bytes }) => bytes.toString('latin1'))
}

for (const [state, image] of Object.entries(IMAGES)) {
  test(`${state}: a copy of a segment under a name between two others changes nothing`, async () => {
    const damaged = image.fork()
    const [first = '', second = ''] = segmentsOf(image, 't-0')
    const stray = second.replace(/\d{20}/, (name) => `${Number(name) - 1}`.padStart(20, '0'))
    damaged.files.set(stray, image.files.get(first)?.fork() as ImageFile)
    const { copy, report } = await salvaged(damaged)
    assert.equal(report.losses, [])
    assert.equal(bytesIn(copy, 't-0'), bytesIn(closed, 't-0'))
  })

  for (const [one, other] of [
    ['t-0', 'u-0'],
    ...(state === 'closed' ? ([['t-0', 't-1']] as const) : []),
    ['__transaction_state-0', 'u-1'],
    ['__transaction_state-0', 'u-0'],
  ] as const) {
    test(`${state}: the directories ${one} and ${other} are exchanged: neither has the other's records`, async () => {
      const damaged = image.fork()
      damaged.rename(one, 'aside')
      damaged.rename(other, one)
      damaged.rename('aside', other)
      const { copy } = await salvaged(damaged)
      for (const each of [one, other]) {
        const own = new Set(bytesIn(closed, each))
        assert.equal(
          bytesIn(copy, each).filter((bytes) => !own.has(bytes)),
          [],
          each,
        )
      }
      const opened = await openImage(copy)
      assert.equal(opened.recovery.damage, [])
      await opened.close()
    })
  }
}

for (const other of ['t-0', 't-1', 'u-0', 'u-1']) {
  test(`any two segments of t-0 and ${other} are exchanged: neither has the other's records`, async () => {
    for (const one of segmentsOf(closed, 't-0')) {
      for (const another of segmentsOf(closed, other)) {
        const damaged = closed.fork()
        damaged.files.set(one, closed.files.get(another)?.fork() as ImageFile)
        damaged.files.set(another, closed.files.get(one)?.fork() as ImageFile)
        const { copy } = await salvaged(damaged)
        for (const each of new Set(['t-0', other])) {
          const own = new Set(bytesIn(closed, each))
          const others = bytesIn(copy, each).filter((bytes) => !own.has(bytes))
          assert.equal(others, [], `${each}: ${one} ${another}`)
        }
      }
    }
  })
}

test.run()
