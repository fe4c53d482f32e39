// Sentences of the docstrings that no test of one part asks by itself; test/regressions/list.ts says which.

import { readFileSync } from 'node:fs'
import { test as register } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import { json, LogError, store, string, topic, unchecked } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { FakePort } from '../client/fake-port.ts'
import { test } from '../client/stores.ts'
import { failure, setup, take } from '../client/support.ts'
import { until } from '../until.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('operations reject: whatever they are given, and on what is closed, none of them throws', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const producer = log.producer()
  const transactional = log.producer({ transactionalId: 'id' })
  const transaction = await transactional.beginTransaction()
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const queue = log.shareConsumer({ groupId: 's', topics: ['t'] })
  /** By interface of the API report, so that a new operation is asked too. */
  const objects: Readonly<Record<string, object>> = {
    ...{ Admin: log.admin, Sender: producer, Producer: producer, TransactionScope: transaction },
    ...{ Consumer: consumer, ShareConsumer: queue, Transaction: transaction, TransactionalProducer: transactional },
    ...{ EmbeddedLog: log, Log: log },
  }
  let operations = 0
  const ask = async () => {
    for (const [name, object] of Object.entries(objects)) {
      for (const operation of operationsOf(name)) {
        for (const junk of [undefined, null, 5, '', {}, Symbol('x')]) {
          let answer: unknown
          try {
            answer = Reflect.get(object, operation).call(object, junk, junk)
          } catch (error) {
            throw new Error(`${name}.${operation} threw ${String(error)}`)
          }
          assert.instance(answer, Promise, `${name}.${operation}`)
          ;(answer as Promise<unknown>).catch(() => {})
          operations++
        }
      }
    }
  }
  await ask()
  await log.close()
  await ask()
  assert.ok(operations > 400, `${operations}`)
})

const API = readFileSync(new URL('../../docs/api/oncelog.api.md', import.meta.url), 'utf8')

function operationsOf(name: string): string[] {
  const body = new RegExp(`^export interface ${name}\\b.*\\{\n((?:    .*\n|// .*\n)*)\\}`, 'm').exec(API)?.[1] ?? ''
  // Members whose arguments take several lines end with what they give too.
  const members = body.split(/\n(?= {4}\w)/).filter((member) => member.includes('): Promise<'))
  return members.flatMap((member) => /^ *(\w+)[(<]/.exec(member)?.[1] ?? [])
}

test('nothing creates a topic by using it: sends, reads, consumers, queues, tables, processors, sources', async (open) => {
  const log = await open()
  await log.admin.createTopic('in')
  await log.producer().send({ topic: 'in', value: 'x' })
  const before = await log.admin.listTopics()
  const missing = topic('missing', { key: string, value: unchecked<number>(json()) })
  const transactional = log.producer({ transactionalId: 'id' })
  const handle = async () => ({ topic: 'missing', value: 'x' })
  const processing = { groupId: 'p', topics: ['in'], handle }
  const calls: (() => Promise<unknown>)[] = [
    () => log.producer().send({ topic: 'missing', value: 'x' }),
    () => transactional.transaction((transaction) => transaction.send({ topic: 'missing', value: 'x' })),
    () => take(log.read('missing', { until: 'end' }), 1),
    () => log.get('missing', { partition: 0, offset: 0 }),
    () => take(log.consumer({ groupId: 'g', topics: ['missing'] }), 1),
    () => take(log.shareConsumer({ groupId: 's', topics: ['missing'] }), 1),
    () => log.table(missing),
    () => log.process(processing).done,
    () => log.process({ ...processing, topics: ['missing'] }).done,
    () => log.process({ ...processing, deadLetter: 'missing' }).done,
    () => log.process({ ...processing, state: { missing: store(missing) } }).done,
    () =>
      log.ingest({
        source: 'db',
        async *read() {
          yield { position: 1, records: { topic: 'missing', value: 'x' } }
        },
      }).done,
  ]
  for (const call of calls) {
    await failure('UNKNOWN_TOPIC_OR_PARTITION', call)
    assert.equal(await log.admin.listTopics(), before, String(call))
  }
  await log.close()
})

register('a producer is idempotent with acks 1 too', async () => {
  const { log, broker, port } = setup()
  broker.fault = (_, count) => (count < 2 ? { kind: 'lose' } : undefined)
  const sent = log.producer({ acks: 1 }).send({ topic: 't', value: 'a' })
  await port.advance(1000)
  assert.is((await sent).offset, 0)
  assert.equal(
    broker.appends.map(({ acks, baseSequence }) => [acks, baseSequence]),
    [
      [1, 0],
      [1, 0],
      [1, 0],
    ],
  )
  assert.equal(broker.texts('t'), ['a'])
})

test('records of for await own their bytes: all of them are whole at the end, whatever came meanwhile', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  const bytesOf = (index: number) => new Uint8Array(100 + (index % 700)).fill(index % 251)
  const producer = log.producer({ batchSizeBytes: 20_000 })
  const count = 1500
  for (let from = 0; from < count; from += 100) {
    await producer.send(
      Array.from({ length: 100 }, (_, at) => ({ topic: 't', key: bytesOf(from + at), value: bytesOf(from + at) })),
    )
  }
  for (const records of [
    log.consumer({ groupId: 'g', topics: ['t'] }),
    log.read('t', { until: 'end' }),
    log.shareConsumer({ groupId: 's', topics: ['t'], maxRecords: 500 }),
  ]) {
    const kept: { key: Uint8Array | null; value: Uint8Array | null }[] = []
    for await (const { key, value } of records) {
      kept.push({ key, value })
      if (kept.length % 500 === 0) await producer.send({ topic: 't', value: new Uint8Array(300_000).fill(255) })
      if (kept.length === count) break
    }
    for (const [index, { key, value }] of kept.entries()) assert.equal([key, value], [bytesOf(index), bytesOf(index)])
  }
  await log.close()
})

