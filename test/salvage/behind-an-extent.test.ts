/**
 * What frames hold of a partition after a part that is lost: batches too large for a frame stand in their segment alone.
 * The open brings back what follows, for it reuses the frames, and a salvage after it still lists what is lost.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../damage/directory-image.ts'
import { batchesOf } from './batches.ts'
import { openImage } from './fixture.ts'
import { salvaged, verified } from './run.ts'

const FIRST = 't-0/00000000000000000000.log'
/** Three of them are larger than a frame. */
const LARGE = 'x'.repeat(250_000)

interface Killed {
  readonly left: DirectoryImage
  /** Before anything was written to the partition's files. */
  readonly noted: DirectoryImage
}

/** What waits for a commit goes with the next record of acks all. */
const EXTENT: readonly Sent[] = [
  [LARGE, 1],
  [LARGE, 1],
  [LARGE, 'all'],
]
const FRAMED: readonly Sent[] = [
  ['framed', 'all'],
  ['framed', 'all'],
]
type Sent = readonly [value: string, acks: 1 | 'all']

/** The values of topic `t`, from offset 1 on, after a close that noted offset 0. */
async function killedAfter(values: readonly Sent[]): Promise<Killed> {
  const image = new DirectoryImage()
  const before = await openImage(image)
  await before.admin.createTopic('t')
  await before.admin.createTopic('other')
  await before.producer({ acks: 1 }).send({ topic: 't', value: 'noted' })
  await before.close()
  const log = await openImage(image)
  const noted = image.fork()
  for (const [value, acks] of values) await log.producer({ acks }).send({ topic: 't', value })
  const left = image.fork()
  await log.close()
  return { left, noted }
}

const { left: killed } = await killedAfter([...EXTENT, ...FRAMED])
/** In the middle of the extent. */
const [from = 0, end = 0] = (batchesOf(killed).get('t-0') ?? []).slice(2, 4).map(({ position }) => position)

function damaged(image: DirectoryImage, harm: (bytes: Uint8Array) => Uint8Array): DirectoryImage {
  const file = image.open(FIRST, { create: false })
  const bytes = harm(image.files.get(FIRST)?.bytes().slice() ?? new Uint8Array())
  file?.truncate(0)
  file?.write(bytes, 0)
  return image
}

const flip = (at: number, bit: number) => (bytes: Uint8Array) => {
  bytes[at] = (bytes[at] ?? 0) ^ bit
  return bytes
}

const HARMS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  'a bit of a record': flip(from + 5000, 1),
  'a bit of its base offset': flip(from + 7, 1),
  'a bit of its length': flip(from + 9, 1),
  'zeros over its head': (bytes) => bytes.fill(0, from, from + 100),
  'cut in its middle': (bytes) => bytes.subarray(0, from + 100_000),
  'cut where it begins': (bytes) => bytes.subarray(0, from),
}

for (const [name, harm] of Object.entries(HARMS)) {
  test(`${name}: what follows is there after the open, and at the next one`, async () => {
    const isCut = name.startsWith('cut')
    assert.ok(end - from > 200_000)
    let image = damaged(killed.fork(), harm)
    for (const open of ['first', 'second']) {
      const log = await openImage(image)
      assert.equal(
        log.recovery.readOnly.map(({ topic, damage }) => [topic, damage?.file]),
        [['t', FIRST]],
        open,
      )
      const at = log.recovery.partitions.find(({ topic }) => topic === 't')?.endOffset ?? 0
      assert.ok(at >= 6, `${open}: ends at ${at}`)
      await log.producer().send({ topic: 'other', value: 'goes on' })
      const left = image.fork()
      await log.close()
      const { copy, report } = await salvaged(left)
      assert.equal(
        (batchesOf(copy).get('t-0') ?? []).map(({ baseOffset }) => baseOffset),
        isCut ? [0, 1, 4, 5] : [0, 1, 3, 4, 5],
        open,
      )
      assert.equal(
        report.losses.map(({ topic, offset, nextOffset }) => [topic, offset, nextOffset]),
        [['t', 2, isCut ? 4 : 3]],
        open,
      )
      assert.ok((await verified(image)).damage.some(({ topic }) => topic === 't'))
      image = left
    }
  })
}

test('the last segment is missing, with a batch that was only there: all else of the frames comes back', async () => {
  const { left } = await killedAfter([...FRAMED, ...EXTENT, ...FRAMED])
  left.remove(FIRST)
  const log = await openImage(left)
  await log.close()
  for (const each of [left, left.fork()]) {
    const { copy, report } = await salvaged(each)
    assert.equal(
      (batchesOf(copy).get('t-0') ?? []).map(({ baseOffset }) => baseOffset),
      [1, 2, 6, 7],
    )
    assert.equal(
      report.losses.map(({ topic, offset, nextOffset }) => [topic, offset, nextOffset]),
      [
        ['t', 0, 1],
        ['t', 3, 6],
      ],
    )
  }
})

test('a missing last segment of a partition with a ceiling: a kill later the log still opens', async () => {
  const { noted } = await killedAfter([])
  noted.remove(FIRST)
  let image = noted
  for (let open = 0; open < 3; open++) {
    const log = await openImage(image)
    assert.equal(
      log.recovery.readOnly.map(({ topic, damage }) => [topic, damage?.file]),
      [['t', FIRST]],
    )
    await log.producer().send({ topic: 'other', value: 'goes on' })
    const left = image.fork()
    await log.close()
    image = left
  }
})

/** The same of which no checkpoint knows anything. */
async function unnoted(): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openImage(image)
  await log.admin.createTopic('t')
  for (const [value, acks] of [...EXTENT, ...FRAMED]) await log.producer({ acks }).send({ topic: 't', value })
  const left = image.fork()
  await log.close()
  return left
}

for (const [state, image, first] of [
  ['behind the noted end', killed, 1],
  ['of which no checkpoint knows', await unnoted(), 0],
] as const) {
  const named = image.fork()
  named.files.set(
    't-0/partition.metadata',
    named.files.get('__oncelog_catalogue-0/partition.metadata')?.fork() as never,
  )

  test(`an extent ${state}, in a directory that names another topic, is taken: its frame proves it`, async () => {
    const { copy, report } = await salvaged(named)
    assert.equal(report.losses, [])
    assert.equal(
      (batchesOf(copy).get('t-0') ?? []).map(({ baseOffset }) => baseOffset),
      Array.from({ length: first + 5 }, (_, offset) => offset),
    )
  })

  test(`an extent ${state}, in whose place other whole batches lie, isn't taken`, async () => {
    const others = named.fork()
    const [, place] = (batchesOf(image).get('t-0') ?? []).slice(first).map(({ position }) => position)
    // Of the batch in the middle, whose CRC leaves it out.
    damaged(others, flip((place ?? 0) + 7, 8))
    const { copy, report } = await salvaged(others)
    assert.equal(
      report.losses.map(({ topic, offset, nextOffset }) => [topic, offset, nextOffset]),
      [['t', first, first + 3]],
    )
    assert.equal((batchesOf(copy).get('t-0') ?? []).length, first + 2)
  })
}

test.run()
