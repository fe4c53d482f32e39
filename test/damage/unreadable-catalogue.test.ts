// A batch of the catalogue can't be read: which topics there are isn't known, so an open is refused and changes nothing
// of theirs.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { LogError } from '../../bindings/entry/node.ts'
import { DirectoryImage } from './directory-image.ts'
import type { ImageFile } from './image-file.ts'

const CATALOGUE = '__oncelog_catalogue-0/00000000000000000000.log'
const SEGMENT = 't-0/00000000000000000000.log'
/** Not in the last sector, which the checkpoint has too. */
const FLIPPED_AT = 300

/** A log that lost its power after a checkpoint: the record is in its frame alone. */
async function lostPower(): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const before = await openLog(image, nodePort)
  for (const name of ['other', 'another', 'one-more', 'the-last-one', 't']) await before.admin.createTopic(name)
  await before.close()
  const log = await openLog(image, nodePort)
  await log.producer().send({ topic: 't', value: 'kept' })
  const left = image.fork()
  await log.close()
  fileOf(left, SEGMENT).truncate(0)
  return left
}

function fileOf(image: DirectoryImage, path: string): ImageFile {
  const file = image.files.get(path)
  assert.ok(file, path)
  return file as ImageFile
}

function flip(image: DirectoryImage): void {
  const file = fileOf(image, CATALOGUE)
  file.write(Uint8Array.of((file.bytes()[FLIPPED_AT] ?? 0) ^ 1), FLIPPED_AT)
}

async function values(image: DirectoryImage): Promise<string[]> {
  const log = await openLog(image, nodePort)
  assert.equal(log.recovery.damage, [])
  const found: string[] = []
  for await (const { value } of log.read('t', { until: 'end' })) found.push(Buffer.from(value ?? []).toString())
  await log.close()
  return found
}

test('the records of its topics are there as soon as it can be read again', async () => {
  const image = await lostPower()
  assert.equal(await values(image.fork()), ['kept'])
  flip(image)
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await openLog(image, nodePort)
      assert.unreachable('it opened')
    } catch (error) {
      assert.ok(LogError.is(error, 'CORRUPT_MESSAGE'), String(error))
      assert.is((error as LogError).details['file'], CATALOGUE)
    }
  }
  assert.ok(image.paths.includes(SEGMENT), 'the directory has its name')
  flip(image)
  assert.equal(await values(image), ['kept'])
})

test.run()
