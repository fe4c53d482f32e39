// What an open finds after a kill or a power failure, by the rules of docs/durability.md.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, openLog } from '../../../bindings/entry/embedded/embedded-log.ts'
import { JOURNAL_DIRECTORY } from '../../../bindings/log/journal/layout.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { DirectoryImage } from '../../damage/directory-image.ts'
import { StillPort } from '../../damage/still-port.ts'
import { batchesOf } from '../../salvage/batches.ts'
import { erase, framesOf, type PlainFrame } from '../../salvage/frames.ts'

const SEGMENT = 't-0/00000000000000000000.log'
const STALE = 't-0/00000000000000000000.txnindex'
/** More than a frame takes: the segment is synced, and the frame names the place alone. */
const LARGE = 'x'.repeat(400_000)

let opens = 0
function open(image: DirectoryImage): Promise<EmbeddedLog> {
  return openLog(image, new StillPort(++opens), {})
}

/** The directory of a log whose process was killed after `write`. */
async function killed(write: (log: EmbeddedLog, image: DirectoryImage) => Promise<unknown>): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await open(image)
  await log.admin.createTopic('t')
  await write(log, image)
  return image.fork()
}

async function send(log: EmbeddedLog, ...values: readonly string[]): Promise<void> {
  for (const value of values) await log.producer().send({ topic: 't', value })
}

async function valuesOf(log: EmbeddedLog): Promise<readonly string[]> {
  const values: string[] = []
  for await (const { value } of log.read('t', { until: 'end' }))
    values.push(new TextDecoder().decode(value ?? undefined))
  return values
}

function segment(image: DirectoryImage) {
  const file = image.open(SEGMENT, { create: true })
  assert.ok(file !== undefined)
  return file
}

async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'none'
  } catch (error) {
    return LogError.is(error) ? error.code : String(error)
  }
}

test('a log that was closed is not recovered', async () => {
  const image = new DirectoryImage()
  const log = await open(image)
  await log.close()
  const { clean, replayedFrames } = (await open(image)).recovery
  assert.equal({ clean, replayedFrames }, { clean: true, replayedFrames: 0 })
})

test('acknowledged records that their segment lost come back from the frames', async () => {
  const image = await killed((log) => send(log, 'a', 'b'))
  segment(image).truncate(0)
  const log = await open(image)
  assert.equal(await valuesOf(log), ['a', 'b'])
  assert.is(log.recovery.clean, false)
  assert.equal(log.recovery.damage, [])
})

test('a whole batch that no frame names is kept if it goes on where the one before ended', async () => {
  const image = await killed(async (log) => {
    await send(log, 'a')
    await log.producer({ acks: 1 }).send({ topic: 't', value: 'b' })
  })
  assert.equal(await valuesOf(await open(image)), ['a', 'b'])
})

test('a whole batch past the end that doesn’t begin at the next offset is set aside', async () => {
  const image = await killed((log) => send(log, 'a'))
  const file = segment(image)
  const end = file.size()
  const batch = new Uint8Array(end)
  file.read(batch, 0)
  // No CRC covers the offset.
  new DataView(batch.buffer).setBigInt64(0, 7n)
  file.write(batch, end)
  const log = await open(image)
  assert.is(log.recovery.setAsideFiles.length, 1)
  assert.is(file.size(), end)
  assert.equal(await valuesOf(log), ['a'])
})

test('what a torn write left past the end is cut, and set aside', async () => {
  const image = await killed((log) => send(log, 'a'))
  const torn = new Uint8Array(50).fill(7)
  const end = segment(image).size()
  segment(image).write(torn, end)
  const log = await open(image)
  const { damage, setAsideBytes, setAsideFiles } = log.recovery
  assert.equal({ damage, setAsideBytes }, { damage: [], setAsideBytes: torn.length })
  assert.equal(
    image.files
      .get(setAsideFiles[0] ?? '')
      ?.bytes()
      .slice(-torn.length),
    torn,
  )
  assert.is(segment(image).size(), end)
  assert.equal(await valuesOf(log), ['a'])
})

test('damage in data that a frame covers: nothing is cut, and the partition takes no records', async () => {
  const image = await killed((log) => send(log, LARGE))
  const sizeBytes = segment(image).size()
  segment(image).write(new Uint8Array([1]), sizeBytes >> 1)
  const log = await open(image)
  assert.equal(
    log.recovery.damage.map(({ file, topic, partition }) => [file, topic, partition]),
    [[SEGMENT, 't', 0]],
  )
  assert.is(segment(image).size(), sizeBytes)
  assert.is(await refusal(send(log, 'b')), 'LOG_READ_ONLY')
})