test('a table is what a committed reader sees: nothing open, nothing aborted, no key that was deleted', async (open) => {
  const facts = topic('facts', { key: string, value: string, config: { 'cleanup.policy': 'compact' } })
  const log = await open({ topics: [facts] })
  const producer = log.producer()
  const fact = (key: string, value: string | null) => facts.record({ key, value })
  await producer.send([fact('a', 'old'), fact('b', 'gone'), fact('a', 'new'), fact('b', null)])
  const transaction = await log.producer({ transactionalId: 'id' }).beginTransaction()
  await transaction.send([fact('a', 'open'), fact('c', 'open')])
  const table = await log.table(facts)
  const entries = () => [...table.entries()].sort()
  assert.equal(entries(), [['a', 'new']])
  assert.equal([table.get('a'), table.get('b'), table.get('c')], ['new', undefined, undefined])
  await transaction.abort()
  await producer.send(fact('d', 'after'))
  await until(() => table.get('d') === 'after')
  assert.equal(entries(), [
    ['a', 'new'],
    ['d', 'after'],
  ])
  await log.producer({ transactionalId: 'id' }).transaction(async (inside) => {
    await inside.send([fact('a', null), fact('c', 'committed')])
    for (let turns = 0; turns < 20; turns++) await turn()
    assert.is(table.get('c'), undefined)
  })
  await until(() => table.get('c') === 'committed')
  assert.is(table.get('a'), undefined)
  await table.close()
  await log.close()
})

test('at-least-once: a failure between output and offsets brings the records again, and there is no transaction', async (_, openBroker) => {
  const broker = await openBroker()
  const openConsumer = broker.openConsumer.bind(broker)
  let failures = 0
  broker.openConsumer = async (options) => {
    const session = await openConsumer(options)
    const commit = session.commit.bind(session)
    session.commit = (positions, generation) =>
      failures++ === 0
        ? Promise.reject(new LogError('NETWORK_EXCEPTION', 'by the test'))
        : commit(positions, generation)
    return session
  }
  const port = new FakePort()
  const log = new BrokerLog(broker, port)
  for (const name of ['in', 'out']) await log.admin.createTopic(name)
  await log.producer().send(['a', 'b', 'c'].map((value) => ({ topic: 'in', value })))
  const processor = log.process({
    ...{ groupId: 'g', topics: ['in'], delivery: 'at-least-once' },
    handle: async ({ value }) => ({ topic: 'out', value }),
  })
  const written = async () => (await log.admin.offsets([{ topic: 'out', partition: 0 }]))[0]?.highWatermark ?? 0
  // It waits before it tries again.
  await until(async () => {
    await port.advance(10)
    return (await written()) === 6
  })
  assert.equal(await log.admin.listTransactions(), [])
  await processor.close()
  await log.close()
})

test('state belongs to the partition of its record: one key has a value in each of them, over restarts', async (open) => {
  const counts = topic('counts', { key: string, value: unchecked<number>(json()), partitions: 3 })
  const log = await open({ topics: [counts] })
  await log.admin.alterConfig('counts', { 'cleanup.policy': 'compact' })
  await log.admin.createTopic('in', { partitions: 3 })
  const seen: number[][] = [[], [], []]
  const start = () =>
    log.process({
      ...{ groupId: 'g', topics: ['in'], state: { counts: store(counts) } },
      async handle({ partition }, { state }) {
        const count = ((await state.counts.get('the same key')) ?? 0) + 1
        state.counts.set('the same key', count)
        seen[partition]?.push(count)
      },
    })
  for (let round = 1; round <= 2; round++) {
    const processor = start()
    const sent = [5, 10, 20].flatMap((count, partition) => Array.from({ length: count }, () => partition))
    await log.producer().send(sent.map((partition) => ({ topic: 'in', partition, value: 'x' })))
    await until(() => seen.flat().length === 35 * round)
    await processor.close()
    await processor.done
  }
  assert.equal(
    seen,
    [10, 20, 40].map((count) => Array.from({ length: count }, (_, index) => index + 1)),
  )
  await log.close()
})

register('tries of a processor come after a wait that doubles from 10 ms up to a second', async () => {
  const port = new FakePort()
  const { broker } = await openHeld(new MemoryStore(), port, {})
  const log = new BrokerLog(broker, port)
  for (const name of ['in', 'dead']) await log.admin.createTopic(name)
  await log.producer().send({ topic: 'in', value: 'x' })
  const at: number[] = []
  const processor = log.process({
    ...{ groupId: 'g', topics: ['in'], deadLetter: 'dead', retries: 9 },
    async handle() {
      at.push(port.time)
      throw new Error('never')
    },
  })
  for (let step = 0; step < 6000 && at.length < 10; step++) await port.advance(1)
  assert.equal(
    at.slice(1).map((time, index) => time - at[index]!),
    [10, 20, 40, 80, 160, 320, 640, 1000, 1000],
  )
  await processor.close()
  await log.close()
})

test('close of a consumer commits nothing, leaves the group, and says the same a second time', async (open) => {
  const log = await open()
  await log.admin.createTopic('t')
  await log.producer().send(['a', 'b'].map((value) => ({ topic: 't', value })))
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await take(consumer, 2)
  await Promise.all([consumer.close(), consumer.close()])
  assert.equal(
    (await log.admin.listGroups()).map(({ members, offsets }) => [members, offsets.length]),
    [[0, 0]],
  )
  const [again] = await take(log.consumer({ groupId: 'g', topics: ['t'] }), 1)
  assert.is(again?.offset, 0)
  await log.close()
})

test.run()
