// table: the last value of each key, over partitions that are added while it is open.

import { getEventListeners } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { openHeld } from '../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import {
  bytes,
  type KeyValue,
  type Log,
  LogError,
  open,
  openMemory,
  store,
  string,
  topic,
} from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { settle } from '../client/fake-port.ts'
import { failure, gate, setup } from '../client/support.ts'
import { until } from '../until.ts'

const config = { 'cleanup.policy': 'compact' }
const facts = topic('facts', { key: string, value: string, partitions: 2, config })
const KEYS = Array.from({ length: 12 }, (_, index) => `k${index}`)

async function grows(log: Log, reader: Log): Promise<void> {
  const producer = log.producer()
  const table = await reader.table(facts)
  await producer.send(KEYS.map((key) => facts.record({ key, value: 'old' })))
  await until(() => [...table.entries()].length === KEYS.length)
  // Nothing comes in the partitions that it knows: it has to hear of the others by themselves.
  await log.admin.createPartitions('facts', 5)
  await until(() => table.asOf.length === 5)
  await producer.send(KEYS.map((key) => facts.record({ key, value: 'new' })))
  await until(() => table.asOf.reduce((sum, { nextOffset }) => sum + nextOffset, 0) === 2 * KEYS.length)
  assert.ok(table.asOf.slice(2).some(({ nextOffset }) => nextOffset > 0))
  for (const key of KEYS) assert.is(table.get(key), 'new', key)
  assert.equal(new Map(table.entries()), new Map(KEYS.map((key) => [key, 'new'])))
  assert.is([...table.entries()].length, KEYS.length, 'a key whose partition is another one is there once')
  // Where a program itself put it, the table finds it too.
  await producer.send({ ...facts.record({ key: 'mine', value: 'here' }), partition: 3 })
  await until(() => table.get('mine') === 'here')
  await table.close()
}

test('partitions that are added are read, and the value in the newer one counts', async () => {
  const log = await openMemory({ topics: [facts] })
  await grows(log, log)
  await log.close()
})

test('a topic from which retention takes the last value of a key is refused, one that keeps it is not', async () => {
  const log = await openMemory()
  const named = (name: string) => topic(name, { key: string, value: string })
  const losing = [{}, { 'retention.ms': -1, 'retention.bytes': 1000 }, { 'retention.ms': 1000 }]
  for (const [index, config] of losing.entries()) {
    await log.admin.createTopic(`losing-${index}`, { config })
    const { message, details } = await failure('INVALID_CONFIG', () => log.table(named(`losing-${index}`)))
    assert.match(message, 'cleanup.policy')
    assert.equal(details, { topic: `losing-${index}`, key: 'cleanup.policy' })
  }
  const keeping = [{ 'cleanup.policy': 'compact,delete', 'retention.ms': 1000 }, { 'retention.ms': -1 }]
  for (const [index, config] of keeping.entries()) {
    await log.admin.createTopic(`keeping-${index}`, { config })
    await (await log.table(named(`keeping-${index}`))).close()
  }
  await log.close()
})

test('a topic that is altered so that values go: an open table keeps those that it has read and follows on, the next one is refused', async () => {
  const log = await openMemory({ topics: [facts] })
  const producer = log.producer()
  await producer.send({ ...facts.record({ key: 'a', value: 'old' }), partition: 0 })
  const table = await log.table(facts)
  await log.admin.alterConfig('facts', { 'cleanup.policy': 'delete' })
  await log.admin.deleteRecords([{ topic: 'facts', partition: 0, beforeOffset: -1 }])
  await producer.send({ ...facts.record({ key: 'b', value: 'new' }), partition: 0 })
  await until(() => table.get('b') === 'new')
  assert.is(table.get('a'), 'old')
  await failure('INVALID_CONFIG', () => log.table(facts))
  await table.close()
  await log.close()
})

test('a table whose records are removed before it has read them says so, and gives no values', async () => {
  const { log, broker } = setup({ facts: { partitions: 2, config } })
  const table = await log.table(facts)
  broker.write('facts', ['a', 'b'])
  broker.partition({ topic: 'facts', partition: 0 }).logStartOffset = 1
  await settle()
  await failure('OFFSET_OUT_OF_RANGE', () => table.get('k1'))
  await failure('OFFSET_OUT_OF_RANGE', () => [...table.entries()])
  await table.close()
})

