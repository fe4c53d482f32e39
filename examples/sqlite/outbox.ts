import { type IngestItem, json, type Log, type Topic, topic, unchecked } from 'oncelog'
import { type Database, inTransaction } from './database.ts'

export interface Order {
  readonly id: number
  readonly item: string
}

export const orders: Topic<'orders', string, string, Order, Order> = topic('orders', {
  value: unchecked<Order>(json()),
})

const PAGE_ROWS = 100
const LOOK_AGAIN_MS = 50

/** AUTOINCREMENT, so that no id comes again when rows were deleted: a row under an old id would be passed over. */
export function createTables(database: Database): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, order_id INTEGER NOT NULL, item TEXT NOT NULL);
  `)
}

/** The program's own work: what it changed and what is to be told of it are committed together. */
export function addOrder(database: Database, item: string): void {
  inTransaction(database, () => {
    database.prepare('INSERT INTO orders (item) VALUES (?)').run(item)
    database
      .prepare('INSERT INTO outbox (order_id, item) SELECT id, item FROM orders WHERE id = last_insert_rowid()')
      .run()
  })
}

/**
 * Rows after a position, in their order; waits for more until `isOver` says that there won't be any. Positions have to
 * become visible in their order, as they do in SQLite, which has one writer. Where several commit at once, a late one
 * with a lower position would be skipped.
 */
async function* rowsAfter(
  database: Database,
  after: number,
  isOver: () => boolean,
): AsyncGenerator<IngestItem<number>, void, undefined> {
  const select = database.prepare('SELECT * FROM outbox WHERE position > ? ORDER BY position LIMIT ?')
  for (let position = after; ; ) {
    const over = isOver()
    const rows = select.all(position, PAGE_ROWS)
    for (const row of rows) {
      position = Number(row['position'])
      const order = { id: Number(row['order_id']), item: String(row['item']) }
      yield { position, records: orders.record({ key: String(order.id), value: order }) }
    }
    if (rows.length > 0) continue
    if (over) return
    // SQLite tells nobody of another process's rows.
    await new Promise((resume) => setTimeout(resume, LOOK_AGAIN_MS))
  }
}

/** Every row of the outbox into the log, once, however often this is killed and started again. */
export async function relay(log: Log, database: Database, isOver: () => boolean): Promise<void> {
  const processor = log.ingest<number>({
    source: 'outbox',
    read: (after = 0) => {
      // They are in the log, with the position: nobody needs them here.
      database.prepare('DELETE FROM outbox WHERE position <= ?').run(after)
      return rowsAfter(database, after, isOver)
    },
  })
  await processor.done
}
