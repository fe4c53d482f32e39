/**
 * Offsets that nobody has: those below a ceiling at which an unclean open went on were never given out, those of batches
 * whose file is gone were. A salvage lists the second ones alone, also once a recovery has noted the partition as damaged.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../damage/directory-image.ts'
import { openImage } from './fixture.ts'
import { salvaged } from './run.ts'

const FIRST = 't-0/00000000000000000000.log'
const AT_CEILING = 't-0/00000000000000065537.log'
/** Three of them are larger than a frame. */
const LARGE = 'x'.repeat(250_000)

/** Offsets 0 and 1; the next open goes on at 65,537. */
async function killedBelowCeiling(segmentBytes: number): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openImage(image)
  await log.admin.createTopic('t', { config: { 'segment.bytes': segmentBytes } })
  await log.producer({ acks: 1 }).send({ topic: 't', value: 'x'.repeat(800_000) })
  await log.producer().send({ topic: 't', value: 'framed' })
  const left = image.fork()
  await log.close()
  return left
}

async function lossesOf(image: DirectoryImage) {
  const { report } = await salvaged(image)
  return report.losses.map(({ topic, offset, nextOffset }) => [topic, offset, nextOffset])
}

async function recovered(image: DirectoryImage): Promise<void> {
  const log = await openImage(image)
  assert.equal(
    log.recovery.readOnly.map(({ topic }) => topic),
    ['t'],
  )
  await log.close()
}

test('a segment that begins at a ceiling: nothing before it was lost', async () => {
  const image = await killedBelowCeiling(1_000_000)
  const before = await openImage(image)
  await before.producer().send({ topic: 't', value: LARGE })
  await before.close()
  const log = await openImage(image)
  await log.producer().send({ topic: 't', value: 'z' })
  const left = image.fork()
  await log.close()
  left.open(AT_CEILING, { create: false })?.truncate(600)
  const losses = [['t', 65_537, 65_538]]
  assert.equal(await lossesOf(left), losses)
  await recovered(left)
  assert.equal(await lossesOf(left), losses)
})

/** With segments of this size they stand in one of their own, which is made anew, or in the one before. */
for (const [segmentBytes, losses] of [
  [1_000_000, [['t', 65_537, 65_540]]],
  [
    100_000_000,
    [
      ['t', 0, 2],
      ['t', 65_537, 65_540],
    ],
  ],
] as const) {
  test(`batches whose file is gone began the epoch, segments of ${segmentBytes}: no offset before them is lost`, async () => {
    const image = await killedBelowCeiling(segmentBytes)
    const log = await openImage(image)
    for (const acks of [1, 1, 'all'] as const) await log.producer({ acks }).send({ topic: 't', value: LARGE })
    await log.producer().send({ topic: 't', value: 'framed' })
    const left = image.fork()
    await log.close()
    left.remove(left.paths.includes(AT_CEILING) ? AT_CEILING : FIRST)
    await recovered(left)
    assert.equal(await lossesOf(left), losses)
  })
}

test.run()