test('a closed table leaves nothing at the signal that it was opened with', async () => {
  const log = await openMemory({ topics: [facts] })
  const { signal } = new AbortController()
  const table = await log.table(facts, { signal })
  assert.is(getEventListeners(signal, 'abort').length, 1)
  await table.close()
  assert.is(getEventListeners(signal, 'abort').length, 0)
  await log.close()
})

// It told what it had read by then, for good, and nobody heard that it had stopped.
test('a table that its signal has stopped says so, and gives no values that may be old', async () => {
  const log = await openMemory({ topics: [facts] })
  const producer = log.producer()
  await producer.send(facts.record({ key: 'a', value: 'old' }))
  const stop = new AbortController()
  const table = await log.table(facts, { signal: stop.signal })
  assert.is(table.get('a'), 'old')
  const reason = new Error('stopped')
  stop.abort(reason)
  await producer.send(facts.record({ key: 'a', value: 'new' }))
  assert.throws(
    () => table.get('a'),
    (error: unknown) => error === reason,
  )
  assert.throws(
    () => [...table.entries()],
    (error: unknown) => error === reason,
  )
  await table.close()
  await log.close()
})

test('in an attached process a closed table leaves nothing at the signal either', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'oncelog-table-'))
  const holder = await open(directory, { topics: [facts] })
  const attached = await open(directory)
  assert.is(attached.role, 'attached')
  await grows(holder, attached)
  await attached.close()
  await holder.close()
  rmSync(directory, { recursive: true, force: true })
})

test('a table that opens while its log closes is closed with it, and leaves nothing at its signal', async () => {
  for (let turns = 0; turns < 20; turns++) {
    const log = await openMemory({ topics: [facts] })
    const { signal } = new AbortController()
    const opening = log.table(facts, { signal }).catch((error: unknown) => {
      if (!LogError.is(error, 'LOG_CLOSED')) throw error
    })
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    await log.close()
    await opening
    assert.is(getEventListeners(signal, 'abort').length, 0, `closed ${turns} turns after the call`)
  }
})

for (const use of ['a table', 'state'] as const) {
  test(`records that go while ${use} is being read: it begins anew where the log starts by then`, async () => {
    const { broker } = await openHeld(new MemoryStore(), nodePort, {})
    const log = new BrokerLog(broker, nodePort)
    const values = topic('values', { key: string, value: string, config: { 'cleanup.policy': 'compact,delete' } })
    await log.admin.createTopic('values', { config: values.config ?? {} })
    await log.admin.createTopic('in')
    const producer = log.producer()
    await producer.send(KEYS.map((key) => values.record({ key, value: 'set' })))
    await producer.send({ topic: 'in', key: 'k', value: 'v' })
    const offsets = broker.admin.offsets.bind(broker.admin)
    let beforeOffset = 0
    Object.assign(broker.admin, {
      offsets: async (at: Parameters<typeof offsets>[0]) => {
        const found = await offsets(at)
        const isDue = at[0]?.topic === 'values' && beforeOffset < 5
        if (isDue) beforeOffset++
        if (isDue) await broker.admin.deleteRecords([{ topic: 'values', partition: 0, beforeOffset }])
        return found
      },
    })
    const kept: string[] = []
    if (use === 'a table') for (const [key] of (await log.table(values)).entries()) kept.push(key)
    else {
      const handle = async (_: unknown, { state }: { state: { values: KeyValue<string, string> } }) => {
        for (const key of KEYS) if ((await state.values.get(key)) === 'set') kept.push(key)
      }
      const processor = log.process({ groupId: 'g', topics: ['in'], state: { values: store(values) }, handle })
      await Promise.race([processor.done, until(() => kept.length > 0)])
    }
    assert.equal(kept, KEYS.slice(5))
    await log.close()
  })
}

