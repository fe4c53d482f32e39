/**
 * What plain JavaScript can pass wrongly, at every method and option that the API report names: a typed error of the
 * category misuse, or it is taken for what it is; never another exception, never a call that doesn't end, and the log
 * goes on. An error that the passed object itself throws comes through as it is.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  bytes,
  type EmbeddedLog,
  json,
  LogError,
  open,
  openDriver,
  openMemory,
  type ShareConsumer,
  type SharedRecordOf,
  salvage,
  string,
  type TransactionalProducer,
  topic,
} from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { type JunkCall, membersOf, tryAll } from './junk.ts'

let count = 0
const fresh = (letter: string) => `${letter}${count++}`
const at = { topic: 't', partition: 0 }

async function first<R>(records: AsyncIterable<R>): Promise<void> {
  for await (const _ of records) return
}

function consuming(
  log: EmbeddedLog,
  work: (consumer: ReturnType<EmbeddedLog['consumer']>) => unknown,
): Promise<unknown> {
  const consumer = log.consumer({ groupId: fresh('g'), topics: ['t'] })
  return consumer
    .committed(at)
    .then(() => work(consumer as never))
    .finally(() => consumer.close())
}

async function sharing(
  log: EmbeddedLog,
  work: (consumer: ShareConsumer, job: SharedRecordOf<string>) => unknown,
): Promise<unknown> {
  const consumer = log.shareConsumer({ groupId: fresh('g'), topics: ['t'] })
  try {
    await log.producer().send({ topic: 't', value: 'x' })
    for await (const job of consumer) return await work(consumer as never, job)
  } finally {
    await consumer.close()
  }
  return undefined
}

async function transacting(
  log: EmbeddedLog,
  work: (producer: TransactionalProducer) => Promise<unknown>,
  options: object = {},
): Promise<void> {
  const producer = log.producer({ transactionalId: fresh('id'), ...options }) as TransactionalProducer
  await work(producer).finally(() => producer.close())
}

/** By the names of the API report; a word after it says which argument or part. */
const CALLS: Record<string, JunkCall> = {
  'open directory': async (_, junk) => junk === 'x' || (await open(junk)).close(),
  'openMemory options': async (_, junk) => (await openMemory(junk)).close(),
  'openDriver driver': async (_, junk) => (await openDriver(junk)).close(),
  'openDriver made': async (_, junk) => (await openDriver((() => junk) as never)).close(),
  'openDriver options': async (_, junk) => (await openDriver(new MemoryStore(), junk)).close(),
  'EmbeddedLog.backup directory': async (log, junk) => junk === 'x' || log.backup(junk),
  'EmbeddedLog.backup options': async (log, junk) => log.backup('.', junk),
  'EmbeddedLog.backup signal': async (log, signal) => log.backup('.', { signal }),
  'EmbeddedLog.verify options': async (log, junk) => log.verify(junk),
  'EmbeddedLog.verify signal': async (log, signal) => log.verify({ signal }),
  'salvage directory': async (_, junk) => salvage(junk, 'y'),
  'salvage target': async (_, junk) => salvage('x', junk),
  'salvage options': async (_, junk) => salvage('x', 'y', junk),
  'salvage progress': async (_, progress) => salvage('x', 'y', { progress }),
  'salvage signal': async (_, signal) => salvage('x', 'y', { signal }),
  'topic name': (_, junk) => topic(junk, { value: string }),
  'topic shape': (_, junk) => topic('x', junk),
  'topic shape.partitions': (_, partitions) => topic('x', { value: string, partitions }),
  'topic shape.config': (_, config) => topic('x', { value: string, config }),
  'topic shape.key': (_, key) => topic('x', { value: string, key }),
  'topic shape.value': (_, value) => topic('x', { value }),
  'Topic.record': (_, junk) => topic('t', { value: string }).record(junk),
  'string value': (_, value) => topic('t', { value: string }).record({ value }),
  'bytes value': (_, value) => topic('t', { value: bytes }).record({ value }),
  'json value': (_, value) => topic('t', { value: json() }).record({ value }),
  'Reader.batches': (log, junk) => first(log.read('t', { until: 'end' }).batches(junk)),
  'Reader.batches borrowed': (log, borrowed) => first(log.read('t', { until: 'end' }).batches({ borrowed })),
  'Log.producer': (log, junk) => log.producer(junk).close(),
  'Log.consumer': (log, junk) => log.consumer(junk).close(),
  'Log.read topics': (log, junk) => first(log.read(junk, { until: 'end' })),
  'Log.read options': (log, junk) => first(log.read('t', junk)),
  'Log.get topic': (log, junk) => log.get(junk, { partition: 0, offset: 0 }),
  'Log.get at': (log, junk) => log.get('t', junk),
  'Log.get partition': (log, partition) => log.get('t', { partition, offset: 0 }),
  'Log.get offset': (log, offset) => log.get('t', { partition: 0, offset }),
  'Log.shareConsumer': (log, junk) => log.shareConsumer(junk).close(),
  'ShareConsumer.acknowledge record': (log, junk) => sharing(log, (consumer) => consumer.acknowledge(junk, 'accept')),
  'ShareConsumer.acknowledge type': (log, junk) => sharing(log, (consumer, job) => consumer.acknowledge(job, junk)),
  'ShareConsumer.acknowledge options': (log, junk) =>
    sharing(log, (consumer, job) => consumer.acknowledge(job, 'accept', junk)),
  'ShareConsumer.acknowledge delayMs': (log, delayMs) =>
    sharing(log, (consumer, job) => consumer.acknowledge(job, 'release', { delayMs })),
  'Log.process': (log, junk) => log.process(junk).close(),
  'Log.ingest': (log, junk) => log.ingest(junk).close(),
  'Log.table': async (log, junk) => (await log.table(junk)).close(),
  'Sender.send': (log, junk) => log.producer().send(junk),
  'Sender.send options': (log, junk) => log.producer().send({ topic: 't', value: 'x' }, junk),
  'TransactionalProducer.transaction': (log, junk) => transacting(log, (producer) => producer.transaction(junk)),
  'TransactionalProducer.transaction options': (log, junk) =>
    transacting(log, (producer) => producer.transaction(async () => {}, junk)),
  'TransactionalProducer.transaction retries': (log, retries) =>
    transacting(log, (producer) => producer.transaction(async () => {}, { retries })),
  'TransactionalProducer.beginTransaction': (log, junk) =>
    transacting(log, (producer) => producer.beginTransaction(junk)),
  'TransactionScope.sendOffsets consumer': (log, junk) =>
    transacting(log, (producer) => producer.transaction((transaction) => transaction.sendOffsets(junk, []))),
  'TransactionScope.sendOffsets done': (log, junk) =>
    consuming(log, (consumer) =>
      transacting(log, (producer) => producer.transaction((transaction) => transaction.sendOffsets(consumer, junk))),
    ),
  'TransactionScope.sendOffsets options': (log, junk) =>
    consuming(log, (consumer) =>
      transacting(log, (producer) =>
        producer.transaction((transaction) => transaction.sendOffsets(consumer, [], junk)),
      ),
    ),
  'Producer.flush': (log, junk) => log.producer().flush(junk),
  'Consumer.batches': (log, junk) => consuming(log, (consumer) => first(consumer.batches(junk))),
  'Consumer.batches maxRecords': (log, maxRecords) =>
    consuming(log, (consumer) => first(consumer.batches({ maxRecords }))),
  'Consumer.batches maxBytes': (log, maxBytes) => consuming(log, (consumer) => first(consumer.batches({ maxBytes }))),
  'Consumer.commit': (log, junk) => consuming(log, (consumer) => consumer.commit(junk)),
  'Consumer.commit options': (log, junk) => consuming(log, (consumer) => consumer.commit([], junk)),
  'Consumer.commit allowSkip': (log, allowSkip) => consuming(log, (consumer) => consumer.commit([], { allowSkip })),
  'Consumer.commit nextOffset': (log, nextOffset) =>
    consuming(log, (consumer) => consumer.commit([{ ...at, nextOffset }])),
  'Consumer.committed': (log, junk) => consuming(log, (consumer) => consumer.committed(junk)),
  'Consumer.position': (log, junk) => consuming(log, (consumer) => consumer.position(junk)),
  'Consumer.seek': (log, junk) => consuming(log, (consumer) => consumer.seek(junk)),
  'Consumer.seek nextOffset': (log, nextOffset) => consuming(log, (consumer) => consumer.seek({ ...at, nextOffset })),
  'Consumer.seek timestamp': (log, timestamp) => consuming(log, (consumer) => consumer.seek({ ...at, timestamp })),
  'Consumer.pause': (log, junk) => consuming(log, (consumer) => consumer.pause(junk)),
  'Consumer.resume': (log, junk) => consuming(log, (consumer) => consumer.resume(junk)),
  'Consumer.on event': (log, junk) => consuming(log, (consumer) => consumer.on(junk, () => {})),
  'Consumer.on handler': (log, junk) => consuming(log, (consumer) => consumer.on('revoked', junk)),
  'Admin.createTopic name': (log, junk) => log.admin.createTopic(junk),
  'Admin.createTopic options': (log, junk) => log.admin.createTopic(fresh('n'), junk),
  'Admin.createTopic partitions': (log, partitions) => log.admin.createTopic(fresh('n'), { partitions }),
  'Admin.createTopic config': (log, config) => log.admin.createTopic(fresh('n'), { config }),
  'Admin.createTopic config value': (log, junk) =>
    log.admin.createTopic(fresh('n'), { config: { 'segment.bytes': junk } }),
  'Admin.deleteTopic': (log, junk) => log.admin.deleteTopic(junk),
  'Admin.setOffsets groupId': (log, junk) => log.admin.setOffsets(junk, [{ ...at, nextOffset: 0 }]),
  'Admin.setOffsets positions': (log, junk) => log.admin.setOffsets('s', junk),
  'Admin.deleteGroup': (log, junk) => log.admin.deleteGroup(junk),
  'Admin.describeGroup': (log, junk) => log.admin.describeGroup(junk),
  'Admin.resetOffsets groupId': (log, junk) => log.admin.resetOffsets(junk, 'earliest'),
  'Admin.resetOffsets to': (log, junk) => log.admin.resetOffsets(fresh('g'), junk, { topics: ['t'] }),
  'Admin.resetOffsets timestamp': (log, timestamp) =>
    log.admin.resetOffsets(fresh('g'), { timestamp }, { topics: ['t'] }),
  'Admin.resetOffsets offset': (log, offset) => log.admin.resetOffsets(fresh('g'), { offset }, { topics: ['t'] }),
  'Admin.resetOffsets shiftBy': (log, shiftBy) => log.admin.resetOffsets('s', { shiftBy }, { topics: ['t'] }),
  'Admin.resetOffsets options': (log, junk) => log.admin.resetOffsets(fresh('g'), 'earliest', junk),
  'Admin.describeShareGroup': (log, junk) => log.admin.describeShareGroup(junk),
  'Admin.deleteShareGroup': (log, junk) => log.admin.deleteShareGroup(junk),
  'Admin.resetShareGroup groupId': (log, junk) => log.admin.resetShareGroup(junk, 'earliest', { topics: ['t'] }),
  'Admin.resetShareGroup to': (log, junk) => log.admin.resetShareGroup(fresh('g'), junk, { topics: ['t'] }),
  'Admin.resetShareGroup options': (log, junk) => log.admin.resetShareGroup(fresh('g'), 'earliest', junk),
  'Admin.describeTransactions': (log, junk) => log.admin.describeTransactions(junk),
  'Admin.describeProducers': (log, junk) => log.admin.describeProducers(junk),
  'Admin.describeProducers partition': (log, partition) => log.admin.describeProducers([{ topic: 't', partition }]),
  'Admin.abortTransaction': (log, junk) => log.admin.abortTransaction(junk),
  'Admin.fenceProducers': (log, junk) => log.admin.fenceProducers(junk),
  'Admin.describeTopic': (log, junk) => log.admin.describeTopic(junk),
  'Admin.createPartitions name': (log, junk) => log.admin.createPartitions(junk, 2),
  'Admin.createPartitions totalCount': (log, junk) => log.admin.createPartitions('t', junk),
  'Admin.alterConfig name': (log, junk) => log.admin.alterConfig(junk, {}),
  'Admin.alterConfig changes': (log, junk) => log.admin.alterConfig('t', junk),
  'Admin.alterConfig value': (log, junk) => log.admin.alterConfig('t', { 'retention.ms': junk }),
  'Admin.deleteRecords': (log, junk) => log.admin.deleteRecords(junk),
  'Admin.deleteRecords partition': (log, partition) =>
    log.admin.deleteRecords([{ topic: 't', partition, beforeOffset: 0 }]),
  'Admin.deleteRecords beforeOffset': (log, beforeOffset) =>
    log.admin.deleteRecords([{ topic: 't', partition: 0, beforeOffset }]),
  'Admin.offsets': (log, junk) => log.admin.offsets(junk),
  'Admin.offsets partition': (log, partition) => log.admin.offsets([{ topic: 't', partition }]),
  'Admin.offsetsForTimestamp at': (log, junk) => log.admin.offsetsForTimestamp(junk, 0),
  'Admin.offsetsForTimestamp timestamp': (log, junk) => log.admin.offsetsForTimestamp([at], junk),
}

