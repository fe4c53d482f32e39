// What a program meets after an unclean end, beside the promises that the simulation holds.
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

test('a damaged partition takes nothing, at every later open too; the others go on', async () => {
  const closed = new DirectoryImage()
  const first = await openLog(closed, new StillPort(), {})
  await first.admin.createTopic('t', { partitions: 2 })
  await first.producer().send([0, 1].map((partition) => ({ topic: 't', partition, value: 'x' })))
  await first.close()
  await (await openLog(closed, new StillPort(3), {})).producer().send({ topic: 't', partition: 1, value: 'y' })
  const image = closed.fork()
  image.files.delete('t-0/00000000000000000000.log')
  for (let round = 0; round < 3; round++) {
    const log = await openLog(image, new StillPort(4 + round), {})
    assert.equal(log.recovery.readOnly, [{ topic: 't', partition: 0 }], `open ${round}`)
    const producer = log.producer()
    assert.is((await refusal(producer.send({ topic: 't', partition: 0, value: 'z' }))).code, 'LOG_READ_ONLY')
    await producer.send({ topic: 't', partition: 1, value: 'z' })
    await log.close()
  }
})

test.run()
