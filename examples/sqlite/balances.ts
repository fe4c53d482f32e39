import { json, type Log, type Position, type RecordBatch, type Topic, topic, unchecked } from 'oncelog'
import { type Database, inTransaction } from './database.ts'

export interface Payment {
  readonly account: string
  readonly cents: number
}

export const payments: Topic<'payments', string, string, Payment, Payment> = topic('payments', {
  value: unchecked<Payment>(json()),
  partitions: 2,
})

export function createTables(database: Database): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS balances (account TEXT PRIMARY KEY, cents INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS entries (place TEXT, account TEXT NOT NULL, cents INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS positions (
      topic TEXT, partition INTEGER, next_offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)
    );
  `)
}

/** Where the database is, by partition: what a transaction of it must find unchanged. */
class Positions {
  readonly #database: Database
  readonly #known: Map<number, number> = new Map()

  constructor(database: Database) {
    this.#database = database
  }

  load(partitions: readonly number[]): Position[] {
    const select = this.#database.prepare('SELECT next_offset FROM positions WHERE topic = ? AND partition = ?')
    return partitions.map((partition) => {
      const nextOffset = Number(select.get(payments.name, partition)?.['next_offset'] ?? 0)
      this.#known.set(partition, nextOffset)
      return { topic: payments.name, partition, nextOffset }
    })
  }

  /** Inside the SQL transaction of the rows. Throws where another consumer was faster: it has the partition now. */
  move({ partition, nextOffset }: Position): void {
    const { changes } = this.#database
      .prepare(
        `INSERT INTO positions (topic, partition, next_offset) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset WHERE next_offset = ?`,
      )
      .run(payments.name, partition, nextOffset, this.#known.get(partition) ?? 0)
    if (Number(changes) !== 1) throw new Error(`another consumer has moved partition ${partition}`)
  }

  moved({ partition, nextOffset }: Position): void {
    this.#known.set(partition, nextOffset)
  }
}

/** Every payment into the balances, once, however often this is killed and started again. Ends when it has read all. */
export async function keepBalances(log: Log, database: Database): Promise<void> {
  const positions = new Positions(database)
  const consumer = log.consumer({
    groupId: 'balances',
    topics: [payments],
    // Asked whenever partitions are assigned.
    positions: async (assigned) => positions.load(assigned.map(({ partition }) => partition)),
  })
  for await (const batch of consumer.batches({ maxRecords: 10 })) {
    inTransaction(database, () => {
      write(database, batch)
      positions.move(batch)
    })
    positions.moved(batch)
    const left = [...(await consumer.lag()).values()].some((lag) => lag > 0)
    if (!left) break
  }
  await consumer.close()
}

function write(database: Database, batch: RecordBatch<typeof payments>): void {
  const add = database.prepare(
    `INSERT INTO balances (account, cents) VALUES (?, ?)
     ON CONFLICT DO UPDATE SET cents = cents + excluded.cents`,
  )
  const enter = database.prepare('INSERT INTO entries (place, account, cents) VALUES (?, ?, ?)')
  for (const { partition, offset, value } of batch) {
    if (value === null) continue
    add.run(value.account, value.cents)
    enter.run(`${partition}/${offset}`, value.account, value.cents)
  }
}
