import { type EmbeddedLog, open } from '../../bindings/entry/node.ts'
import { COMPRESSION_TYPES } from '../../bindings/model/compression.ts'

/** Segments roll and indexes get entries, though everything is small. */
const CONFIG = { 'segment.bytes': 24_000, 'index.interval.bytes': 1000 }
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

/** Plain and compressed topics, transactions that end both ways beside other producers, offsets of groups by either way. */
export async function writeDirectory(directory: string): Promise<void> {
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
