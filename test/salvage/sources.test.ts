/** Where else than in its segment a batch may stand, and what is said of frames that can't be read. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../damage/directory-image.ts'
import { batchesOf } from './batches.ts'
import { openImage, writtenOut } from './fixture.ts'
import { erase, framesOf } from './frames.ts'
import { salvaged, verified } from './run.ts'

const SEGMENT = 't-0/00000000000000000000.log'
const image = new DirectoryImage()
const log = await openImage(image)
await log.admin.createTopic('t')
const producer = log.producer()
for (let index = 0; index < 6; index++) await producer.send({ topic: 't', value: `${index}`.padEnd(50) })
/** No checkpoint knows of the records: frames hold them. */
await writtenOut()
const killed = image.fork()
const open = await log.producer({ transactionalId: 'x' }).beginTransaction()
await open.send({ topic: 't', value: 'open' })
await log.producer().send({ topic: 't', value: 'last' })
await writtenOut()
const within = image.fork()
await log.close()

test('a batch that is damaged in its segment stands in its frame', async () => {
  const damaged = killed.fork()
  const victim = batchesOf(damaged).get('t-0')?.[2]
  assert.ok(victim)
  damaged.open(SEGMENT, { create: false })?.write(new Uint8Array(30), victim.position + 50)
  const { copy, report } = await salvaged(damaged)
  assert.equal(report.losses, [])
  assert.is(batchesOf(copy).get('t-0')?.length, 6)
})

test('a segment that is missing comes from the frames, and of verify it is no damage', async () => {
  const damaged = killed.fork()
  damaged.open(SEGMENT, { create: false })?.truncate(0)
  assert.equal((await verified(damaged)).damage, [])
  const { copy, report } = await salvaged(damaged)
  assert.equal(report.losses, [])
  assert.is(batchesOf(copy).get('t-0')?.length, 6)
})

test('what stands after a missing frame is taken, the frame is listed, and so is what only it had', async () => {
  const damaged = killed.fork()
  damaged.open(SEGMENT, { create: false })?.truncate(0)
  const [lost] = framesOf(damaged).slice(-3)
  assert.ok(lost)
  erase(damaged, lost)
  const { copy, report } = await salvaged(damaged)
  assert.equal(
    batchesOf(copy)
      .get('t-0')
      ?.map(({ baseOffset }) => baseOffset),
    [0, 1, 2, 4, 5],
  )
  const rows = report.losses.map(({ topic, offset, nextOffset, kind, code }) => [
    topic,
    offset,
    nextOffset,
    kind,
    code.replace(/\d+/, 'N'),
  ])
  assert.equal(rows, [
    [undefined, undefined, undefined, 'unknown', 'frame N is missing'],
    ['t', 3, 4, 'missing', 'shorter than it was'],
  ])
})

test('a missing frame may have ended what is open: it is listed, and aborted at the first open', async () => {
  const damaged = within.fork()
  const [lost] = framesOf(damaged).slice(-2)
  assert.ok(lost)
  erase(damaged, lost)
  const { copy, report } = await salvaged(damaged)
  const undecided = report.losses.filter(({ kind }) => kind === 'undecided')
  assert.equal(
    undecided.map(({ topic, offset, nextOffset }) => [topic, offset, nextOffset]),
    [['t', 6, 7]],
  )
  const opened = await openImage(copy)
  const values: string[] = []
  for await (const { value } of opened.read('t', { until: 'end' }))
    values.push(
      Buffer.from(value ?? [])
        .toString()
        .trim(),
    )
  await opened.close()
  assert.equal(values, ['0', '1', '2', '3', '4', '5', 'last'])
})

test('without a checkpoint, and without a header, every whole batch is there', async () => {
  for (const gone of [/^checkpoint\//, /^journal\/header$/, /^journal\//, /^(journal|checkpoint)\//]) {
    const damaged = image.fork()
    for (const path of damaged.paths.filter((each) => gone.test(each))) damaged.files.delete(path)
    const { copy, report } = await salvaged(damaged)
    assert.equal(
      batchesOf(copy)
        .get('t-0')
        ?.map(({ bytes }) => bytes.toString('base64')),
      batchesOf(image)
        .get('t-0')
        ?.map(({ bytes }) => bytes.toString('base64')),
      `${gone}`,
    )
    assert.ok(
      report.losses.length > 0 && report.losses.every(({ kind }) => kind !== 'missing'),
      `${gone} ${JSON.stringify(report.losses)}`,
    )
    const opened = await openImage(copy)
    assert.equal([opened.recovery.damage, await opened.admin.listTopics()], [[], ['t']], `${gone}`)
    await opened.close()
  }
})

test('a catalogue of which nothing is left is made of what the directories say', async () => {
  const damaged = image.fork()
  for (const path of damaged.paths.filter((each) => each.startsWith('__oncelog_catalogue') && each.endsWith('.log')))
    damaged.files.delete(path)
  const { copy, report } = await salvaged(damaged)
  assert.ok(report.losses.some(({ topic, kind }) => topic === '__oncelog_catalogue' && kind === 'missing'))
  const opened = await openImage(copy)
  assert.equal(opened.recovery.damage, [])
  assert.equal(await opened.admin.listTopics(), ['t'])
  assert.is((await opened.producer().send({ topic: 't', value: 'x' })).offset > 7, true)
  await opened.close()
  assert.equal((await verified(copy)).damage, [])
})

// Regression: a ring that held nothing readable counted as one without frames, and the copy as whole.
test('frames that were overwritten are told of by decisions that stand in segments without them', async () => {
  const damaged = killed.fork()
  for (const frame of framesOf(damaged)) erase(damaged, frame)
  assert.equal(
    [...new Set((await verified(damaged)).damage.map(({ code }) => code))],
    ['a decision whose frame is lost'],
  )
  const { copy, report } = await salvaged(damaged)
  const [loss, ...others] = report.losses
  assert.equal(others, [])
  assert.equal(
    [loss?.kind, loss?.topic, loss?.code],
    ['unknown', '__oncelog_catalogue', 'a decision whose frame is lost'],
  )
  assert.ok((loss?.file ?? '').startsWith('__oncelog_catalogue-0/'))
  assert.is(batchesOf(copy).get('t-0')?.length, 6)
})

test('an open transaction beside overwritten frames may have been committed there', async () => {
  const damaged = within.fork()
  for (const frame of framesOf(damaged)) erase(damaged, frame)
  const { report } = await salvaged(damaged)
  assert.ok(report.losses.some(({ topic, kind }) => topic === 't' && kind === 'undecided'))
})

test.run()
