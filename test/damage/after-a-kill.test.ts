// What a program finds after an unclean end, besides the promises that the simulation checks.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { DirectoryImage } from './directory-image.ts'
import { StillPort } from './still-port.ts'

async function killedAfter(
  work: (log: Awaited<ReturnType<typeof openLog>>) => Promise<unknown>,
): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  await work(await openLog(image, new StillPort(), {}))
  return image.fork()
}

async function refusal(call: Promise<unknown>): Promise<LogError> {
  try {
    await call
  } catch (error) {
    if (LogError.is(error)) return error
    throw error
  }
  throw new Error('it was not refused')
}

test('reading to the end ends, though the last offsets below the ceiling were never used', async () => {
  const image = await killedAfter(async (log) => {
    await log.admin.createTopic('t')
    await log.producer({ acks: 1 }).send({ topic: 't', value: 'only one' })
  })
  const log = await openLog(image, new StillPort(2), {})
  const [offsets] = await log.admin.offsets([{ topic: 't', partition: 0 }])
  assert.ok((offsets?.highWatermark ?? 0) > 1, 'there is a gap at the end')
  const read: number[] = []
  for await (const record of log.read('t', { until: 'end' })) read.push(record.offset)
  assert.equal(read, [0])
})

test('a topic keeps its config', async () => {
  const image = await killedAfter(async (log) => {
    await log.admin.createTopic('t', { config: { 'max.message.bytes': 200, 'segment.bytes': 300 } })
    await log.producer().send({ topic: 't', value: 'x' })
  })
  const log = await openLog(image, new StillPort(2), {})
  const error = await refusal(log.producer().send({ topic: 't', value: 'x'.repeat(200) }))
  assert.is(error.code, 'MESSAGE_TOO_LARGE')
  for (let round = 0; round < 4; round++) await log.producer().send({ topic: 't', value: 'x'.repeat(100) })
  assert.ok(image.paths.filter((path) => path.startsWith('t-0/') && path.endsWith('.log')).length > 2)
})

/**
 * Where a batch says under which leader epoch it was written, which its checksum leaves out. Source: Kafka's
 * RecordBatch.
 */
const LEADER_EPOCH_BYTES = [12, 13, 14, 15]

test('no batch that only its segment tells of is believed under another leader epoch: a device may have flipped it', async () => {
  const image = await killedAfter(async (log) => {
    await log.admin.createTopic('t')
    for (const value of ['first', 'second']) await log.producer({ acks: 1 }).send({ topic: 't', value })
  })
  const path = 't-0/00000000000000000000.log'
  const bytes = image.files.get(path)?.bytes() ?? new Uint8Array()
  const second = 12 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(8)
  assert.ok(second < bytes.length, 'there are two batches')
  for (const at of LEADER_EPOCH_BYTES) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = image.fork()
      const byte = (bytes[second + at] ?? 0) ^ (1 << bit)
      flipped.files.get(path)?.write(Uint8Array.of(byte), second + at)
      const log = await openLog(flipped, new StillPort(2), {})
      const read: number[] = []
      for await (const record of log.read('t', { until: 'end' })) read.push(record.offset)
      assert.equal(read, [0], `byte ${at}, bit ${bit}`)
      assert.ok(log.recovery.setAsideBytes > 0, 'it is kept aside')
    }
  }
})

test('a damaged partition takes nothing, at every later open too; the others go on', async () => {
  const closed = new DirectoryImage()
  const whole = await openLog(closed, new StillPort(), {})
  await whole.admin.createTopic('t', { partitions: 2 })
  await whole.producer().send([0, 1].map((partition) => ({ topic: 't', partition, value: 'x' })))
  await whole.close()
  await (await openLog(closed, new StillPort(3), {})).producer().send({ topic: 't', partition: 1, value: 'y' })
  const image = closed.fork()
  image.files.delete('t-0/00000000000000000000.log')
  const file = 't-0/00000000000000000000.log'
  const damage = { file, position: 0, topic: 't', partition: 0, offset: 0, code: 'is missing' }
  for (let round = 0; round < 4; round++) {
    const log = await openLog(image, new StillPort(4 + round), {})
    assert.equal(log.recovery.readOnly, [{ topic: 't', partition: 0, damage }], `open ${round}`)
    const producer = log.producer()
    const { code, details } = await refusal(producer.send({ topic: 't', partition: 0, value: 'z' }))
    const { topic, partition, file: at, position, offset } = details as typeof damage
    assert.equal([code, topic, partition, at, position, offset], ['LOG_READ_ONLY', 't', 0, file, 0, 0], `open ${round}`)
    await producer.send({ topic: 't', partition: 1, value: 'z' })
    // Closed or killed: the next one knows it all the same.
    if (round % 2 === 0) await log.close()
  }
})

test.run()