for (const name of [
  'topics',
  'requireDurability',
  'memoryBytes',
  'cacheBytes',
  'exclusive',
  'retentionCheckIntervalMs',
  'retentionTrustsClock',
]) {
  CALLS[`OpenOptions.${name}`] = async (_, junk) => (await openMemory({ [name]: junk })).close()
}
for (const name of ['topics', 'dryRun']) {
  CALLS[`ResetOptions.${name}`] = (log, junk) => log.admin.resetOffsets('s', 'latest', { [name]: junk })
}
for (const name of ['transactionalId', 'transactionTimeoutMs', 'acks']) {
  CALLS[`TransactionalProducerOptions.${name}`] = (log, junk) =>
    transacting(log, async (producer) => producer.transaction?.(async () => {}), { [name]: junk })
}
CALLS['SendOptions.compression'] = (log, junk) => log.producer().send({ topic: 't', value: 'x' }, { compression: junk })
for (const name of ['acks', 'batchSizeBytes', 'bufferBytes', 'compression', 'lingerMs', 'partitioner']) {
  CALLS[`ProducerOptions.${name}`] = (log, junk) => log.producer({ [name]: junk }).close()
}
for (const name of ['topic', 'key', 'value', 'partition', 'timestamp', 'headers']) {
  CALLS[`RecordInput.${name}`] = (log, junk) => log.producer().send({ topic: 't', value: 'x', [name]: junk })
}
for (const name of [
  'groupId',
  'topics',
  'autoOffsetReset',
  'isolationLevel',
  'maxPollIntervalMs',
  'assignor',
  'positions',
  'signal',
]) {
  CALLS[`ConsumerOptions.${name}`] = (log, junk) => log.consumer({ groupId: 'x', topics: ['t'], [name]: junk }).close()
}
for (const name of ['from', 'until', 'isolationLevel', 'signal']) {
  CALLS[`ReadOptions.${name}`] = (log, junk) => first(log.read('t', { until: 'end', [name]: junk }))
}

