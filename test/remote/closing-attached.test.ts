// Closing an attached log while calls are under way: the calls end as in a log that is held here, unless the holder
// goes away.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { type Admin, type EmbeddedLog, LogError, open } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { hastyPort, held, inUse, optionsOf, Place, turns } from './support.ts'

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-closing-attached-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

/** Of each call a code, or `done`. */
function outcomes(calls: readonly Promise<unknown>[]): Promise<string[]> {
  const told = (error: unknown) => (LogError.is(error) ? (error as LogError).code : String(error))
  return Promise.all(calls.map((call) => call.then(() => 'done', told)))
}

function changes(admin: Admin): Promise<unknown>[] {
  return [
    admin.createTopic('new'),
    admin.createPartitions('t', 2),
    admin.alterConfig('t', { 'retention.ms': 1e9 }),
    admin.deleteRecords([{ topic: 't', partition: 0, beforeOffset: 1 }]),
    admin.deleteTopic('gone'),
  ]
}

for (const role of ['holder', 'attached'] as const) {
  test(`${role}: what is asked of the topics before a close is done, a backup is told of the close`, async () => {
    const directory = join(root, 'log')
    const first = await open(directory)
    for (const name of ['t', 'gone']) await first.admin.createTopic(name)
    for (let index = 0; index < 50; index++)
      await first.producer().send({ topic: 't', partition: 0, value: 'x'.repeat(50_000) })
    const log: EmbeddedLog = role === 'holder' ? first : await open(directory)
    assert.is(log.role, role)
    const calls = [...changes(log.admin), log.backup(join(root, 'copy'))]
    const [told] = await Promise.all([outcomes(calls), log.close()])
    // Before anything is told: what a holder still writes keeps its directory from being removed.
    if (role === 'attached') await first.close()
    assert.equal(told.slice(0, 5), ['done', 'done', 'done', 'done', 'done'])
    // The close ends the backup, unless that was quicker.
    assert.ok(['LOG_CLOSED', 'done'].includes(told[5] ?? ''), told[5])
    assert.equal(await outcomes([log.admin.listTopics()]), ['LOG_CLOSED'])
    const again = await open(directory)
    assert.equal([...(await again.admin.listTopics())].sort(), ['new', 't'])
    await again.close()
  })
}

async function attachedTo(place: Place, port: RuntimePort): Promise<BrokerLog> {
  const shared = new SharedBroker(optionsOf(place, async () => Promise.reject(inUse()), port))
  await shared.open()
  return new BrokerLog(shared, port)
}

async function serving(place: Place): Promise<() => Promise<void>> {
  const holder = await held(new MemoryStore())
  const ends = new SharedBroker(optionsOf(place, async () => holder, hastyPort))
  await ends.open()
  return () => ends.close()
}

test('a holder that does not answer holds up the close for its limit, and the call says who ended it', async () => {
  const place = new Place()
  const closeHolder = await serving(place)
  const log = await attachedTo(place, hastyPort)
  place.fate = (method) => (method === 'createTopic' ? 'unanswered' : 'served')
  const creating = log.admin.createTopic('t').catch((error: unknown) => error)
  await turns(2)
  await log.close()
  const error = await creating
  assert.ok(LogError.is(error, 'NETWORK_EXCEPTION'), String(error))
  assert.match(String(error), /the log was closed before its holder answered: whether createTopic was done is unknown/)
  assert.ok(LogError.is((error as LogError).cause, 'LOG_CLOSED'))
  await closeHolder()
})

/** A send that is on its way to a holder which does with requests what `fate` says from then on. */
async function sending(place: Place, fate: Place['fate']): Promise<{ log: BrokerLog; sent: Promise<unknown> }> {
  const log = await attachedTo(place, hastyPort)
  await log.admin.createTopic('t')
  const producer = log.producer()
  await producer.send({ topic: 't', value: 'before' })
  place.fate = fate
  const sent = producer.send({ topic: 't', value: 'x' }).catch((error: unknown) => error)
  await turns(2)
  return { log, sent }
}

test('a close gives up what producers have sent to a holder that is stopped', async () => {
  const place = new Place()
  const closeHolder = await serving(place)
  const { log, sent } = await sending(place, () => 'unanswered')
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  const reading = consumer[Symbol.asyncIterator]().next()
  const working = log.producer({ transactionalId: 'i' }).transaction(async () => {})
  const failing = outcomes([working])
  await log.close()
  const error = await sent
  assert.ok(LogError.is(error, 'NETWORK_EXCEPTION'), String(error))
  assert.match(String(error), /the log was closed before its holder answered: whether append was done is unknown/)
  assert.is((await reading).done, true)
  assert.equal(await failing, ['NETWORK_EXCEPTION'])
  await closeHolder()
})

test('it gives up what was sent where no holder follows', async () => {
  const place = new Place()
  const closeHolder = await serving(place)
  const { log, sent } = await sending(place, () => 'unanswered')
  place.cut()
  await log.close()
  const told = await sent
  assert.ok(LogError.is(told, 'NETWORK_EXCEPTION'), String(told))
  await closeHolder()
})

test('it waits for what was sent to a holder that answers, however long that takes', async () => {
  const place = new Place()
  const closeHolder = await serving(place)
  let asked = 0
  const enough = new Promise<void>((resolve) => {
    place.fate = (method) => {
      if (method === 'wake' && ++asked === 5) resolve()
      return 'served'
    }
  })
  const counting = place.fate
  const { log, sent } = await sending(place, (method) => (method === 'append' ? 'unanswered' : counting(method)))
  // This channel has no socket that would keep the process alive.
  const awake = setInterval(() => {}, 1000)
  let isClosed = false
  const closing = log.close().then(() => {
    isClosed = true
  })
  // A close that gives up never asks so often.
  await Promise.race([enough, closing])
  const gaveUp = isClosed
  const { listening } = place
  place.cut()
  place.listening = listening
  place.fate = () => 'served'
  await closing
  clearInterval(awake)
  assert.not.ok(gaveUp)
  assert.is(((await sent) as { offset: number }).offset, 1)
  await closeHolder()
})

test('nobody waits for a holder that goes away meanwhile', async () => {
  const place = new Place()
  const closeHolder = await serving(place)
  const log = await attachedTo(place, { ...nodePort, setTimer: () => () => {} })
  place.fate = (method) => (method === 'createTopic' ? 'unanswered' : 'served')
  const creating = log.admin.createTopic('t').catch((error: unknown) => error)
  await turns(2)
  const closing = log.close()
  place.cut()
  await closing
  assert.match(String(await creating), /the holder of the log went away/)
  await closeHolder()
})

test.run()
