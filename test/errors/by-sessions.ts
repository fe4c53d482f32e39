// Codes that clients deal with by themselves, or that only who writes a client of his own can meet: asked of the
// sessions.
import * as assert from 'uvu/assert'
import type { JoinedGroup } from '../../bindings/broker/consumer-session.ts'
import { checkedOffsets } from '../../bindings/coordinator/group/commit-request.ts'
import { AttachedBroker } from '../../bindings/engine/remote/attached-broker.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { loopback } from '../../bindings/engine/remote/loopback.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import type { EmbeddedBroker } from '../../bindings/engine/sessions/embedded-broker.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { RecoveryReport } from '../../bindings/storage/recovery-report.ts'
import type { Provocations } from './provocation.ts'
import type { Stage } from './stage.ts'

const at = { topic: 't', partition: 0 }
const records = [{ key: null, value: 'x', timestamp: undefined, headers: undefined }]
const group = { groupId: 'g', topics: ['t'], assignors: ['range'], maxPollIntervalMs: 60_000 }

/** The second of two batches of one producer. */
async function secondBatch({ broker }: Stage, producerEpoch: number, baseSequence: number): Promise<() => unknown> {
  const session = await broker.openProducer()
  await session.append({ ...at, acks: 'all', producerEpoch: 1, baseSequence: 0, records })
  return () => session.append({ ...at, acks: 'all', producerEpoch, baseSequence, records })
}

/** A commit of the group's only member, which names the topic by its id. */
async function commit({ broker }: Stage): Promise<() => unknown> {
  const { topicId } = await broker.admin.describeTopic('t')
  const member = { groupId: 'g', memberId: 'm' }
  const join = { ...member, rejoins: false, topics: ['t'], owned: [], assignors: ['range'], maxPollIntervalMs: 60_000 }
  const { generation } = await broker.ask<JoinedGroup>((done) => {
    return { kind: 'joinGroup', request: join, rebalance: () => {}, done }
  })
  const assignments = [{ memberId: 'm', partitions: [at] }]
  await broker.ask((done) => ({ kind: 'syncGroup', request: { ...member, generation, assignments }, done }))
  const offsets = [{ topicId, partition: 0, nextOffset: 1 }]
  return () => broker.ask((done) => ({ kind: 'commitOffsets', request: { ...member, generation, offsets }, done }))
}

async function lastStableOffset({ admin }: Stage['log']): Promise<number | undefined> {
  return (await admin.offsets([at]))[0]?.lastStableOffset
}

/** What another process is attached by; `admin` stands in for the holder's. */
async function attached({ broker }: Stage, admin: object): Promise<{ remote: AttachedBroker; channel: Channel }> {
  const [mine, theirs] = loopback()
  const holder = new Proxy(broker, { get: (_, name) => (name === 'admin' ? admin : Reflect.get(broker, name)) })
  new ServedChannel(theirs, holder as EmbeddedBroker, {} as RecoveryReport, new Set())
  let isFirst = true
  const remote = new AttachedBroker(async () => {
    if (!isFirst) await new Promise(() => {})
    isFirst = false
    return mine
  }, nodePort)
  await remote.open()
  return { remote, channel: theirs }
}

export const bySessions: Provocations = {
  UNKNOWN_SERVER_ERROR: async (stage) => {
    const fault = () => {
      throw new TypeError('a fault of the holder')
    }
    const { remote } = await attached(stage, { listTopics: fault })
    return () => remote.admin.listTopics({ internal: false })
  },
  NETWORK_EXCEPTION: async (stage) => {
    const { remote, channel } = await attached(stage, { createTopic: () => channel.end() })
    return () => remote.admin.createTopic('new', { partitions: 1, config: {} })
  },
  // Kafka's clients send metadata, oncelog's own have none.
  OFFSET_METADATA_TOO_LARGE: async ({ broker }) => {
    const topic = { ...(await broker.admin.describeTopic('t')), name: 't' }
    const offset = { topicId: topic.topicId, partition: 0, nextOffset: 1, leaderEpoch: -1, metadata: 'x'.repeat(5000) }
    return () => checkedOffsets({ groupId: 'g', offsets: [offset], now: 0 }, () => topic)
  },
  UNKNOWN_MEMBER_ID: async ({ broker }) => {
    const session = await broker.openConsumer(group)
    return () => session.commit([{ ...at, nextOffset: 1 }], 1)
  },
  REBALANCE_IN_PROGRESS: async ({ broker }) => {
    const [first, second] = [await broker.openConsumer(group), await broker.openConsumer(group)]
    const { generation } = await first.join([])
    await first.sync(generation, [])
    second.join([]).catch(() => {})
    return () => first.sync(generation, [])
  },
  OUT_OF_ORDER_SEQUENCE_NUMBER: (stage) => secondBatch(stage, 1, 7),
  INVALID_PRODUCER_EPOCH: (stage) => secondBatch(stage, 0, 1),
  INVALID_PRODUCER_ID_MAPPING:
    async ({ broker }) =>
    () =>
      broker.ask((done) => ({ kind: 'beginTransaction', instance: { producerId: 77, producerEpoch: 0 }, done })),
  CONCURRENT_TRANSACTIONS: async ({ broker, log }) => {
    const session = await broker.openTransactionalProducer({ transactionalId: 'x', timeoutMs: 1000 })
    const producer = await session.begin()
    const { producerId, producerEpoch } = producer
    const instance = { producerId, producerEpoch }
    await producer.append({ ...at, acks: 'all', producerEpoch, baseSequence: 0, records })
    return {
      call: () => {
        broker.ask((done) => ({ kind: 'endTransaction', instance, event: 'commit', done })).catch(() => {})
        return broker.ask((done) => ({ kind: 'beginTransaction', instance, done }))
      },
      after: async () => {
        while ((await lastStableOffset(log)) === 3) await new Promise((resolve) => setImmediate(resolve))
        assert.is(await lastStableOffset(log), 5, 'the decision is durable')
      },
    }
  },
  UNKNOWN_TOPIC_ID: async (stage) => {
    const call = await commit(stage)
    await stage.log.admin.deleteTopic('t')
    await stage.log.admin.createTopic('t')
    return call
  },
}
