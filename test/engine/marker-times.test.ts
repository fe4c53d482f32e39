// When a producer's last transaction ended: the admin tells it, and Kafka, which forgets a producer by it, reads it in
// the snapshot.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeProducerSnapshot } from '../../bindings/log/files/producer-snapshot.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { openUsual, START_MS } from '../damage/fixture.ts'
import { StillPort } from '../damage/still-port.ts'
import { newKernel } from '../kernel/support.ts'

const AT = { topic: 'pay', partition: 0 }
const kernel = newKernel()

async function timesOf(log: Awaited<ReturnType<typeof openUsual>>): Promise<readonly number[]> {
  const [found] = await log.admin.describeProducers([AT])
  return (found?.producers ?? []).map(({ lastTimestamp }) => lastTimestamp)
}

test('of a producer whose transaction ended the time of its marker is known, also behind a close and a kill', async () => {
  const image = new DirectoryImage()
  const log = await openUsual(image, new StillPort())
  await log.admin.createTopic('pay')
  const transaction = await log.producer({ transactionalId: 'x' }).beginTransaction()
  await transaction.send({ ...AT, value: 'v', timestamp: START_MS - 60_000 })
  assert.equal(await timesOf(log), [START_MS - 60_000])
  await transaction.commit()
  assert.equal(await timesOf(log), [START_MS])
  const killed = image.fork()
  await log.close()
  for (const each of [image, killed]) {
    const again = await openUsual(each, new StillPort(2))
    assert.equal(await timesOf(again), [START_MS])
    // The partition changes, so its snapshot is written again.
    const { offset } = await again.producer().send({ ...AT, value: 'w', timestamp: START_MS - 50_000 })
    await again.close()
    const path = `pay-0/${String(offset + 1).padStart(20, '0')}.snapshot`
    const bytes = each.files.get(path)?.bytes() ?? new Uint8Array()
    const producers = decodeProducerSnapshot(kernel, bytes, path)
    assert.equal(producers.map(({ batches, markerTimestamp }) => batches.at(-1)?.timestamp ?? markerTimestamp).sort(), [
      START_MS - 50_000,
      START_MS,
    ])
  }
})

test.run()
