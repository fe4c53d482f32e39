// Records of the log into your SQLite database, exactly once: rows and position change in one SQL transaction.
//
//   npm ci --prefix bench/peers                                             # once, for the drivers
//   node --import tsx examples/sqlite/positions.ts [directory] [driver]     # driver: better-sqlite3 or node:sqlite
//
// The log keeps no offsets of this group: it asks the database where to go on. Each run adds thirty payments. Kill it
// wherever you like, and run it again.
import { join } from 'node:path'
import { open } from 'oncelog'
import { createTables, keepBalances, payments } from './balances.ts'
import { type Driver, openDatabase } from './database.ts'

const [directory = './data', driver = 'better-sqlite3'] = process.argv.slice(2)
const log = await open(directory, { topics: [payments] })
const database = openDatabase(join(directory, 'balances.sqlite'), driver as Driver)
try {
  createTables(database)
  const accounts = ['ada', 'bob', 'eve']
  const list = Array.from({ length: 30 }, (_, index) => ({ account: accounts[index % 3] ?? '', cents: index }))
  await log.producer().send(list.map((value) => payments.record({ key: value.account, value })))
  await keepBalances(log, database)
  const rows = database.prepare('SELECT account, cents FROM balances ORDER BY account').all()
  for (const { account, cents } of rows) console.log(account, cents)
} finally {
  database.close()
  await log.close()
}
