import { BrokerLog, type Log } from '../../bindings/client/log.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { DirectoryImage } from './directory-image.ts'
import { openHolder } from './holder.ts'
import { StillPort } from './still-port.ts'

export const START_MS = 1_700_000_000_000

export interface Fixture {
  readonly name: string
  readonly image: DirectoryImage
}

export type OpenImage = (image: DirectoryImage, port: StillPort) => Promise<Log>

/** As programs do. */
export const openUsual: OpenImage = (image, port) => openLog(image, port, {})

/** With a journal of 32 KiB instead of 1 MiB: most of what an opening costs is the zeros in it. */
export const openSmall: OpenImage = async (image, port) => new BrokerLog((await openHolder(image, port)).broker, port)

/**
 * Their last records, `acks: 1` or of an open transaction, are in no frame and no checkpoint: a file that is too short
 * is what a power failure leaves.
 */
export const RELAXED: Readonly<Record<string, string>> = {
  killed: 'pay-1/00000000000000000000.log',
  'killed, with transactions': 'pay-0/00000000000000000005.log',
}

/**
 * One small log with everything that a directory can hold: a topic of several segments with index entries, `acks: 1`
 * beside `acks: 'all'`, a jump over a ceiling under a second leader epoch, committed offsets, a deleted topic. As a
 * clean close leaves it, and as a kill does. Another `seed`: another log of the same shape.
 */
export async function fixtures(seed = 1, open: OpenImage = openUsual): Promise<readonly Fixture[]> {
  const image = new DirectoryImage()
  const first = await open(image, new StillPort(seed))
  await first.admin.createTopic('pay', { partitions: 2, config: { 'segment.bytes': 250, 'index.interval.bytes': 0 } })
  await first.admin.createTopic('gone')
  await write(first, 0, seed)
  // What a kill leaves here is recovered: the next records stand above the ceiling, under a new epoch.
  const afterKill = image.fork()
  const second = await open(afterKill, new StillPort(seed + 6))
  await write(second, 1, seed)
  await commit(second)
  await second.admin.deleteTopic('gone')
  const killed = afterKill.fork()
  await second.close()
  return [
    { name: 'clean', image: afterKill },
    { name: 'killed', image: killed },
  ]
}

/** As the others, with 64 KiB in use: most of it in segments. */
export async function largeFixture(): Promise<Fixture> {
  const image = new DirectoryImage()
  const log = await openSmall(image, new StillPort(5))
  await log.admin.createTopic('pay', {
    partitions: 2,
    config: { 'segment.bytes': 30_000, 'index.interval.bytes': 500 },
  })
  await log.admin.createTopic('gone')
  for (let round = 0; round < 4; round++) await write(log, round, 1)
  const producer = log.producer()
  for (let index = 0; index < 26; index++) {
    const value = `${index} `.padEnd(2500, 'some text, ')
    await producer.send({ topic: 'pay', partition: index % 2, value, timestamp: START_MS + 50 + index })
  }
  await commit(log)
  await log.close()
  return { name: 'large', image }
}

async function write(log: Log, round: number, seed: number): Promise<void> {
  const [producer, relaxed] = [log.producer(), log.producer({ acks: 1 })]
  const timestamp = START_MS + round * 10
  const headers = { h: `${round}` }
  if (round === 0) await producer.send({ topic: 'gone', value: 'never again' })
  await producer.send({
    topic: 'pay',
    partition: 0,
    key: 'abc'.charAt(seed - 1),
    value: `${round}`,
    timestamp,
    headers,
  })
  await producer.send([
    { topic: 'pay', partition: 0, value: 'two', timestamp: timestamp + 1 },
    { topic: 'pay', partition: 0, value: null, timestamp: timestamp + 2 },
  ])
  await relaxed.send({ topic: 'pay', partition: 1, value: `relaxed ${round}`, timestamp: timestamp + 3 })
}

async function commit(log: Log): Promise<void> {
  const consumer = log.consumer({ groupId: 'g', topics: ['pay'] })
  await consumer.committed({ topic: 'pay', partition: 0 })
  await consumer.commit([{ topic: 'pay', partition: 0, nextOffset: 3 }], { allowSkip: true })
  await consumer.close()
}
