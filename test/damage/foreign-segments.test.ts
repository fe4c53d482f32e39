/**
 * Another log's file under a segment's name, as a restore that mixes two backups leaves it: none of its records is read
 * as this log's, however they lie in it; the error names the file. Found by exchanging files of every shape: as many
 * records in fewer or more bytes were delivered up to where the segment had ended, and those of a large one, batch for
 * batch as long, all of them in silence; later those of a large one that begins at the same time.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { salvaged, verified } from '../salvage/run.ts'
import { DirectoryImage } from './directory-image.ts'
import type { ImageFile } from './image-file.ts'
import { StillPort } from './still-port.ts'

const SEGMENT = 't-0/00000000000000000000.log'
const START_MS = 1_700_000_000_000

/** Its time moves with each look at it. */
class MovingPort extends StillPort {
  #now: number

  constructor(startMs: number) {
    super()
    this.#now = startMs
  }

  override now(): number {
    return this.#now++
  }
}

interface Written {
  readonly name: string
  readonly valueBytes: number
  readonly segmentBytes: number
  readonly startMs: number
  /** Of the first record, and what each one adds, where the program gives them. */
  readonly timestamp?: number
  readonly stepMs?: number
  readonly records?: number
}

async function written({ name, valueBytes, segmentBytes, startMs, ...given }: Written): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const { timestamp, stepMs = 0, records = 20 } = given
  const log = await openLog(image, new MovingPort(startMs))
  await log.admin.createTopic('t', { config: { 'segment.bytes': segmentBytes } })
  for (let index = 0; index < records; index++) {
    const value = `${name} ${index}`.padEnd(valueBytes)
    const time = timestamp === undefined ? {} : { timestamp: timestamp + index * stepMs }
    await log.producer().send({ topic: 't', value, ...time })
  }
  await log.close()
  return image
}

async function valuesOf(log: EmbeddedLog, from: number): Promise<{ values: string[]; refusal: LogError | undefined }> {
  const values: string[] = []
  const positions = [{ topic: 't', partition: 0, nextOffset: from }]
  try {
    for await (const { value } of log.read('t', { from: positions, until: 'end' }))
      values.push(Buffer.from(value ?? []).toString())
    return { values, refusal: undefined }
  } catch (error) {
    return { values, refusal: error as LogError }
  }
}

const SMALL = { valueBytes: 200, segmentBytes: 1500 }
const LARGE = { valueBytes: 30_000, segmentBytes: 400_000 }
const CASES: readonly (readonly [what: string, own: typeof SMALL, others: Partial<Written>])[] = [
  ['in fewer bytes', SMALL, { valueBytes: 100, segmentBytes: 4500 }],
  ['in more bytes', SMALL, { valueBytes: 400, segmentBytes: 4500 }],
  ['in fewer bytes, all of one time', SMALL, { valueBytes: 100, segmentBytes: 4500, timestamp: 5 }],
  ['in more bytes, all of one time', SMALL, { valueBytes: 400, segmentBytes: 4500, timestamp: 5 }],
  ['in as many bytes, large', LARGE, {}],
  ['in fewer bytes, large', LARGE, { valueBytes: 15_000 }],
  ['in as many bytes, large, all of one time', LARGE, { timestamp: 5 }],
  ['in fewer bytes, large, all of one time', LARGE, { valueBytes: 15_000, timestamp: 5 }],
]

for (const [what, shape, others] of CASES) {
  test(`${what}: nothing of it is read, and the file is named`, async () => {
    const { timestamp } = others
    const times = timestamp === undefined ? {} : { timestamp }
    const own = await written({ name: 'own', startMs: START_MS, ...shape, ...times })
    const other = await written({ name: 'other', startMs: START_MS + 1e6, ...shape, ...others })
    const image = own.fork()
    image.files.set(SEGMENT, other.files.get(SEGMENT)?.fork() as ImageFile)
    const damage = (await verified(image.fork())).damage.map(({ file, code }) => `${file} ${code}`)
    assert.ok(damage.includes(`${SEGMENT} batch headers differ from the checkpoint`), damage.join())
    const { copy } = await salvaged(image.fork())
    const log = await openLog(image, new StillPort(3))
    for (const from of [0, 3]) {
      const { values, refusal } = await valuesOf(log, from)
      assert.equal(values, [])
      assert.ok(LogError.is(refusal, 'CORRUPT_MESSAGE'), String(refusal))
      assert.equal([refusal.details['file'], refusal.details['fault']], [SEGMENT, 'headers-differ'])
    }
    await log.close()
    const kept = await openLog(copy, new StillPort(4))
    const { values } = await valuesOf(kept, 0)
    assert.equal(
      values.filter((value) => !value.startsWith('own')),
      [],
    )
    await kept.close()
  })
}