/** Interfaces of the report whose members take what a program passes; results and callbacks are no input. */
const INPUTS = [
  'Admin',
  'Consumer',
  'Log',
  'Producer',
  'Reader',
  'Sender',
  'OpenOptions',
  'ProducerOptions',
  'ConsumerOptions',
  'ReadOptions',
  'RecordInput',
  'ResetOptions',
  'TransactionalProducer',
  'TransactionalProducerOptions',
  'TransactionScope',
]
test('every method and option of the API report has a row', () => {
  const members = INPUTS.flatMap(membersOf)
  assert.ok(members.length >= 35, `${members.length} found`)
  const rows = Object.keys(CALLS).map((name) => name.split(' ')[0])
  assert.equal(
    members.filter((member) => !rows.includes(member)),
    [],
  )
})

test('wrong arguments give a typed error, and the log goes on', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'x' })
  assert.equal(await tryAll(CALLS, log), [])
  assert.is(Reflect.get({}, 'polluted'), undefined)
  await log.producer().send({ topic: 't', value: 'still written' })
  await log.close()
})

test('text is no yes or no: nothing is skipped and nobody kept out by mistake', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  for (const value of ['false', 0, null, []]) {
    for (const name of ['Consumer.commit allowSkip', 'OpenOptions.exclusive']) {
      const error = await Promise.resolve(CALLS[name]?.(log, value as never)).catch((each: unknown) => each)
      assert.ok(LogError.is(error, 'INVALID_REQUEST'), `${name} ${JSON.stringify(value)}`)
    }
  }
  await log.close()
})

