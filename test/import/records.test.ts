/**
 * What a broker stopped cleanly comes in as it was: offsets, gaps, times, headers, codecs, transactions, log starts.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { formatPartitionMetadata } from '../../bindings/log/files/partition-metadata.ts'
import { verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import { COMPRESSION_TYPES } from '../../bindings/model/compression.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { imported, seen } from './imported.ts'
import { batch, IDS, KafkaSource, kernel, marker, metadata, TIME } from './kafka-source.ts'

await nodePort.ready?.()

test('offsets with the gaps of a compaction, times, keys, null values, headers; ids and names of topics', async () => {
  const headers = [
    ['a', 'x'],
    ['a', null],
  ] as const
  const source = new KafkaSource()
    .partition('pay-0', IDS[0], batch(0, { values: ['zero', null], keys: ['k0', 'k1'], headers }))
    .segment('pay-0', 7, batch(7, { values: ['seven'] }), batch(12, { values: ['twelve'], leaderEpoch: 3 }))
    .partition('pay-1', IDS[0])
    .partition('pay-late-0', IDS[1], batch(0, { values: ['late'] }))
  const { log, report, target } = await imported(source.disk)
  const records = []
  for await (const record of log.read('pay', { until: 'end' })) {
    records.push([record.partition, record.offset, record.timestamp, record.key && `${Buffer.from(record.key)}`])
    if (record.offset !== 0) continue
    assert.equal(
      [...record.headers].map(([name, value]) => [name, value && `${Buffer.from(value)}`]),
      [
        ['a', 'x'],
        ['a', null],
      ],
    )
  }
  assert.equal(records, [
    [0, 0, TIME, 'k0'],
    [0, 1, TIME + 1, 'k1'],
    [0, 7, TIME + 7, null],
    [0, 12, TIME + 12, null],
  ])
  assert.equal(await log.admin.listTopics(), ['pay', 'pay-late'])
  const { topicId, partitions } = await log.admin.describeTopic('pay')
  assert.equal([topicId, partitions], [IDS[0], 2])
  assert.equal(
    report.partitions.map(({ topic, partition, nextOffset, records: count }) => [topic, partition, nextOffset, count]),
    [
      ['pay', 0, 13, 4],
      ['pay', 1, 0, 0],
      ['pay-late', 0, 1, 1],
    ],
  )
  assert.equal([report.isClean, report.leftOut], [true, []])
  const sent = await log.producer().send({ topic: 'pay', partition: 0, value: 'next' })
  assert.is(sent.offset, 13)
  await log.close()
  const { damage } = await runTask(verifyDirectory(target.reopened(), kernel, () => {}))
  assert.equal(damage, [])
})

test('a topic whose name every object inherits is a topic', async () => {
  const source = new KafkaSource().partition('constructor-0', IDS[0], batch(0, { values: ['kept'] }))
  const { log, report } = await imported(source.disk)
  assert.equal([await log.admin.listTopics(), report.leftOut], [['constructor'], []])
  assert.is((await log.get('constructor', { partition: 0, offset: 0 }))?.offset, 0)
  await log.close()
})

test('every codec, byte for byte', async () => {
  const values = ['a'.repeat(500), 'b']
  const batches = COMPRESSION_TYPES.map((compression, index) => batch(index * 2, { values, compression }))
  const source = new KafkaSource().partition('t-0', IDS[0], ...batches, batch(8, { values: ['plain'] }))
  const { log, report, target } = await imported(source.disk)
  assert.is((await seen(log, 't')).length, 9)
  assert.is(report.partitions[0]?.batches, 5)
  const stored = target.reopened().open('t-0/00000000000000000000.log', { create: false })
  const bytes = new Uint8Array(stored?.size() ?? 0)
  stored?.read(bytes, 0)
  assert.equal(Buffer.from(bytes), Buffer.concat([...batches, batch(8, { values: ['plain'] })]))
  await log.close()
})

test('committed, aborted and plain records side by side: each reader sees what it saw in Kafka', async () => {
  const transacted = (offset: number, producerId: number, value: string) =>
    batch(offset, { values: [value], producerId, isTransactional: true })
  const source = new KafkaSource().partition(
    't-0',
    IDS[0],
    transacted(0, 5, 'aborted'),
    batch(1, { values: ['plain'] }),
    transacted(2, 6, 'committed'),
    marker(3, 5, false),
    transacted(4, 5, 'again'),
    marker(5, 6, true),
    marker(6, 5, true),
  )
  const { log, report } = await imported(source.disk)
  assert.equal(await seen(log, 't'), ['1:plain', '2:committed', '4:again'])
  assert.equal(await seen(log, 't', 'read_uncommitted'), ['0:aborted', '1:plain', '2:committed', '4:again'])
  assert.is(report.partitions[0]?.records, 4)
  // Ids of the broker's producers are never given again.
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'x' })
  const [described] = await log.admin.describeProducers([{ topic: 't', partition: 0 }])
  assert.equal(
    described?.producers.map(({ producerId }) => producerId),
    [7],
  )
  await log.close()
})

test('a log start within a segment stays one, and one above all records empties the partition', async () => {
  const source = new KafkaSource()
    .partition('t-0', IDS[0], batch(0, { values: ['0', '1'] }), batch(2, { values: ['2', '3'] }))
    .partition('u-0', IDS[1], batch(0, { values: ['0', '1'] }))
    .offsets('log-start-offset-checkpoint', { 't-0': 3, 'u-0': 40 })
  const { log } = await imported(source.disk)
  assert.equal(await seen(log, 't'), ['3:3'])
  assert.equal(await seen(log, 'u'), [])
  const offsets = await log.admin.offsets([
    { topic: 't', partition: 0 },
    { topic: 'u', partition: 0 },
  ])
  assert.equal(
    offsets.map(({ logStartOffset, highWatermark }) => [logStartOffset, highWatermark]),
    [
      [3, 4],
      [40, 40],
    ],
  )
  assert.is((await log.producer().send({ topic: 'u', value: 'on' })).offset, 40)
  await log.close()
})

test('what a topic has in tiered storage is reported as a loss', async () => {
  const [tiered, plain] = IDS
  const source = new KafkaSource()
    .file('tiered-0/partition.metadata', formatPartitionMetadata(tiered))
    .segment('tiered-0', 7, batch(7, { values: ['here'] }))
    .file('plain-0/partition.metadata', formatPartitionMetadata(plain))
    .segment('plain-0', 7, batch(7, { values: ['here'] }))
    .offsets('log-start-offset-checkpoint', { 'tiered-0': 2, 'plain-0': 2 })
    .partition(
      '__cluster_metadata-0',
      'AAAAAAAAAAAAAAAAAAAAAQ',
      batch(0, {
        values: [
          metadata.topic('tiered', tiered),
          metadata.partition(tiered, 0),
          metadata.config('tiered', 'remote.storage.enable', 'true'),
          metadata.topic('plain', plain),
          metadata.partition(plain, 0),
        ],
      }),
    )
  const { log, report } = await imported(source.disk)
  assert.equal([await seen(log, 'tiered'), await seen(log, 'plain')], [['7:here'], ['7:here']])
  assert.equal(
    report.leftOut.filter(({ isLoss }) => isLoss).map(({ file, topic, offset }) => [file, topic, offset]),
    [['tiered-0', 'tiered', 2]],
  )
  assert.equal(Object.keys(report.topics[0] ?? {}).sort(), [
    'config',
    'configNotTaken',
    'partitions',
    'topic',
    'topicId',
  ])
  await log.close()
})

test('configs and ids come from the controllers: a snapshot, then the log after it', async () => {
  const records = (...values: readonly Uint8Array[]) => batch(0, { values })
  const [pay, gone] = IDS
  const source = new KafkaSource()
    .partition('pay-0', pay, batch(0, { values: ['x'] }))
    .partition('gone-0', gone, batch(0, { values: ['x'] }))
    .file(
      '__cluster_metadata-0/00000000000000000002-0000000001.checkpoint',
      records(
        metadata.config('pay', 'cleanup.policy', 'compact'),
        metadata.config('pay', 'retention.ms', '86400000'),
        metadata.topic('pay', pay),
        metadata.partition(pay, 0),
        metadata.topic('gone', gone),
      ),
    )
    .segment(
      '__cluster_metadata-0',
      0,
      batch(0, { values: [metadata.config('pay', 'segment.bytes', '77'), metadata.config('pay', 'segment.ms', '5')] }),
      batch(2, {
        values: [
          metadata.config('pay', 'cleanup.policy', null),
          metadata.config('pay', 'min.insync.replicas', '1'),
          metadata.config('pay', 'max.compaction.lag.ms', '9223372036854775807'),
          metadata.config('pay', 'min.cleanable.dirty.ratio', '0.10'),
          metadata.removeTopic(gone),
          metadata.producerIds(5000),
          metadata.bare(23),
          metadata.config('pay', 'segment.bytes', '1000000'),
          metadata.bare(24),
          metadata.bare(23),
          metadata.config('pay', 'segment.bytes', '2000000'),
          metadata.bare(25),
          metadata.bare(23),
          metadata.config('pay', 'segment.bytes', '3000000'),
        ],
      }),
    )
  const { log, report } = await imported(source.disk)
  const { config } = await log.admin.describeTopic('pay')
  assert.equal(config, {
    'retention.ms': '86400000',
    'segment.bytes': '1000000',
    'max.compaction.lag.ms': Number.MAX_SAFE_INTEGER,
    'min.cleanable.dirty.ratio': 0.1,
  })
  assert.equal(report.topics[0]?.configNotTaken, ['min.insync.replicas'])
  assert.equal(await log.admin.listTopics(), ['pay'], 'a deleted topic whose directory is left')
  assert.ok(report.leftOut.some(({ topic, isLoss }) => topic === 'gone' && !isLoss))
  await log.producer().send({ topic: 'pay', value: 'y' })
  const [described] = await log.admin.describeProducers([{ topic: 'pay', partition: 0 }])
  assert.is(described?.producers[0]?.producerId, 5000)
  await log.close()
})

test('without the controllers nothing goes by its age until somebody says so', async () => {
  const { log } = await imported(new KafkaSource().partition('t-0', IDS[0], batch(0, { values: ['old'] })).disk)
  assert.equal((await log.admin.describeTopic('t')).config, { 'retention.ms': -1 })
  await log.close()
})

test.run()
