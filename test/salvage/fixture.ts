import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { StillPort } from '../damage/still-port.ts'

/** No deadline ever comes. */
class CodecPort extends StillPort {
  readonly codecs = nodeCodecs

  override defer(callback: () => void): void {
    setImmediate(callback)
  }
}

/** A second is a millisecond: upkeep comes soon, and with it every deadline. */
class HastyPort extends CodecPort {
  readonly #begun = performance.now()

  override now(): number {
    return super.now() + Math.floor((performance.now() - this.#begun) * 1000)
  }

  override elapsed(): number {
    return Math.floor(performance.now() * 1000)
  }

  override setTimer(delayMs = 0, callback = () => {}): () => void {
    const timer = setTimeout(callback, delayMs / 1000)
    return () => clearTimeout(timer)
  }
}

export function openImage(image: DirectoryImage, seed = 1): Promise<EmbeddedLog> {
  return openLog(image, new CodecPort(seed), {})
}

const SMALL = { 'segment.bytes': 2000, 'index.interval.bytes': 400 }
export const COMPACTED = 'keyed'

/**
 * A log with everything in it: plain and compressed batches, committed, aborted and open transactions of several
 * producers, a compacted topic with holes, one whose beginning was removed, committed offsets.
 */
export async function fullImage(seed: number): Promise<DirectoryImage> {
  const image = await uncompacted(seed)
  await compacted(image, seed)
  return image
}

/** What waits for the first turn without a commit is in its segments then (decision 015). */
export async function writtenOut(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A closed log that was opened again and killed: of what was written since only frames and segments know. */
export async function killedImage(closed: DirectoryImage, seed: number): Promise<DirectoryImage> {
  const image = closed.fork()
  const log = await openImage(image, seed)
  for (let index = 0; index < 12; index++) {
    const value = `${seed} since ${index} `.repeat(30)
    await log.producer().send({ topic: 'plain', partition: index % 2, value })
    await log.producer({ compression: 'gzip' }).send({ topic: 'packed', value })
  }
  await transactions(log, seed)
  await writtenOut()
  const killed = image.fork()
  await log.close()
  return killed
}

/** The same before anything was compacted, closed. */
export async function uncompacted(seed: number): Promise<DirectoryImage> {
  const image = new DirectoryImage()
  const log = await openImage(image, seed)
  await log.admin.createTopic('plain', { partitions: 2, config: SMALL })
  await log.admin.createTopic('packed', { config: SMALL })
  await log.admin.createTopic('moves', { partitions: 2, config: SMALL })
  await log.admin.createTopic('late', { config: SMALL })
  const keyed = { ...SMALL, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.01 }
  await log.admin.createTopic(COMPACTED, { config: keyed })
  const [producer, packing] = [log.producer(), log.producer({ compression: 'gzip' })]
  for (let index = 0; index < 40; index++) {
    const value = `${seed}-${index}-`.repeat(20 + (index % 7))
    await producer.send({ topic: 'plain', partition: index % 2, key: `k${index % 5}`, value })
    await producer.send({ topic: 'late', value })
    await producer.send({ topic: COMPACTED, key: `k${index % 6}`, value })
    await packing.send([1, 2, 3].map((each) => ({ topic: 'packed', key: `${each}`, value })))
  }
  await transactions(log, seed)
  // Compaction makes one of several.
  await log.admin.alterConfig(COMPACTED, { 'segment.bytes': 4500 })
  await log.admin.deleteRecords([{ topic: 'late', partition: 0, beforeOffset: 25 }])
  await log.close()
  return image
}

async function transactions(log: EmbeddedLog, seed: number): Promise<void> {
  const producers = ['a', 'b', 'c'].map((transactionalId) => log.producer({ transactionalId }))
  const consumer = log.consumer({ groupId: 'audit', topics: ['plain'] })
  await consumer.committed({ topic: 'plain', partition: 0 })
  for (let round = 0; round < 6; round++) {
    const open = await Promise.all(producers.map((producer) => producer.beginTransaction()))
    for (let index = 0; index < 9; index++) {
      const value = `move ${seed} ${round} ${index} `.repeat(8)
      await open[index % 3]?.send({ topic: 'moves', partition: index % 2, value })
    }
    for (const [index, transaction] of open.entries()) {
      const isCommit = (round + index + seed) % 3 !== 0
      const done = [{ topic: 'plain', partition: 0, nextOffset: round + 1 }]
      if (index === 0) await transaction.sendOffsets(consumer, done, { allowSkip: true })
      await (isCommit ? transaction.commit() : transaction.abort())
    }
  }
  await consumer.close()
}

/** What the first close has noted is compacted after the next open; this close then puts it in its place. */
export async function compacted(image: DirectoryImage, seed: number): Promise<void> {
  const sizeOf = () => {
    const paths = image.paths.filter((path) => path.startsWith(`${COMPACTED}-0/`) && path.endsWith('.log'))
    return paths.reduce((bytes, path) => bytes + (image.files.get(path)?.sizeBytes ?? 0), 0)
  }
  const before = sizeOf()
  const log = await openLog(image, new HastyPort(seed), {})
  for (let wait = 0; sizeOf() >= before && wait < 2000; wait++) await new Promise((resolve) => setTimeout(resolve, 5))
  await log.close()
  if (sizeOf() >= before) throw new Error('nothing was compacted')
}