test('after close every call of every object says so', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  const [producer, consumer, reader] = [log.producer(), log.consumer({ groupId: 'g', topics: ['t'] }), log.read('t')]
  await consumer.committed(at)
  await log.close()
  const calls: Record<string, () => unknown> = {
    producer: () => log.producer(),
    consumer: () => log.consumer({ groupId: 'g', topics: ['t'] }),
    read: () => log.read('t'),
    'reader iteration': () => first(reader),
    'producer.send': () => producer.send({ topic: 't', value: 'x' }),
    'consumer iteration': () => first(consumer),
    'consumer.batches': () => first(consumer.batches()),
    'consumer.commit': () => consumer.commit([{ ...at, nextOffset: 0 }]),
    'consumer.committed': () => consumer.committed(at),
    'consumer.position': () => consumer.position(at),
    'consumer.lag': () => consumer.lag(),
    'consumer.seek': () => consumer.seek({ ...at, nextOffset: 0 }),
    'consumer.pause': () => consumer.pause([at]),
    backup: () => log.backup('.'),
    verify: () => log.verify(),
    createTopic: () => log.admin.createTopic('n'),
    deleteTopic: () => log.admin.deleteTopic('t'),
    listTopics: () => log.admin.listTopics(),
    describeTopic: () => log.admin.describeTopic('t'),
    createPartitions: () => log.admin.createPartitions('t', 2),
    alterConfig: () => log.admin.alterConfig('t', { 'retention.ms': 5 }),
    deleteRecords: () => log.admin.deleteRecords([{ ...at, beforeOffset: -1 }]),
    offsets: () => log.admin.offsets([at]),
    offsetsForTimestamp: () => log.admin.offsetsForTimestamp([at], 0),
    setOffsets: () => log.admin.setOffsets('g', [{ ...at, nextOffset: 0 }]),
    'setOffsets of no topic': () => log.admin.setOffsets('g', [{ topic: 'none', partition: 0, nextOffset: 0 }]),
    deleteGroup: () => log.admin.deleteGroup('g'),
    listGroups: () => log.admin.listGroups(),
    describeGroup: () => log.admin.describeGroup('g'),
    resetOffsets: () => log.admin.resetOffsets('g', 'earliest'),
    listShareGroups: () => log.admin.listShareGroups(),
    describeShareGroup: () => log.admin.describeShareGroup('g'),
    resetShareGroup: () => log.admin.resetShareGroup('g', 'earliest'),
    deleteShareGroup: () => log.admin.deleteShareGroup('g'),
    listTransactions: () => log.admin.listTransactions(),
    describeTransactions: () => log.admin.describeTransactions(['id']),
    describeProducers: () => log.admin.describeProducers([at]),
    abortTransaction: () => log.admin.abortTransaction('id'),
    fenceProducers: () => log.admin.fenceProducers(['id']),
    'fenceProducers of none': () => log.admin.fenceProducers([]),
  }
  for (const [name, call] of Object.entries(calls)) {
    const error = await (async () => call())().then(
      () => undefined,
      (each: unknown) => each,
    )
    assert.ok(LogError.is(error, 'LOG_CLOSED', 'PRODUCER_CLOSED', 'CONSUMER_CLOSED'), `${name}: ${String(error)}`)
  }
  await Promise.all([log.close(), producer.close(), consumer.close(), producer.flush()])
})

test('an offset out of range: the valid range is in the details, and the reader can go on there', async () => {
  const log = await openMemory()
  await log.admin.createTopic('t')
  await log.producer().send([1, 2, 3].map(() => ({ topic: 't', value: 'x' })))
  const error = await first(log.read('t', { from: [{ ...at, nextOffset: 9 }] })).catch((each: unknown) => each)
  assert.ok(LogError.is(error, 'OFFSET_OUT_OF_RANGE'))
  assert.equal([error.details['offset'], error.details['logStartOffset'], error.details['endOffset']], [9, 0, 3])
  await first(log.read('t', { from: [{ ...at, nextOffset: Number(error.details['logStartOffset']) }] }))
  await log.close()
})

test.run()
