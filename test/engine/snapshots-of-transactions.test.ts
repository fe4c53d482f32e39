// What Kafka reads of transactions in producer snapshots: when the last one ended, by which it forgets a producer and
// which the admin tells too, and which ones were open.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeProducerSnapshot } from '../../bindings/log/files/producer-snapshot.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { openUsual, START_MS } from '../damage/fixture.ts'
import { StillPort } from '../damage/still-port.ts'
import { newKernel } from '../kernel/support.ts'

const AT = { topic: 'pay', partition: 0 }
const kernel = newKernel()

function snapshotAt(image: DirectoryImage, offset: number) {
  const path = `pay-0/${String(offset).padStart(20, '0')}.snapshot`
  return decodeProducerSnapshot(kernel, image.files.get(path)?.bytes() ?? new Uint8Array(), path)
}

/** Of each producer where its open transaction began, -1 without one. */
function openAt(image: DirectoryImage, offset: number): readonly number[] {
  const began = snapshotAt(image, offset).map(({ currentTransactionFirstOffset }) => currentTransactionFirstOffset)
  return began.sort()
}

async function timesOf(log: Awaited<ReturnType<typeof openUsual>>): Promise<readonly number[]> {
  const [found] = await log.admin.describeProducers([AT])
  return (found?.producers ?? []).map(({ lastTimestamp }) => lastTimestamp)
}

test('the time of a producer’s last marker is known, also after a close and a kill', async () => {
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
    assert.equal(
      snapshotAt(each, offset + 1)
        .map(({ batches, markerTimestamp }) => batches.at(-1)?.timestamp ?? markerTimestamp)
        .sort(),
      [START_MS - 50_000, START_MS],
    )
  }
})

test('a snapshot of a segment that a recovery begins says which transactions were open there, as one of a running log', async () => {
  const image = new DirectoryImage()
  const log = await openUsual(image, new StillPort())
  await log.admin.createTopic('pay', { config: { 'segment.bytes': 250 } })
  const producers = ['x', 'y'].map((transactionalId) => log.producer({ transactionalId }))
  for (const producer of producers) {
    const ended = await producer.beginTransaction()
    await ended.send({ ...AT, value: 'ended' })
    await ended.commit()
  }
  const [first, second] = await Promise.all(producers.map((producer) => producer.beginTransaction()))
  const opened = await first?.send({ ...AT, value: 'open' })
  // It begins a segment, and with it a transaction that wasn't open before.
  const { offset = 0 } = (await second?.send({ ...AT, value: 'x'.repeat(100) })) ?? {}
  // Its acknowledgement covers both.
  await log.producer().send({ ...AT, value: 'durable' })
  const killed = image.fork()
  await Promise.all([first?.abort(), second?.abort()])
  await log.close()
  const again = await openUsual(killed, new StillPort(2))
  await again.close()
  for (const each of [image, killed]) assert.equal(openAt(each, offset), [-1, opened?.offset])
})

test('before a marker that begins a segment its transaction is open, as a recovery has it too', async () => {
  const image = new DirectoryImage()
  const log = await openUsual(image, new StillPort())
  await log.admin.createTopic('pay', { config: { 'segment.bytes': 250 } })
  const transaction = await log.producer({ transactionalId: 'x' }).beginTransaction()
  const { offset } = await transaction.send({ ...AT, value: 'x'.repeat(120) })
  await transaction.commit()
  const killed = image.fork()
  await log.close()
  const again = await openUsual(killed, new StillPort(2))
  await again.close()
  for (const each of [image, killed]) assert.equal(openAt(each, offset + 1), [offset])
})

test.run()
