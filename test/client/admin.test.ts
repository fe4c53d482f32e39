// Topics by hand and by declaration.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ensureTopics } from '../../bindings/client/admin/ensure-topics.ts'
import { string } from '../../bindings/client/topic/codec.ts'
import { topic } from '../../bindings/client/topic/topic.ts'
import { failure, overBrokers, setup, take } from './support.ts'

overBrokers('create, list, describe, change, delete', async (setup) => {
  const { log } = await setup({})
  await log.admin.createTopic('a')
  await log.admin.createTopic('b', { partitions: 3, config: { 'retention.ms': 5 } })
  assert.equal(await log.admin.listTopics(), ['a', 'b'])
  await log.admin.createPartitions('b', 4)
  await log.admin.alterConfig('b', { 'segment.ms': 7 })
  const { topicId, ...described } = await log.admin.describeTopic('b')
  assert.equal(described, { name: 'b', partitions: 4, config: { 'retention.ms': 5, 'segment.ms': 7 } })
  assert.type(topicId, 'string')
  assert.is((await log.admin.describeTopic('a')).partitions, 1)
  await log.admin.deleteTopic('a')
  await failure('UNKNOWN_TOPIC_OR_PARTITION', () => log.admin.describeTopic('a'))
})

overBrokers('a program that changes the config it was given changes no topic', async (setup) => {
  const { log } = await setup({})
  await log.admin.createTopic('t', { config: { 'retention.ms': 5 } })
  const { config } = await log.admin.describeTopic('t')
  Object.assign(config, { 'retention.ms': 6, 'cleanup.policy': 'compact' })
  assert.equal((await log.admin.describeTopic('t')).config, { 'retention.ms': 5 })
})

overBrokers('offsets, also by time, and groups', async (setup) => {
  const { log, broker } = await setup({ t: 2 })
  await broker.write('t', ['a', 'b'], 0, 1000)
  const at = [0, 1].map((partition) => ({ topic: 't', partition }))
  assert.equal(
    (await log.admin.offsets(at)).map(({ logStartOffset, highWatermark }) => [logStartOffset, highWatermark]),
    [
      [0, 2],
      [0, 0],
    ],
  )
  const byTime = await log.admin.offsetsForTimestamp(at, 1000)
  assert.equal(
    byTime.map(({ nextOffset }) => nextOffset),
    [0, 0],
  )
  const later = await log.admin.offsetsForTimestamp(at, 1001)
  assert.equal(
    later.map(({ nextOffset }) => nextOffset),
    [2, 0],
  )
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  for (const record of await take(consumer, 1)) await consumer.commit(record)
  const [group] = await log.admin.listGroups()
  assert.equal(
    [group?.groupId, group?.state, group?.members, group?.offsets],
    ['g', 'Stable', 1, [{ topic: 't', partition: 0, nextOffset: 1 }]],
  )
})

test('wrong arguments are refused before the log is asked', async () => {
  const { log, broker } = setup()
  const { admin } = log
  for (const name of ['', '..', 'a/b', '__x', 5, null, undefined]) {
    for (const call of [
      () => admin.createTopic(name as string),
      () => admin.deleteTopic(name as string),
      () => admin.createPartitions(name as string, 2),
      () => admin.alterConfig(name as string, {}),
    ]) {
      await failure('INVALID_TOPIC_EXCEPTION', call)
    }
  }
  for (const partitions of [0, -1, 0.5, Number.NaN, '3', null, 2 ** 53]) {
    await failure('INVALID_PARTITIONS', () => admin.createTopic('x', { partitions: partitions as number }))
    await failure('INVALID_PARTITIONS', () => admin.createPartitions('t', partitions as number))
  }
  await failure('INVALID_CONFIG', () => admin.createTopic('x', { config: { 'no.key': 1 } }))
  await failure('INVALID_CONFIG', () => admin.createTopic('x', { config: null as never }))
  const lags = { 'min.compaction.lag.ms': 6, 'max.compaction.lag.ms': 5 }
  await failure('INVALID_CONFIG', () => admin.createTopic('x', { config: lags }))
  for (const wrong of [null, 5, 'x', []]) {
    await failure('INVALID_REQUEST', () => admin.createTopic('x', wrong as never))
    await failure('INVALID_REQUEST', () => admin.alterConfig('t', wrong as never))
    if (!Array.isArray(wrong)) await failure('INVALID_REQUEST', () => admin.offsets(wrong as never))
  }
  for (const timestamp of [-1, 0.5, Number.NaN, '5', undefined]) {
    const at = [{ topic: 't', partition: 0 }]
    await failure('INVALID_REQUEST', () => admin.offsetsForTimestamp(at, timestamp as number))
  }
  await failure('INVALID_REQUEST', () => admin.offsets([{ topic: 't', partition: -1 }]))
  assert.equal([...broker.topics.keys()], ['t'])
})

