// table: the last value of each key, over partitions that are added while it is open.
import { getEventListeners } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Log, LogError, open, openMemory, string, topic } from '../../bindings/entry/node.ts'
import { settle } from '../client/fake-port.ts'
import { failure, setup } from '../client/support.ts'

const config = { 'cleanup.policy': 'compact' }
const facts = topic('facts', { key: string, value: string, partitions: 2, config })
const KEYS = Array.from({ length: 12 }, (_, index) => `k${index}`)

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}

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

test('a table from under which records go before it has read them says so, and gives no values', async () => {
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

test('the same for a process that is attached', async () => {
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

test.run()