test('what frames brought back before such damage stays there to be read, at later opens too', async () => {
  // A checkpoint notes the partition up to the first one.
  const noted = await killed(async (log) => {
    await send(log, 'noted')
    await log.close()
  })
  await send(await open(noted), 'from a frame', LARGE)
  const image = noted.fork()
  segment(image).write(new Uint8Array([1]), segment(image).size() >> 1)
  const second = async (log: EmbeddedLog) => {
    const record = await log.get('t', { partition: 0, offset: 1 })
    return new TextDecoder().decode(record?.value ?? undefined)
  }
  const log = await open(image)
  assert.is(log.recovery.damage.length, 1)
  assert.is(await second(log), 'from a frame')
  for (const left of [image.fork(), image]) {
    if (left === image) await log.close()
    assert.is(await second(await open(left)), 'from a frame')
  }
})

test('an acknowledged frame that is missing makes the whole log read-only', async () => {
  const image = await killed((log) => send(log, 'a', 'b', 'c'))
  erase(image, framesOf(image).at(-2) as PlainFrame)
  const log = await open(image)
  assert.is(log.recovery.damage.length, 1)
  assert.is(await refusal(log.admin.createTopic('other')), 'LOG_READ_ONLY')
})

test('a frame that was written again stands for the last one, not for one before that is missing too', async () => {
  const image = await killed(async (log) => {
    await log.admin.createTopic('u')
    await send(log, 'a')
    await log.producer().send({ topic: 'u', value: 'b' })
    await send(log, 'c')
  })
  let again: DirectoryImage | undefined
  image.syncDirectory = (directory?: string) => {
    if (directory === JOURNAL_DIRECTORY) again ??= image.fork()
  }
  await open(image)
  assert.ok(again)
  const [before, last] = framesOf(again).slice(-2) as [PlainFrame, PlainFrame]
  erase(again, last)
  const whole = await open(again.fork())
  assert.equal(whole.recovery.damage, [])
  assert.equal(await valuesOf(whole), ['a', 'c'])
  erase(again, before)
  const log = await open(again)
  assert.is(log.recovery.damage.length, 1)
  assert.is(await refusal(log.admin.createTopic('other')), 'LOG_READ_ONLY')
})

test('a last frame that is not whole is set aside, and the log goes on', async () => {
  const image = await killed((log) => send(log, 'a', 'b'))
  const last = framesOf(image).at(-1) as PlainFrame
  const torn = image.open(last.file, { create: true })
  torn?.write(new Uint8Array([1]), last.position + 70)
  const log = await open(image)
  const { damage, setAsideFiles } = log.recovery
  assert.equal(damage, [])
  assert.equal(
    setAsideFiles.map((path) => path.endsWith(`${last.file.replace('/', '.')}.${last.position}`)),
    [true],
  )
  await send(log, 'c')
  assert.is((await valuesOf(log)).at(-1), 'c')
})

test('a committed offset that stands in its segment without a frame proves that a frame was lost', async () => {
  const image = await killed(async (log, present) => {
    await send(log, 'a')
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const sizeBytes = () => present.files.get('__consumer_offsets-0/00000000000000000000.log')?.sizeBytes ?? 0
    await consumer.commit([{ topic: 't', partition: 0, nextOffset: 1 }], { allowSkip: true })
    while (sizeBytes() === 0) await new Promise((resolve) => setImmediate(resolve))
    await consumer.close()
  })
  erase(image, framesOf(image).at(-1) as PlainFrame)
  const log = await open(image)
  assert.ok(log.recovery.damage.some(({ topic, code }) => topic === '__consumer_offsets' && code === 'CORRUPT_LOG'))
})

test('a marker that stands in its segment without a frame proves that one was lost: the partition takes no records', async () => {
  const image = await killed(async (log, present) => {
    const transaction = await log.producer({ transactionalId: 'x' }).beginTransaction()
    await transaction.send({ topic: 't', value: 'a' })
    const sizeBytes = segment(present).size()
    await transaction.commit()
    while (segment(present).size() === sizeBytes) await new Promise((resolve) => setImmediate(resolve))
  })
  erase(image, framesOf(image).at(-1) as PlainFrame)
  const log = await open(image)
  assert.equal(
    log.recovery.damage.map(({ topic, offset, code }) => [topic, offset, code]).filter(([topic]) => topic === 't'),
    [['t', 1, 'CORRUPT_LOG']],
  )
  assert.is(await refusal(send(log, 'b')), 'LOG_READ_ONLY')
})

/** What the checkpoint alone knows of: a log that was closed, opened again and killed. */
async function killedAfterClose(): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await open(image)
  await log.admin.createTopic('t')
  await send(log, 'a')
  await log.close()
  await open(image)
  return image.fork()
}

test('aborted transactions beside a segment that has none go, whether or not records came since the checkpoint', async () => {
  const untouched = await killedAfterClose()
  for (const image of [untouched, await killed((log) => send(log, 'a'))]) {
    image.files.set(STALE, image.files.get(SEGMENT)?.fork() as never)
    const log = await open(image)
    assert.not(image.files.has(STALE))
    assert.equal(log.recovery.damage, [])
    assert.equal(await valuesOf(log), ['a'])
  }
})

