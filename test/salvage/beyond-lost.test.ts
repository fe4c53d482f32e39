/**
 * Segments that follow a lost part of their partition: what stands in them was acknowledged (acks 1), so an open leaves
 * them where they are and a salvage gives them, with the offsets between.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../damage/directory-image.ts'
import { batchesOf } from './batches.ts'
import { openImage } from './fixture.ts'
import { salvaged } from './run.ts'

const NOTED = 't-0/00000000000000000000.log'
const config = { 'segment.bytes': 3000 }

/** Of `t` the checkpoint notes offset 0, a frame has offset 1; all later ones are acks 1, in three segments. */
async function killed(): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const before = await openImage(image)
  await before.admin.createTopic('t', { config })
  await before.producer().send({ topic: 't', value: 'x'.repeat(2000) })
  await before.close()
  const log = await openImage(image)
  await log.producer().send({ topic: 't', value: 'framed' })
  for (let index = 0; index < 12; index++)
    await log.producer({ acks: 1 }).send({ topic: 't', value: 'one'.repeat(100) })
  const left = image.fork()
  await log.close()
  return left
}

const whole = await killed()
const offsetsOf = (image: DirectoryImage) => (batchesOf(image).get('t-0') ?? []).map(({ baseOffset }) => baseOffset)
const later = (batchesOf(whole).get('t-0') ?? []).filter(({ file }) => file !== NOTED)
const first = later[0]?.baseOffset ?? 0

const LOST: Readonly<Record<string, (image: DirectoryImage) => void>> = {
  short: (image) => image.open(NOTED, { create: false })?.truncate(600),
  missing: (image) => image.remove(NOTED),
}

for (const [name, lose] of Object.entries(LOST)) {
  test(`the last noted segment is ${name}: what follows it stays, and can be salvaged after the open too`, async () => {
    assert.ok(first > 2)
    const damaged = whole.fork()
    lose(damaged)
    const log = await openImage(damaged)
    assert.equal(log.recovery.setAsideFiles, [])
    assert.equal(
      log.recovery.readOnly.map(({ topic, damage }) => [topic, damage?.file]),
      [['t', NOTED]],
    )
    await log.close()
    const { copy, report } = await salvaged(damaged)
    assert.equal(offsetsOf(copy), [1, ...later.map(({ baseOffset }) => baseOffset)])
    assert.equal(
      report.losses.map(({ topic, offset, nextOffset }) => [topic, offset, nextOffset]),
      [
        ['t', 0, 1],
        ['t', 2, first],
      ],
    )
  })
}

test('the first segment of a partition that no checkpoint knows is missing: its offsets are listed', async () => {
  const image = new DirectoryImage()
  const log = await openImage(image)
  await log.admin.createTopic('t', { config })
  const producer = log.producer({ acks: 1 })
  for (let index = 0; index < 12; index++) await producer.send({ topic: 't', value: 'one'.repeat(200) })
  const left = image.fork()
  await log.close()
  left.remove(NOTED)
  const { copy, report } = await salvaged(left)
  const [begin] = offsetsOf(copy)
  assert.equal(
    report.losses.map(({ topic, offset, nextOffset }) => [topic, offset, nextOffset]),
    [['t', 0, begin]],
  )
})

test('a segment that an unclean open began at the ceiling follows without a loss', async () => {
  const image = whole.fork()
  const log = await openImage(image)
  await log.producer({ acks: 1 }).send({ topic: 't', value: 'y'.repeat(2900) })
  const left = image.fork()
  await log.close()
  assert.ok((offsetsOf(left).at(-1) ?? 0) > 1000)
  const { copy, report } = await salvaged(left)
  assert.equal(report.losses, [])
  assert.equal(offsetsOf(copy), offsetsOf(left))
})

test('a batch alone in a segment whose name says another offset is none: the copy went on beyond 2^42', async () => {
  const image = whole.fork()
  const [last] = (batchesOf(image).get('t-0') ?? []).slice(-1)
  const [alone] = (batchesOf(image).get('t-0') ?? []).filter(({ file }) => file === last?.file)
  const opened = image.open(alone?.file ?? '', { create: false })
  opened?.truncate(alone?.end ?? 0)
  opened?.write(Uint8Array.of(8), 2)
  const { copy } = await salvaged(image)
  assert.ok(
    offsetsOf(copy).every((offset) => offset < 100),
    `${offsetsOf(copy)}`,
  )
})

test('acks 1 after a log start that was moved to the end of what frames have are in the copy', async () => {
  const image = new DirectoryImage()
  const log = await openImage(image)
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'removed' })
  await log.admin.deleteRecords([{ topic: 't', partition: 0, beforeOffset: 1 }])
  await log.producer({ acks: 1 }).send({ topic: 't', value: 'kept' })
  const left = image.fork()
  await log.close()
  const { copy, report } = await salvaged(left)
  assert.equal(offsetsOf(copy), [1])
  assert.equal(report.losses, [])
})

test.run()
