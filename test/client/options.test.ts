// A misspelt option is refused, in whichever public call: the list of calls comes from the published types.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Consumer,
  type EmbeddedLog,
  json,
  open,
  openDriver,
  openMemory,
  type Position,
  salvage,
  store,
  type TransactionalProducer,
  topic,
} from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { scratchDirectory } from '../scratch.ts'
import { optionBags } from './option-bags.ts'
import { failure, take } from './support.ts'

const rows = topic('rows', { value: json(), config: { 'cleanup.policy': 'compact' } })
const log: EmbeddedLog = await openMemory({ topics: [rows] })
const consumer: Consumer = log.consumer({ groupId: 'g', topics: ['rows'] })
const sharing = log.shareConsumer({ groupId: 's', topics: ['rows'] })
const transactional: TransactionalProducer = log.producer({ transactionalId: 'plain' })
let producers = 0
const fresh = () => log.producer({ transactionalId: `t${producers++}` })
const directory = scratchDirectory('options')
const at: Position[] = [{ topic: 'rows', partition: 0, nextOffset: 0 }]
test.after(() => log.close())

type Options = never

/** What each call needs besides, and the call; a slip must be told before anything is done. */
const CALLS: Record<string, readonly [needed: object, call: (options: Options) => unknown]> = {
  open: [{}, (options) => open(directory, options)],
  openMemory: [{}, (options) => openMemory(options)],
  openDriver: [{}, (options) => openDriver(new MemoryStore(), options)],
  salvage: [{}, (options) => salvage(directory, `${directory}/copy`, options)],
  topic: [{ value: json() }, (shape) => topic('other', shape)],
  'Admin.createTopic': [{}, (options) => log.admin.createTopic('other', options)],
  'Admin.resetOffsets': [{}, (options) => log.admin.resetOffsets('g', 'earliest', options)],
  'Admin.resetShareGroup': [{}, (options) => log.admin.resetShareGroup('s', 'earliest', options)],
  'Consumer.batches': [{}, (options) => consumer.batches(options)],
  'Consumer.commit': [{}, (options) => consumer.commit(at, options)],
  'Producer.flush': [{}, (options) => log.producer().flush(options)],
  'Producer.send': [{}, (options) => log.producer().send({ topic: 'rows', key: 'k', value: '1' }, options)],
  'Reader.batches': [{}, (options) => log.read('rows').batches(options)],
  'ShareConsumer.acknowledge': [{}, (options) => sharing.acknowledge({} as never, 'accept', options)],
  'Transaction.send': [
    {},
    (options) => fresh().transaction((inside) => inside.send({ topic: 'rows', key: 'k', value: '1' }, options)),
  ],
  'Transaction.sendOffsets': [
    {},
    (options) => fresh().transaction((inside) => inside.sendOffsets(consumer as never, at, options)),
  ],
  'TransactionalProducer.transaction': [{}, (options) => transactional.transaction(async () => {}, options)],
  'TransactionalProducer.beginTransaction': [{}, (options) => transactional.beginTransaction(options)],
  'EmbeddedLog.backup': [{}, (options) => log.backup(`${directory}/copy`, options)],
  'EmbeddedLog.verify': [{}, (options) => log.verify(options)],
  'EmbeddedLog.producer': [{}, (options) => log.producer(options)],
  'EmbeddedLog.producer 2': [{ transactionalId: 't' }, (options) => log.producer(options)],
  'EmbeddedLog.consumer': [{ groupId: 'c', topics: [rows] }, (options) => log.consumer(options)],
  'EmbeddedLog.shareConsumer': [{ groupId: 'c', topics: [rows] }, (options) => log.shareConsumer(options)],
  'EmbeddedLog.read': [{}, (options) => log.read(rows, options)],
  'EmbeddedLog.table': [{}, (options) => log.table(rows, options)],
  'EmbeddedLog.process': [
    { groupId: 'c', topics: [rows], state: { rows: store(rows as never) }, async handle() {} },
    (options) => log.process(options),
  ],
  'EmbeddedLog.ingest': [{ source: 's', async *read() {} }, (options) => log.ingest(options)],
}

const bags = optionBags()

test('every public call that takes options is tried here, and no other', () => {
  assert.equal([...new Set(bags.map(({ call }) => call))].sort(), Object.keys(CALLS).sort())
  assert.ok(bags.length >= 28, `${bags.length} were found`)
})

for (const { call, names } of bags) {
  test(`${call}: a slip in any of ${names.join(', ')}`, async () => {
    const [needed, run] = CALLS[call] ?? []
    assert.ok(run)
    for (const name of names) {
      const slip = `${name.slice(0, -1)}${name.slice(-1).toUpperCase()}`
      const error = await failure('INVALID_REQUEST', () => run({ ...needed, [slip]: undefined } as Options))
      assert.is(error.details['option'], slip, error.message)
      assert.is((error.details['nearest'] as string[])[0], name)
      assert.match(error.message, `has no option "${slip}": did you mean ${name}`)
    }
    for (const none of [null, 'fast', ['rows']]) {
      const error = await failure('INVALID_REQUEST', () => run(none as Options))
      assert.match(error.message, /^options of .* must be an object$/)
    }
  })
}

test('an unknown name lists all options; Kafka’s spelling, and a name that is cut short, lead to ours', async () => {
  const all = await failure('INVALID_REQUEST', () => open(directory, { dirr: './data' } as Options))
  assert.match(all.message, /^open has no option "dirr": it has topics, requireDurability, exclusive, /)
  for (const [given, meant] of Object.entries({
    'group.id': 'groupId',
    'max.poll.interval.ms': 'maxPollIntervalMs',
    maxPollInterval: 'maxPollIntervalMs',
    offsetReset: 'autoOffsetReset',
    isolationlevel: 'isolationLevel',
    topic: 'topics',
    asignor: 'assignor',
  })) {
    const error = await failure('INVALID_REQUEST', () => log.consumer({ [given]: 'x' } as Options))
    assert.is((error.details['nearest'] as string[])[0], meant, error.message)
  }
})

test('an inherited option is read like an own one, so its slip is told too; a name of any length fits a line', async () => {
  const inherited = Object.create({ lingerMS: 5 }) as Options
  assert.match((await failure('INVALID_REQUEST', () => log.producer(inherited))).message, /lingerMs\?$/)
  const { message } = await failure('INVALID_REQUEST', () => log.producer({ ['x'.repeat(5000)]: 1 } as Options))
  assert.ok(message.length < 300, message)
})

test('a transactional producer takes acks as all of them and no less; its timeout is no option of the others', async () => {
  await log.producer({ transactionalId: 'all', acks: 'all' }).close()
  await failure('INVALID_REQUIRED_ACKS', () => log.producer({ transactionalId: 't', acks: 1 } as Options))
  const timeout = await failure('INVALID_REQUEST', () => log.producer({ transactionTimeoutMs: 5 } as Options))
  assert.match(timeout.message, /^producer has no option "transactionTimeoutMs": it has acks, /)
})

test('what is only passed through is not checked: further fields of a record, names of headers, values', async () => {
  const producer = log.producer()
  const record = { topic: 'rows', key: 'k', value: '{}', offset: 7, headers: { lingerMS: 'x' }, of: 'another library' }
  const { offset } = await producer.send(record)
  const [read] = await take(log.read('rows', { from: [{ topic: 'rows', partition: 0, nextOffset: offset }] }), 1)
  assert.equal([...(read?.headers ?? [])].length, 1)
  assert.ok(await log.get('rows', { partition: 0, offset, timestamp: 1 } as never))
})

test.run()
