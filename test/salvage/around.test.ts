/**
 * A log opens around a damaged partition: the others take records, the damaged one is read up to the damage and beyond
 * it, and what is refused says where the damage is and what to do. Every way in which a partition's batches can be
 * harmed.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { ImageFile } from '../damage/image-file.ts'
import { batchesOf, type PlainBatch } from './batches.ts'
import { openImage } from './fixture.ts'
import { salvaged, salvagedInto, verified } from './run.ts'

const original = new DirectoryImage()
const log = await openImage(original)
await log.admin.createTopic('t', { partitions: 2, config: { 'segment.bytes': 1500, 'index.interval.bytes': 200 } })
const producer = log.producer()
for (let index = 0; index < 20; index++)
  await producer.send({ topic: 't', partition: index % 2, value: `${index}`.padEnd(300) })
/** As a kill leaves it; the checkpoint knows nothing of the records. */
const killed = original.fork()
await log.close()

const batches = batchesOf(original).get('t-0') ?? []
/** In the middle of a segment that is followed by others. */
const victim = batches[5] as PlainBatch
const file = victim.file

function put(image: DirectoryImage, path: string, bytes: Uint8Array): void {
  const harmed = new ImageFile()
  harmed.write(bytes, 0)
  image.files.set(path, harmed)
}

const HARMS: Readonly<Record<string, (image: DirectoryImage) => void>> = {
  'a bit of a record': (image) => flip(image, victim.position + 80),
  'a bit of a base offset': (image) => flip(image, victim.position + 7),
  'a bit of a length': (image) => flip(image, victim.position + 11),
  'a bit of a leader epoch': (image) => flip(image, victim.position + 15),
  'cut in a batch': (image) => put(image, file, bytesOf(image).subarray(0, victim.position + 100)),
  emptied: (image) => put(image, file, new Uint8Array(0)),
  missing: (image) => image.files.delete(file),
  'zeros over a batch': (image) => put(image, file, bytesOf(image).fill(0, victim.position, victim.end)),
  "another partition's": (image) =>
    put(image, file, image.files.get(file.replace('t-0', 't-1'))?.bytes() ?? new Uint8Array(5)),
}

function bytesOf(image: DirectoryImage): Uint8Array {
  return image.files.get(file)?.bytes() ?? new Uint8Array()
}

function flip(image: DirectoryImage, at: number): void {
  const bytes = bytesOf(image)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  put(image, file, bytes)
}

/** Offsets that are read from 0 on; past an error the reader goes on after the segment that it names. */
async function readAround(opened: EmbeddedLog): Promise<{ readonly offsets: number[]; readonly errors: LogError[] }> {
  const offsets: number[] = []
  const errors: LogError[] = []
  const [end] = await opened.admin.offsets([{ topic: 't', partition: 0 }])
  const endOffset = end?.highWatermark ?? 0
  for (let from = 0; from < endOffset; ) {
    const others = [{ topic: 't', partition: 1, nextOffset: Number.MAX_SAFE_INTEGER - 1 }]
    try {
      const until = [{ topic: 't', partition: 0, nextOffset: endOffset }]
      for await (const { offset } of opened.read('t', {
        from: [{ topic: 't', partition: 0, nextOffset: from }, ...others],
        until,
      })) {
        offsets.push(offset)
        from = offset + 1
      }
      break
    } catch (error) {
      if (!LogError.is(error)) throw error
      errors.push(error)
      from++
    }
  }
  return { offsets, errors }
}

