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
  const error = await log
    .producer()
    .send({ topic: 't', value: 'x'.repeat(200) })
    .then(
      () => undefined,
      (each: unknown) => each,
    )
  assert.ok(LogError.is(error, 'MESSAGE_TOO_LARGE'), String(error))
  for (let round = 0; round < 4; round++) await log.producer().send({ topic: 't', value: 'x'.repeat(100) })
  assert.ok(image.paths.filter((path) => path.startsWith('t-0/') && path.endsWith('.log')).length > 2)
})

test.run()
