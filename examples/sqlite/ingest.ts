// Rows of your SQLite database into the log, exactly once: an outbox and its relay.
//
//   npm ci --prefix bench/peers                                             # once, for the drivers
//   node --import tsx examples/sqlite/ingest.ts [directory] [driver]        # driver: better-sqlite3 or node:sqlite
//
// An order and its row in the outbox are one SQL transaction; the records and the position of their rows are one
// transaction of the log. Here the relay ends when the outbox does; each run adds three orders. Kill it wherever you
// like, and run it again.
import { join } from 'node:path'
import { open } from 'oncelog'
import { type Driver, openDatabase } from './database.ts'
import { addOrder, createTables, orders, relay } from './outbox.ts'

const [directory = './data', driver = 'better-sqlite3'] = process.argv.slice(2)
const log = await open(directory, { topics: [orders] })
const database = openDatabase(join(directory, 'orders.sqlite'), driver as Driver)
try {
  createTables(database)
  for (const item of ['tea', 'ink', 'rope']) addOrder(database, item)
  await relay(log, database, () => true)
  for await (const { offset, value } of log.read(orders, { until: 'end' })) console.log(offset, value?.id, value?.item)
} finally {
  database.close()
  await log.close()
}
