import { DirectoryImage } from './directory-image.ts'
import { type Fixture, type OpenImage, openUsual, START_MS } from './fixture.ts'
import { StillPort } from './still-port.ts'

/**
 * A log beside the other one, because a log with everything would have more than 8 KiB: transactions committed, aborted
 * and left open, over two segments, offsets in one of them. As a clean close leaves it, and as a kill does.
 */
export async function transactionFixtures(seed = 1, open: OpenImage = openUsual): Promise<readonly Fixture[]> {
  const image = new DirectoryImage()
  const log = await open(image, new StillPort(seed))
  await log.admin.createTopic('pay', { config: { 'segment.bytes': 400, 'index.interval.bytes': 0 } })
  const producer = log.producer({ transactionalId: 'x' })
  const consumer = log.consumer({ groupId: 'g', topics: ['pay'] })
  await consumer.committed({ topic: 'pay', partition: 0 })
  for (const [round, end] of (['commit', 'abort', 'commit'] as const).entries()) {
    const transaction = await producer.beginTransaction()
    await transaction.send({
      topic: 'pay',
      key: 'abc'.charAt(seed - 1),
      value: `${end} ${round}`,
      timestamp: START_MS + round,
    })
    const done = [{ topic: 'pay', partition: 0, nextOffset: 1 }]
    if (round === 0) await transaction.sendOffsets(consumer, done, { allowSkip: true })
    await transaction[end]()
  }
  await consumer.close()
  const unended = await producer.beginTransaction()
  await unended.send({ topic: 'pay', value: 'left open', timestamp: START_MS + 12 })
  const killed = image.fork()
  await log.close()
  return [
    { name: 'clean, with transactions', image },
    { name: 'killed, with transactions', image: killed },
  ]
}