/** What a log and a copy of it wrote apart from each other, after one batch of both: by its start, neither is told. */
async function parted(image: DirectoryImage, valueBytes: number, segmentBytes: number): Promise<DirectoryImage> {
  const copy = image.fork()
  const log = await openLog(copy, new StillPort(2))
  await log.admin.alterConfig('t', { 'segment.bytes': segmentBytes })
  for (let index = 1; index < 20; index++) await log.producer().send({ topic: 't', value: ''.padEnd(valueBytes, 'v') })
  await log.close()
  return copy
}

for (const [what, { valueBytes, segmentBytes }, othersBytes, isTold] of [
  ['runs beyond where the segment ended', SMALL, 400, 'headers-differ'],
  // Only the first header of a large one is compared. A batch of the other is as long as two of its own.
  ['ends where the segment did, with fewer offsets', LARGE, 60_072, 'out-of-order'],
] as const) {
  test(`the file of a copy that went its own way ${what}: it is named, and no offset is passed over`, async () => {
    const both = await written({ name: 'both', valueBytes, segmentBytes, startMs: START_MS, records: 1 })
    const own = await parted(both, valueBytes, segmentBytes)
    const other = await parted(both, othersBytes, 10 * segmentBytes)
    own.files.set(SEGMENT, other.files.get(SEGMENT)?.fork() as ImageFile)
    const log = await openLog(own, new StillPort(3))
    const { values, refusal } = await valuesOf(log, 0)
    assert.ok(LogError.is(refusal, 'CORRUPT_MESSAGE'), `${values.length} records, and no refusal`)
    assert.equal([refusal.details['file'], refusal.details['fault']], [SEGMENT, isTold])
    await log.close()
  })
}

// Every second of its own batches begins where one of the other's does: the last entry of the index led into the middle
// of the other's.
test('the index of a large segment leads into batches of another: a close is no misuse, and a read tells', async () => {
  const shape = { segmentBytes: 1e6, startMs: START_MS, timestamp: 1000 }
  const own = await written({ name: 'own', valueBytes: 1930, records: 200, stepMs: 1, ...shape })
  const other = await written({ name: 'other', valueBytes: 3930, records: 300, stepMs: 5, ...shape })
  const image = own.fork()
  image.files.set(SEGMENT, other.files.get(SEGMENT)?.fork() as ImageFile)
  const log = await openLog(image, new StillPort(3))
  const { refusal } = await valuesOf(log, 0)
  assert.ok(LogError.is(refusal, 'CORRUPT_MESSAGE'), String(refusal))
  assert.is(refusal.details['file'], SEGMENT)
  await log.close()
})

// Found by the swarm: the look asked for the memory of a batch of 64 MiB, again and again, and each read was told
// MEMORY_CAP_REACHED, which says that it may be asked again.
test('a damaged length of more than there is memory is damage', async () => {
  const image = await written({ name: 'own', startMs: START_MS, ...SMALL, segmentBytes: 4500 })
  const file = image.files.get(SEGMENT) as ImageFile
  const secondBatch = 12 + new DataView(bytesOf(file, 0, 12).buffer).getInt32(8)
  const length = bytesOf(file, secondBatch + 8, 1)
  file.write(Uint8Array.of((length[0] as number) | 4), secondBatch + 8)
  const log = await openLog(image, new StillPort(3), { memoryBytes: 16 << 20 })
  const { values, refusal } = await valuesOf(log, 0)
  assert.is(values.length, 1, 'the batch before it')
  assert.ok(LogError.is(refusal, 'CORRUPT_MESSAGE'), String(refusal))
  assert.equal([refusal.details['file'], refusal.details['position']], [SEGMENT, secondBatch])
  await log.close()
})

function bytesOf(file: ImageFile, position: number, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count)
  assert.is(file.read(bytes, position), count)
  return bytes
}

test.run()
