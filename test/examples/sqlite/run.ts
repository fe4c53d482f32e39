// A process of its own: adds a little and relays it, or adds a little and reads it, with SIGKILL at a step of its calls
// to the log and to the database.
import { join } from 'node:path'
import type { Broker } from '../../../bindings/broker/broker.ts'
import { ensureTopics } from '../../../bindings/client/admin/ensure-topics.ts'
import { BrokerLog } from '../../../bindings/client/log.ts'
import { openHeld } from '../../../bindings/entry/embedded/embedded-log.ts'
import { nodePort } from '../../../bindings/entry/embedded/node-port.ts'
import { createDirectoryStore } from '../../../bindings/storage/drivers/node-fs.ts'
import { createTables as createBalances, keepBalances, payments } from '../../../examples/sqlite/balances.ts'
import { type Driver, openDatabase } from '../../../examples/sqlite/database.ts'
import { addOrder, createTables as createOutbox, orders, relay } from '../../../examples/sqlite/outbox.ts'
import { Steps } from './steps.ts'

/** What answers with sessions, which have steps of their own. */
const OPENING = ['admin', 'openProducer', 'openTransactionalProducer', 'openConsumer', 'openReader', 'begin']

const [directory = '', driver = '', what = '', killAt = '0'] = process.argv.slice(2)
const steps = new Steps(Number(killAt))
const held = await openHeld(createDirectoryStore(directory), nodePort, {})
await ensureTopics(held.broker.admin, [orders, payments])
const log = new BrokerLog(steps.around<Broker>(held.broker, 'log', OPENING), nodePort)
const file = openDatabase(join(directory, 'database.sqlite'), driver as Driver)
createOutbox(file)
createBalances(file)
const database = steps.around(file, 'database', ['prepare'])

if (what === 'ingest') {
  for (const item of ['tea', 'ink']) addOrder(database, item)
  await relay(log, database, () => true)
} else {
  const list = ['ada', 'bob', 'eve', 'ada'].map((account, index) => ({ account, cents: index + 1 }))
  await log.producer().send(list.map((value) => payments.record({ key: value.account, value })))
  await keepBalances(log, database)
}
await log.close()
file.close()
