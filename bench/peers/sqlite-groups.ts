import type { BenchRecord } from '../harness/peer.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

const PARTS = 4
const ROWS_PER_TRANSACTION = 1000

type Run = (...values: readonly (Uint8Array | number)[]) => void

/** Transactions over several tables: a table for each part, one of positions; statements prepared once. */
export class SqliteGroups {
  readonly #connection: SqliteConnection
  readonly #begin: Run
  readonly #commit: Run
  readonly #move: Run
  readonly #insertTen: readonly Run[]
  readonly #values: (Uint8Array | number)[] = []

  constructor(connection: SqliteConnection) {
    connection.exec('CREATE TABLE IF NOT EXISTS positions (client INTEGER PRIMARY KEY, next INTEGER)')
    connection.exec('CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID')
    connection.exec('CREATE TABLE IF NOT EXISTS output (sequence INTEGER PRIMARY KEY, key BLOB, value BLOB)')
    const rows = Array(10).fill('(?, ?)').join(', ')
    this.#insertTen = Array.from({ length: PARTS }, (_, part) => {
      connection.exec(`CREATE TABLE IF NOT EXISTS part${part} (sequence INTEGER PRIMARY KEY, key BLOB, value BLOB)`)
      return connection.run(`INSERT INTO part${part} (key, value) VALUES ${rows}`)
    })
    this.#connection = connection
    this.#begin = connection.run('BEGIN IMMEDIATE')
    this.#commit = connection.run('COMMIT')
    this.#move = connection.run('INSERT OR REPLACE INTO positions (client, next) VALUES (?, ?)')
  }

  append(parts: readonly (readonly BenchRecord[])[], nextOffset: number, client: number): void {
    this.#begin()
    for (let part = 0; part < parts.length; part++) this.#insert(this.#insertTen[part] as Run, parts[part] ?? [])
    this.#move(client, nextOffset)
    this.#commit()
  }

  /** Ten rows, one statement. */
  #insert(insertTen: Run, records: readonly BenchRecord[]): void {
    const values = this.#values
    for (let row = 0; row < 10; row++) {
      const { key, value } = records[row] as BenchRecord
      values[row * 2] = key
      values[row * 2 + 1] = value
    }
    insertTen(...values)
  }

  process(records: number): void {
    const page = this.#connection.page('SELECT key, value FROM log WHERE sequence > ? ORDER BY sequence LIMIT ?')
    const put = this.#connection.run('INSERT INTO output (key, value) VALUES (?, ?)')
    const change = this.#connection.run('INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)')
    for (let after = 0; after < records; after += ROWS_PER_TRANSACTION) {
      this.#begin()
      for (const [key, value] of page(after, ROWS_PER_TRANSACTION)) {
        put(key, value)
        change(key, value)
      }
      this.#move(0, after + ROWS_PER_TRANSACTION)
      this.#commit()
    }
  }

  ingest(rows: Iterable<BenchRecord>): void {
    const insert = this.#connection.run('INSERT INTO log (key, value) VALUES (?, ?)')
    let count = 0
    for (const { key, value } of rows) {
      if (count % ROWS_PER_TRANSACTION === 0) this.#begin()
      insert(key, value)
      if (++count % ROWS_PER_TRANSACTION !== 0) continue
      this.#move(0, count)
      this.#commit()
    }
  }
}
