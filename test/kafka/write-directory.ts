import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import { COMPRESSION_TYPES } from '../../bindings/model/compression.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'

/** Segments roll and indexes get entries, though everything is small; nothing goes by its age, which is years. */
const CONFIG = { 'retention.ms': -1, 'segment.bytes': 24_000, 'index.interval.bytes': 1000 }
const ROUNDS = 30
const BATCH = 20
const TIME = 1_700_000_000_000

function rows(topic: string, round: number) {
  return Array.from({ length: BATCH }, (_, index) => ({
    topic,
    partition: 0,
    key: index % 5 === 0 ? null : `key-${index}`,
    value: index % 7 === 0 ? null : JSON.stringify({ round, index, text: 'grüß dich '.repeat(index) }),
    timestamp: TIME + round * 1000 + ((index * 37) % 100),
    headers: index % 3 === 0 ? [['source', `row ${index}`] as const, ['empty', null] as const] : [],
  }))
}

/**
 * Plain and compressed topics, transactions that end both ways beside other producers, offsets of groups by either way.
 */
export async function writeDirectory(directory: string): Promise<void> {
  await writeSent(directory)
  await writeCompacted(directory)
}

async function writeSent(directory: string): Promise<void> {
  const log = await open(directory)
  try {
    for (const compression of ['none', ...COMPRESSION_TYPES] as const) {
      await log.admin.createTopic(`sent-${compression}`, { config: CONFIG })
      const producer = log.producer({ compression })
      for (let round = 0; round < ROUNDS; round++) await producer.send(rows(`sent-${compression}`, round))
    }
    await log.admin.createTopic('stamped', { config: { ...CONFIG, 'message.timestamp.type': 'LogAppendTime' } })
    await log.producer({ compression: 'lz4' }).send(rows('stamped', 0))
    await log.producer().send(rows('stamped', 1))
    await transact(log)
    await commitOffsets(log)
  } finally {
    await log.close()
  }
}

async function transact(log: EmbeddedLog): Promise<void> {
  await log.admin.createTopic('decided', { config: CONFIG })
  const others = log.producer()
  const producers = [
    log.producer({ transactionalId: 'one', compression: 'zstd' }),
    log.producer({ transactionalId: 'two' }),
  ]
  for (let round = 0; round < ROUNDS; round++) {
    const open = await Promise.all(producers.map((producer) => producer.beginTransaction()))
    for (const [index, transaction] of open.entries()) {
      await transaction.send(rows('decided', round).slice(0, 5 + index))
      await others.send(rows('decided', round).slice(0, 2))
    }
    for (const [index, transaction] of open.entries()) {
      if ((round + index) % 3 === 0) await transaction.abort()
      else await transaction.commit()
    }
  }
}

async function commitOffsets(log: EmbeddedLog): Promise<void> {
  const plain = log.consumer({ groupId: 'plain', topics: ['sent-none'] })
  for await (const record of plain) {
    await plain.commit(record)
    if (record.offset === 5) break
  }
  await plain.close()
  const transacted = log.consumer({ groupId: 'transacted', topics: ['sent-zstd'] })
  const producer = log.producer({ transactionalId: 'moves' })
  for await (const batch of transacted.batches({ maxRecords: 7 })) {
    await producer.transaction((transaction) => transaction.sendOffsets(transacted, batch))
    break
  }
  await transacted.close()
}

const KEYS = 40
const FASTER = 100

/** So that the upkeep of a quarter of a minute comes soon. */
const hastyPort: RuntimePort = {
  ...nodePort,
  now: () => TIME * 1.1 + performance.now() * FASTER,
  elapsed: () => performance.now() * FASTER,
  setTimer: (delayMs, callback, options) => nodePort.setTimer(delayMs / FASTER, callback, options),
}

async function writeCompacted(directory: string): Promise<void> {
  const log = await openLog(createDirectoryStore(directory), hastyPort)
  try {
    const config = { ...CONFIG, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.01 }
    await log.admin.createTopic('compacted', { config })
    for (const compression of ['none', ...COMPRESSION_TYPES] as const) {
      const producer = log.producer({ compression })
      for (let round = 0; round < ROUNDS; round++) {
        const records = rows('compacted', round).map((record, index) => ({
          ...record,
          key: `key-${(round + index * 3) % KEYS}`,
        }))
        await producer.send(records)
      }
    }
    const sent = (1 + COMPRESSION_TYPES.length) * ROUNDS * BATCH
    for (let left = sent, look = 0; left > sent * 0.7; look++) {
      if (look > 200) throw new Error(`${left} of ${sent} records are left: nothing is compacted`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      left = 0
      for await (const batch of log.read('compacted', { until: 'end' }).batches({ borrowed: true })) left += batch.size
    }
  } finally {
    await log.close()
  }
}