test('declared topics: missing ones are created, with one partition by default; existing ones stay as they are', async () => {
  const { broker } = setup({ old: { partitions: 3, config: { 'retention.ms': 5 } } })
  await ensureTopics(broker.admin, [
    topic('old', { value: string }),
    topic('one', { value: string }),
    topic('four', { value: string, partitions: 4, config: { 'segment.ms': 7 } }),
  ])
  assert.equal(
    [...broker.topics.values()].map(({ facts }) => [facts.topic, facts.partitions, facts.config]),
    [
      ['old', 3, { 'retention.ms': 5 }],
      ['one', 1, {}],
      ['four', 4, { 'segment.ms': 7 }],
    ],
  )
})

test('a default that is declared is no difference, nor is a number as text', async () => {
  const { broker } = setup({ t: { partitions: 1, config: { 'segment.ms': '7' } } })
  const config = { 'segment.ms': 7, 'retention.ms': 604_800_000 }
  await ensureTopics(broker.admin, [topic('t', { value: string, config })])
})

test('a declared topic whose partitions or config differ is INVALID_CONFIG, and then nothing is created', async () => {
  const { broker } = setup({ t: { partitions: 2, config: { 'segment.ms': 7 } } })
  const missing = topic('missing', { value: string })
  const differing = [
    ['partitions', 2, 3, topic('t', { value: string, partitions: 3 })],
    ['segment.ms', 7, 8, topic('t', { value: string, config: { 'segment.ms': 8 } })],
    ['retention.ms', 'by default', 8, topic('t', { value: string, config: { 'retention.ms': 8 } })],
  ] as const
  for (const [key, existing, declared, differs] of differing) {
    const error = await failure('INVALID_CONFIG', () => ensureTopics(broker.admin, [missing, differs]))
    assert.equal(error.details, { topic: 't', key, existing, declared })
    assert.match(error.message, `has ${key} ${existing}, its declaration ${declared}: admin.alterConfig`)
  }
  const twice = [topic('new', { value: string }), topic('new', { value: string, partitions: 2 })]
  const { message } = await failure('INVALID_CONFIG', () => ensureTopics(broker.admin, twice))
  assert.match(message, 'declared twice, once with partitions 1')
  assert.equal([...broker.topics.keys()], ['t'])
  const undeclared = await failure('INVALID_REQUEST', () => ensureTopics(broker.admin, ['t'] as never))
  assert.match(undeclared.message, /topic\('name', \{ value: json\(\) \}\) declares one/)
})

test('the same declaration twice creates one topic', async () => {
  const { broker } = setup({})
  const declared = topic('t', { value: string })
  await ensureTopics(broker.admin, [declared, declared])
  assert.equal([...broker.topics.keys()], ['t'])
})

test('guarantees are those of the broker', () => {
  assert.equal(setup().log.guarantees, { durability: 'memory', embedded: true })
})

test.run()
