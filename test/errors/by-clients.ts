// Codes that the calls of a program are refused with.
import * as assert from 'uvu/assert'
import type { StandardSchemaV1 } from '../../bindings/entry/node.ts'
import { json, openMemory, topic } from '../../bindings/entry/node.ts'
import { until } from '../until.ts'
import type { Provocations } from './provocation.ts'

const at = { topic: 't', partition: 0 }

async function first<R>(records: AsyncIterable<R>): Promise<R | undefined> {
  for await (const record of records) return record
  return undefined
}

function schema(validate: (value: unknown) => unknown): StandardSchemaV1<unknown, unknown> {
  return { '~standard': { version: 1, vendor: 'test', validate: validate as never } }
}

export const byClients: Provocations = {
  OFFSET_OUT_OF_RANGE:
    async ({ log }) =>
    () =>
      first(log.read('t', { from: [{ ...at, nextOffset: 9 }] })),
  UNKNOWN_TOPIC_OR_PARTITION:
    async ({ log }) =>
    () =>
      log.producer().send({ topic: 'gone', value: 'x' }),
  MESSAGE_TOO_LARGE:
    async ({ log }) =>
    () =>
      log.producer().send({ topic: 't', value: new Uint8Array(2_000_000) }),
  // The log of the stage has a kernel without codecs.
  UNSUPPORTED_COMPRESSION_TYPE:
    async ({ log }) =>
    () =>
      log.producer({ compression: 'gzip' }).send({ topic: 't', value: 'x'.repeat(1000) }),
  INVALID_TOPIC_EXCEPTION:
    async ({ log }) =>
    () =>
      log.admin.createTopic('..'),
  RECORD_LIST_TOO_LARGE: async ({ log }) => {
    await log.admin.createTopic('small', { config: { 'segment.bytes': 200 } })
    return () => log.producer().send({ topic: 'small', value: new Uint8Array(500) })
  },
  INVALID_REQUIRED_ACKS:
    async ({ log }) =>
    () =>
      log.producer({ acks: 0 as never }),
  ILLEGAL_GENERATION: async ({ log }) => {
    await log.admin.createTopic('two', { partitions: 2 })
    await log.producer().send([0, 1].map((partition) => ({ topic: 'two', partition, value: 'x' })))
    const [mine, other] = [0, 1].map(() => log.consumer({ groupId: 'g', topics: ['two'] }))
    if (mine === undefined || other === undefined) throw new Error('two consumers')
    const iteration = mine.batches()[Symbol.asyncIterator]()
    const batches = [(await iteration.next()).value, (await iteration.next()).value]
    const waiting = iteration.next()
    waiting.catch(() => {})
    await other.lag()
    while (other.assignment().length === 0) await new Promise((resolve) => setImmediate(resolve))
    const moved = other.assignment()[0]?.partition
    return () => mine.commit(batches.find((batch) => batch?.partition === moved))
  },
  INCONSISTENT_GROUP_PROTOCOL: async ({ log }) => {
    await log.consumer({ groupId: 'g', topics: ['t'], assignor: 'range' }).lag()
    return () => log.consumer({ groupId: 'g', topics: ['t'], assignor: 'sticky' }).lag()
  },
  INVALID_GROUP_ID:
    async ({ log }) =>
    () =>
      log.consumer({ groupId: '', topics: ['t'] }),
  INVALID_TIMESTAMP: async ({ log }) => {
    await log.admin.createTopic('timed', { config: { 'message.timestamp.before.max.ms': 1000 } })
    return () => log.producer().send({ topic: 'timed', value: 'x', timestamp: 5 })
  },
  TOPIC_ALREADY_EXISTS:
    async ({ log }) =>
    () =>
      log.admin.createTopic('t'),
  INVALID_PARTITIONS:
    async ({ log }) =>
    () =>
      log.admin.createPartitions('t', 1),
  POLICY_VIOLATION: async ({ log }) => {
    await log.admin.createTopic('compacted', { config: { 'cleanup.policy': 'compact' } })
    return () => log.admin.deleteRecords([{ topic: 'compacted', partition: 0, beforeOffset: -1 }])
  },
  INVALID_CONFIG:
    async ({ log }) =>
    () =>
      log.admin.alterConfig('t', { 'retention.ms': 'long' } as never),
  INVALID_REQUEST:
    async ({ log }) =>
    () =>
      log.producer({ lingerMs: -1 }),
  INVALID_RECORD_STATE: async ({ log }) => {
    const consumer = log.shareConsumer({ groupId: 's', topics: ['t'] })
    const record = await first(consumer)
    if (record === undefined) throw new Error('nothing came')
    await consumer.acknowledge(record, 'accept')
    return () => consumer.acknowledge(record, 'accept')
  },
  INVALID_TXN_STATE: async ({ log }) => {
    const producer = log.producer({ transactionalId: 'x' })
    await producer.beginTransaction()
    return () => producer.beginTransaction()
  },
  INVALID_TRANSACTION_TIMEOUT:
    async ({ log }) =>
    () =>
      log.producer({ transactionalId: 'x', transactionTimeoutMs: 0 }).beginTransaction(),
  NON_EMPTY_GROUP: async ({ log }) => {
    await log.consumer({ groupId: 'g', topics: ['t'] }).lag()
    return () => log.admin.deleteGroup('g')
  },
  GROUP_ID_NOT_FOUND:
    async ({ log }) =>
    () =>
      log.admin.deleteGroup('nobody'),
  INVALID_RECORD:
    async ({ log }) =>
    () =>
      log.producer().send({ topic: 't', value: 5 as never }),
  PRODUCER_FENCED: async ({ log }) => {
    const producer = log.producer({ transactionalId: 'x' })
    const transaction = await producer.beginTransaction()
    await (await log.producer({ transactionalId: 'x' }).beginTransaction()).abort()
    return () => transaction.commit()
  },
  TRANSACTIONAL_ID_NOT_FOUND:
    async ({ log }) =>
    () =>
      log.admin.describeTransactions(['nobody']),
  TRANSACTION_ABORTABLE: async ({ log }) => {
    const producer = log.producer({ transactionalId: 'x', transactionTimeoutMs: 1 })
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 't', value: 'x' })
    await until(async () => (await log.admin.offsets([at]))[0]?.lastStableOffset !== 3)
    return () => transaction.commit()
  },
  DURABILITY_UNAVAILABLE: async () => () => openMemory({ requireDurability: 'stable' }),
  PARTIAL_SEND: async ({ log }) => {
    await log.admin.createTopic('timed', { config: { 'message.timestamp.before.max.ms': 1000 } })
    const records = ['t', 'timed'].map((name) => ({ topic: name, value: 'x', timestamp: 5 }))
    const sizes = async () => {
      const places = records.map(({ topic }) => ({ topic, partition: 0 }))
      return (await log.admin.offsets(places)).map(({ highWatermark }) => highWatermark)
    }
    return {
      call: () => log.producer().send(records),
      after: async () => assert.equal(await sizes(), [4, 0], 'one is written whole, the other not at all'),
    }
  },
  PRODUCER_CLOSED: async ({ log }) => {
    const producer = log.producer()
    await producer.close()
    return () => producer.send({ topic: 't', value: 'x' })
  },
  CONSUMER_CLOSED: async ({ log }) => {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await consumer.close()
    return () => consumer.lag()
  },
  CONSUMER_BUSY: async ({ log }) => {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await consumer[Symbol.asyncIterator]().next()
    return () => first(consumer)
  },
  UNFINISHED_RECORDS: async ({ log }) => {
    const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    await consumer[Symbol.asyncIterator]().next()
    return () => consumer.commit([{ ...at, nextOffset: 3 }])
  },
  NO_OFFSET:
    async ({ log }) =>
    () =>
      first(log.consumer({ groupId: 'g', topics: ['t'], autoOffsetReset: 'none' })),
  RECORD_SERIALIZATION: async () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    return () => topic('t', { value: json() }).record({ value: cycle })
  },
  RECORD_DESERIALIZATION: async ({ log }) => {
    await log.producer().send({ topic: 't', value: 'no JSON' })
    const from = [{ ...at, nextOffset: 3 }]
    return async () => (await first(log.read(topic('t', { value: json() }), { from })))?.value
  },
  SCHEMA_ASYNC: async () => () =>
    topic('t', { value: json(schema(async (value) => ({ value }))) }).record({ value: 'x' }),
}
