/** Which batches of a damaged segment count, one rule after the other. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../damage/directory-image.ts'
import { ImageFile } from '../damage/image-file.ts'
import { batchesOf, type PlainBatch } from './batches.ts'
import { openImage } from './fixture.ts'
import { salvaged, verified } from './run.ts'

const SEGMENT = 't-0/00000000000000000000.log'

/** A closed log with these values, a batch each. */
async function closedWith(values: readonly (string | Uint8Array)[], seed = 1): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openImage(image, seed)
  await log.admin.createTopic('t')
  const producer = log.producer()
  for (const value of values) await producer.send({ topic: 't', value })
  await log.close()
  return image
}

/** Longer than what the checkpoint has of the end itself. */
const long = (letters: string) => [...letters].map((letter) => letter.repeat(700))
const five = long('abcde')
const original = await closedWith(five)
const batches = batchesOf(original).get('t-0') ?? []

function bytesOf(image: DirectoryImage): Uint8Array {
  return image.files.get(SEGMENT)?.bytes() ?? new Uint8Array()
}

function withSegment(image: DirectoryImage, bytes: Uint8Array): DirectoryImage {
  const harmed = image.fork()
  const file = new ImageFile()
  file.write(bytes, 0)
  harmed.files.set(SEGMENT, file)
  return harmed
}

const offsetsIn = (image: DirectoryImage) =>
  batchesOf(image)
    .get('t-0')
    ?.map(({ baseOffset }) => baseOffset) ?? []

test('a bit of every byte of the head: that batch alone is lost, and verify names its place', async () => {
  const third = batches[2] as PlainBatch
  for (let bit = 0; bit < 21 * 8; bit += 7) {
    const bytes = bytesOf(original)
    const at = third.position + (bit >> 3)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
    const damaged = withSegment(original, bytes)
    const { copy, report } = await salvaged(damaged)
    assert.equal(offsetsIn(copy), [0, 1, 3, 4], `bit ${bit}`)
    assert.equal(
      report.losses.map(({ offset, nextOffset }) => [offset, nextOffset]),
      [[2, 3]],
      `bit ${bit}`,
    )
    const found = (await verified(damaged)).damage
    assert.equal(
      found.map(({ file, position, offset }) => [file, position, offset]),
      [[SEGMENT, third.position, 2]],
      `bit ${bit}`,
    )
  }
})

test("a whole segment of another log's is nobody's here, cut or not", async () => {
  const foreign = bytesOf(await closedWith(long('ABCDE'), 2))
  assert.is(foreign.length, bytesOf(original).length)
  const { copy, report } = await salvaged(withSegment(original, foreign))
  assert.equal(offsetsIn(copy), [])
  assert.equal(
    report.losses.map(({ offset, nextOffset }) => [offset, nextOffset]),
    [[0, 5]],
  )
})

test('a batch in a record is no batch of the log, whatever is damaged around it', async () => {
  // Of another log, with an offset that could follow.
  const inner = batches[3]?.bytes ?? Buffer.alloc(0)
  const outer = await closedWith([
    'aaaa',
    'bbbb',
    new Uint8Array(Buffer.concat([Buffer.alloc(40), inner, Buffer.alloc(40)])),
    'dddd',
    'eeee',
    'ffff',
  ])
  const whole = batchesOf(outer).get('t-0') ?? []
  const victim = whole[2] as PlainBatch
  const bytes = bytesOf(outer)
  // Its length and its content: only the batches after it tell where they begin.
  bytes.fill(0, victim.position, victim.position + 80)
  const { copy, report } = await salvaged(withSegment(outer, bytes))
  assert.equal(offsetsIn(copy), [0, 1, 3, 4, 5])
  assert.ok(
    batchesOf(copy)
      .get('t-0')
      ?.every(({ bytes: each }) => whole.some((known) => known.bytes.equals(each))),
  )
  assert.equal(
    report.losses.map(({ offset, nextOffset }) => [offset, nextOffset]),
    [[2, 3]],
  )
})

test('one that stands alone between two of unknown length is not proven: nothing that is whole agrees with it', async () => {
  const bytes = bytesOf(original)
  for (const index of [1, 3])
    bytes.fill(0xff, (batches[index]?.position ?? 0) + 5, (batches[index]?.position ?? 0) + 30)
  const { copy, report } = await salvaged(withSegment(original, bytes.subarray(0, (batches[4]?.position ?? 0) + 3)))
  assert.equal(offsetsIn(copy), [0])
  assert.equal(
    report.losses.map(({ offset, nextOffset }) => [offset, nextOffset]),
    [[1, 5]],
  )
})

test('a shorter segment of the same time, all of whose batches are whole, is still nobody’s here', async () => {
  const foreign = bytesOf(await closedWith(long('ABC'), 2))
  const { copy, report } = await salvaged(withSegment(original, foreign))
  assert.equal(offsetsIn(copy), [])
  assert.equal(
    report.losses.map(({ topic, offset }) => [topic, offset]),
    [['t', 0]],
  )
})

test.run()
