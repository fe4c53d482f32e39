/**
 * Damage that no single file's harm shows (test/damage/files.test.ts has those): verify names each with its place, and
 * salvage what it cost.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../damage/directory-image.ts'
import { ImageFile } from '../damage/image-file.ts'
import { openImage } from './fixture.ts'
import { salvaged, verified } from './run.ts'

const image = new DirectoryImage()
const log = await openImage(image)
await log.admin.createTopic('t', { partitions: 2 })
await log.admin.createTopic('u')
for (const topic of ['t', 'u']) await log.producer().send({ topic, partition: 0, value: 'one' })
await log.producer().send({ topic: 't', partition: 1, value: 'x'.repeat(400_000) })
/** Its last batch is too large for a frame, which names it only. */
const killed = image.fork()
await log.close()

function told(found: Awaited<ReturnType<typeof verified>>): unknown[] {
  return found.damage.map(({ file, position, topic, partition, code }) => [file, position, topic, partition, code])
}

test('a partition whose directory is gone', async () => {
  const damaged = image.fork()
  for (const path of damaged.paths.filter((each) => each.startsWith('t-0/'))) damaged.files.delete(path)
  assert.equal(told(await verified(damaged)), [['t-0', 0, 't', 0, 'is missing']])
  const { report } = await salvaged(damaged)
  assert.equal(
    report.losses.map(({ topic, partition, offset, nextOffset }) => [topic, partition, offset, nextOffset]),
    [['t', 0, 0, 1]],
  )
})

test('a directory that names another topic', async () => {
  const damaged = image.fork()
  const other = damaged.files.get('u-0/partition.metadata')
  assert.ok(other)
  damaged.files.set('t-0/partition.metadata', other.fork())
  assert.equal(told(await verified(damaged)), [['t-0/partition.metadata', 0, 't', 0, 'names another topic id']])
  const { report } = await salvaged(damaged)
  assert.equal(report.losses, [], 'the checkpoint knows the partition, so its records are proven')
})

test('a batch of which the journal has no copy', async () => {
  const damaged = killed.fork()
  const path = 't-1/00000000000000000000.log'
  const bytes = damaged.files.get(path)?.bytes() ?? new Uint8Array()
  bytes[200_000] = 1
  const harmed = new ImageFile()
  harmed.write(bytes, 0)
  damaged.files.set(path, harmed)
  assert.equal(told(await verified(killed)), [])
  assert.equal(told(await verified(damaged)), [[path, 0, 't', 1, 'bad-crc']])
  const { report } = await salvaged(damaged)
  assert.equal(
    report.losses.map(({ topic, partition, offset, nextOffset, file }) => [topic, partition, offset, nextOffset, file]),
    [['t', 1, 0, 1, path]],
  )
})

test('a log of its own, asked for by the log', async () => {
  const opened = await openImage(image.fork())
  assert.equal(await opened.verify(), [])
  await opened.close()
})

test.run()