test('a partition that no frame names is known by the checkpoint, whatever its directory says', async () => {
  const image = await killedAfterClose()
  const metadata = image.open('t-0/partition.metadata', { create: false })
  metadata?.write(new TextEncoder().encode('version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\n'), 0)
  const log = await open(image)
  assert.equal(
    log.recovery.damage.map(({ file, code }) => [file, code]),
    [['t-0/partition.metadata', 'names another topic id']],
  )
  assert.equal(await valuesOf(log), ['a'])
})

test('checkpoint places that interrupted recoveries used are removed', async () => {
  const image = await killed((log) => send(log, 'a'))
  const placesOf = () => image.paths.filter((path) => path.startsWith('checkpoint/'))
  const newest = image.files.get(placesOf().at(-1) ?? '')
  for (const place of [3, 4]) image.files.set(`checkpoint/${place}`, newest?.fork() as never)
  const log = await open(image)
  assert.ok(placesOf().length > 0 && placesOf().every((path) => ['0', '1', '2'].includes(path.slice(-1))))
  assert.equal(await valuesOf(log), ['a'])
})

test('a partition whose records were all deleted goes on in its last segment, and nothing of that is set aside', async () => {
  const image = new DirectoryImage()
  const before = await open(image)
  await before.admin.createTopic('t')
  await send(before, 'a', 'b')
  await before.close()
  const log = await open(image)
  await log.admin.deleteRecords([{ topic: 't', partition: 0, beforeOffset: 2 }])
  const again = await open(image.fork())
  const { damage, setAsideBytes } = again.recovery
  assert.equal({ damage, setAsideBytes }, { damage: [], setAsideBytes: 0 })
  await send(again, 'c')
  assert.equal(await valuesOf(again), ['c'])
  await again.close()
  await log.close()
})

test('offsets that a reader may have seen are never given to another record', async () => {
  const image = await killed(async (log) => {
    await log.producer({ acks: 1 }).send({ topic: 't', value: 'seen' })
    assert.equal(await valuesOf(log), ['seen'])
  })
  segment(image).truncate(0)
  const log = await open(image)
  const { offset } = await log.producer().send({ topic: 't', value: 'next' })
  assert.ok(Number(offset) > 0, `offset ${offset}`)
})

test('each recovery raises the leader epoch of the batches that follow', async () => {
  const image = await killed((log) => send(log, 'a'))
  await send(await open(image), 'b')
  const epochs = (batchesOf(image).get('t-0') ?? []).map(({ bytes }) => bytes.readInt32BE(12))
  assert.is(epochs.length, 2)
  assert.ok((epochs[1] ?? 0) > (epochs[0] ?? 0), `${epochs}`)
})

test('the directory of a deleted topic goes, one of an unknown topic is kept under another name', async () => {
  let before = new DirectoryImage()
  const image = await killed(async (log, present) => {
    await send(log, 'a')
    before = present.fork()
    await log.admin.deleteTopic('t')
  })
  const foreign = (await killed((log) => send(log, 'z'))).files
  for (const path of before.paths.filter((each) => each.startsWith('t-0/'))) {
    image.files.set(path, before.files.get(path)?.fork() as never)
    image.files.set(path.replace('t-0', 'u-0'), foreign.get(path)?.fork() as never)
  }
  const log = await open(image)
  assert.equal(
    [...new Set(image.paths.map((path) => path.split('/')[0]))].filter((name) => /^[tu]-/.test(name ?? '')),
    ['u-0-stray'],
  )
  assert.equal(
    log.recovery.damage.map(({ file, code }) => [file, code]),
    [['u-0', 'stray directory']],
  )
})

/** Of a log with a marker that began a segment, before segments became larger; `acks` of a record after it. */
async function killedAfterMarker(acks: 1 | 'all'): Promise<DirectoryImage> {
  const image = await killed(async (log) => {
    await log.admin.alterConfig('t', { 'segment.bytes': 250 })
    const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
    await transaction.send({ topic: 't', value: 'x'.repeat(120) })
    await transaction.commit()
    await log.admin.alterConfig('t', { 'segment.bytes': 1_000_000 })
    await log.producer({ acks }).send({ topic: 't', value: 'seen' })
  })
  const segments = image.list('t-0').filter((name) => name.endsWith('.log'))
  assert.equal(segments, ['00000000000000000000.log', '00000000000000000001.log'])
  return image
}

// No frame says where a marker stands, and by the config of now it would go to the segment before.
test('a marker that began a segment begins it again: with it come the acks 1 that are there after it', async () => {
  const log = await open(await killedAfterMarker(1))
  assert.equal(log.recovery.damage, [])
  assert.equal((await valuesOf(log)).slice(1), ['seen'])
})

test('a marker that began a segment begins it again where only frames know it, by the place of what came after', async () => {
  const image = await killedAfterMarker('all')
  for (const path of image.paths.filter((each) => each.startsWith('t-0/00000000000000000001.')))
    image.files.delete(path)
  const log = await open(image)
  assert.equal(log.recovery.damage, [])
  assert.equal((await valuesOf(log)).slice(1), ['seen'])
})

test.run()