for (const [state, image] of Object.entries({ closed: original, killed })) {
  for (const [name, harm] of Object.entries(HARMS)) {
    test(`${state}: ${name}`, async () => {
      const damaged = image.fork()
      harm(damaged)
      const opened = await openImage(damaged.fork())
      const sent = await opened.producer().send({ topic: 't', partition: 1, value: 'new' })
      assert.is(sent.offset, 10, 'the other partition goes on')
      const { offsets, errors } = await readAround(opened)
      assert.ok(
        batches.filter(({ file: each }) => each < file).every(({ baseOffset }) => offsets.includes(baseOffset)),
        `up to it: ${offsets}`,
      )
      const isHealed = offsets.length === batches.length && errors.length === 0
      if (!isHealed && opened.recovery.readOnly.length === 0)
        assert.ok(
          batches.filter(({ file: each }) => each > file).every(({ baseOffset }) => offsets.includes(baseOffset)),
          `beyond it: ${offsets}`,
        )
      for (const { details, hint, message } of errors) {
        assert.equal([details['topic'], details['partition']], ['t', 0], message)
        assert.type(details['offset'], 'number', message)
        assert.type(details['file'], 'string', message)
        assert.type(details['position'], 'number', message)
        assert.match(hint, /oncelog salvage/)
      }
      const refused = await opened
        .producer()
        .send({ topic: 't', partition: 0, value: 'new' })
        .catch((error: unknown) => error)
      if (LogError.is(refused)) {
        assert.is(refused.code, 'LOG_READ_ONLY')
        assert.match(refused.hint, /oncelog salvage/)
        const { topic, partition, file: place, position, offset } = refused.details
        assert.equal(
          [topic, partition, typeof place, typeof position, typeof offset],
          ['t', 0, 'string', 'number', 'number'],
        )
      }
      await opened.close()
      if (isHealed) return
      const found = (await verified(damaged)).damage
      assert.ok(
        found.some((each) => each.topic === 't' && each.partition === 0),
        JSON.stringify(found),
      )
      const { copy, report } = await salvaged(damaged)
      assert.ok(
        report.losses.some(({ topic, partition, offset }) => topic === 't' && partition === 0 && offset !== undefined),
      )
      const again = await openImage(copy)
      assert.equal(again.recovery.readOnly, [])
      assert.is((await again.producer().send({ topic: 't', partition: 0, value: 'new' })).offset, 10)
      await again.close()
    })
  }
}

test('what the process lacks is no damage, and ends a salvage; a partition that it may not read was told as missing', async () => {
  for (const call of ['open', 'list', 'read'] as const) {
    for (const errno of ['EACCES', 'EMFILE']) {
      const target = new DirectoryImage()
      const error = await salvagedInto(refusing(call, errno), target).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      assert.ok(LogError.is(error, 'KAFKA_STORAGE_ERROR'), `${call} ${errno}: ${error}`)
      assert.is(error.details['errno'], errno)
    }
    // What the device refuses is damage, and the rest is copied.
    const { partitions } = await salvagedInto(refusing(call, 'EIO'), new DirectoryImage())
    assert.ok(partitions > 1, call)
  }
})

/** The closed log, in whose first partition a call is refused. */
function refusing(call: 'open' | 'list' | 'read', errno: string): DirectoryImage {
  const image = original.fork()
  const refuse = () => {
    throw new LogError('KAFKA_STORAGE_ERROR', errno, { file, errno })
  }
  const { open, list } = image
  image.open = (path, how) => {
    if (call === 'open' && path === file) refuse()
    const opened = open.call(image, path, how)
    return call === 'read' && path === file && opened !== undefined
      ? {
          path,
          read: refuse,
          write: refuse,
          truncate: refuse,
          flush: refuse,
          size: () => opened.size(),
          close: () => opened.close(),
        }
      : opened
  }
  image.list = (directory) => (call === 'list' && directory === 't-0' ? refuse() : list.call(image, directory))
  return image
}

/** A disk that gives a batch once, and zeros from then on. */
class Failing extends DirectoryImage {
  #reads = 0

  override open(path: string, options: { readonly create: boolean }): ReturnType<DirectoryImage['open']> {
    const found = super.open(path, options)
    if (path !== file || found === undefined) return found
    const read = (into: Uint8Array, position: number) => {
      const count = found.read(into, position)
      if (position === victim.position && this.#reads++ > 1) into.fill(0, 0, victim.end - victim.position)
      return count
    }
    return Object.assign(Object.create(found) as typeof found, { read, size: () => found.size(), close: () => {} })
  }
}

test('what could be read for the survey and not for the copy ends a salvage: it was left out, and nothing told it', async () => {
  const image = original.fork()
  const target = new DirectoryImage()
  const refused = await salvagedInto(new Failing(image.files), target).catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'KAFKA_STORAGE_ERROR'), JSON.stringify(refused))
  assert.equal([refused.details['file'], refused.details['position']], [file, victim.position])
  const opened = await openImage(target).catch((error: unknown) => error)
  assert.ok(LogError.is(opened, 'COPY_UNFINISHED'))
})

test('batches that frames have of a missing segment share segments in the copy', async () => {
  const image = killed.fork()
  for (const path of image.paths) if (path.startsWith('t-0/') && path.endsWith('.log')) image.files.delete(path)
  const { copy, report } = await salvaged(image)
  assert.equal(report.losses, [])
  const segmentsOf = (each: DirectoryImage) => each.paths.filter((path) => /^t-0\/.*\.log$/.test(path)).length
  // The last one is empty.
  assert.is(segmentsOf(copy), segmentsOf(original) + 1)
  assert.equal((await verified(copy)).damage, [])
})

test.run()