// Regression: one such moment, and the table gave nothing but that error from then on.
test('a table that finds no memory for a moment goes on', async () => {
  const { broker } = await openHeld(new MemoryStore(), nodePort, {})
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('facts', { partitions: 2, config })
  const openReader = broker.openReader.bind(broker)
  let refusals = 0
  broker.openReader = () => {
    const reader = openReader()
    const fetch = reader.fetch.bind(reader)
    reader.fetch = (request) => {
      if (++refusals <= 3) return Promise.reject(new LogError('MEMORY_CAP_REACHED', 'by the test'))
      return fetch(request)
    }
    return reader
  }
  const table = await log.table(facts)
  await log.producer().send(facts.record({ key: 'a', value: 'new' }))
  await until(() => table.get('a') === 'new')
  assert.ok(refusals > 3)
  await table.close()
  await log.close()
})

test('a key that can’t be decoded is told as a value is', async () => {
  const log = await openMemory({ topics: [facts] })
  await log.producer().send({ topic: 'facts', key: new Uint8Array([0xff]), value: 'v' })
  const table = await log.table(facts)
  const { details } = await failure('RECORD_DESERIALIZATION', () => [...table.entries()])
  assert.is(details['topic'], 'facts')
  await table.close()
  await log.close()
})

// Regression: it looked for them only once a fetch had found nothing.
test('partitions that are added are read, however busy the others are', async () => {
  const { broker } = await openHeld(new MemoryStore(), nodePort, {})
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('facts', { config })
  const producer = log.producer()
  const openReader = broker.openReader.bind(broker)
  let fetches = 0
  broker.openReader = () => {
    const reader = openReader()
    const fetch = reader.fetch.bind(reader)
    reader.fetch = async (request) => {
      // There is always something in the one that it knows.
      if (request.knownPartitions === 1 && ++fetches < 1000)
        await producer.send({ ...facts.record({ key: 'busy', value: `${fetches}` }), partition: 0 })
      return fetch(request)
    }
    return reader
  }
  const table = await log.table(facts)
  await log.admin.createPartitions('facts', 2)
  await producer.send({ ...facts.record({ key: 'k', value: 'of the new one' }), partition: 1 })
  await until(() => table.get('k') !== undefined)
  assert.ok(fetches < 1000, 'the other one is busy still')
  await table.close()
  await log.close()
})

test('partitions of a topic that was made again are not added to the table of the old one', async () => {
  const { broker } = await openHeld(new MemoryStore(), nodePort, {})
  const log = new BrokerLog(broker, nodePort)
  await log.admin.createTopic('facts', { config })
  const openReader = broker.openReader.bind(broker)
  const [looked, told] = [gate(), gate()]
  let [isOpen, isMadeAgain] = [false, false]
  broker.openReader = () => {
    const reader = openReader()
    const [fetch, named] = [reader.fetch.bind(reader), reader.topic.bind(reader)]
    reader.topic = async (name) => {
      if (!isOpen || isMadeAgain) return named(name)
      isMadeAgain = true
      await log.admin.deleteTopic('facts')
      await log.admin.createTopic('facts', { partitions: 2, config })
      await log.producer().send({ ...facts.record({ key: 'k', value: 'new' }), partition: 1 })
      return named(name)
    }
    reader.fetch = async (request) => {
      if (isMadeAgain && request.knownPartitions !== undefined) {
        looked.open()
        await told.opened
      }
      return fetch(request)
    }
    return reader
  }
  const table = await log.table(facts)
  isOpen = true
  await log.producer().send(facts.record({ key: 'a', value: 'old' }))
  await looked.opened
  assert.equal([...table.entries()], [['a', 'old']])
  told.open()
  await until(() => {
    try {
      return table.get('a') === undefined
    } catch (error) {
      return LogError.is(error, 'UNKNOWN_TOPIC_ID')
    }
  })
  await table.close()
  await log.close()
})

test('what a program does to the bytes of a value changes no table', async () => {
  const raw = topic('raw', { key: string, value: bytes, config })
  const log = await openMemory({ topics: [raw] })
  await log.producer().send(raw.record({ key: 'k', value: new Uint8Array([1]) }))
  const table = await log.table(raw)
  for (const value of [table.get('k'), ...[...table.entries()].map(([, each]) => each)]) value?.fill(9)
  assert.equal(table.get('k'), new Uint8Array([1]))
  await table.close()
  await log.close()
})

test.run()
