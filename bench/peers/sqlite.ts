import { join } from 'node:path'
import type { BenchRecord, Peer, PeerOptions, Visit } from '../harness/peer.ts'
import type { Row, SqliteConnection } from './sqlite-connection.ts'
import { SqliteGroups } from './sqlite-groups.ts'

// Ten rows a statement is 40 % faster in bulk at 100 B than one; fifty is slower again.
const ROWS_PER_STATEMENT = 10
const SCAN_ROWS = 500

/** `full`: synchronous=FULL always; `normal`: NORMAL, with FULL only for a commit asked to be durable. */
export type SqliteMode = 'full' | 'normal' | 'grouped'

export class SqliteLog implements Peer {
  readonly checksReads: boolean = false
  readonly #connect: (file: string) => SqliteConnection
  readonly #mode: SqliteMode
  #connection!: SqliteConnection
  #begin!: () => void
  #commit!: () => void
  #insertOne!: (...values: readonly (Uint8Array | number)[]) => void
  #insertTen!: (...values: readonly (Uint8Array | number)[]) => void
  #one!: (offset: number) => Row | undefined
  #full: boolean = false
  #group: { readonly records: BenchRecord[]; readonly done: Promise<void> } | undefined
  readonly #values: Uint8Array[] = new Array<Uint8Array>(ROWS_PER_STATEMENT * 2)
  append?: (record: BenchRecord) => Promise<void>

  constructor(connect: (file: string) => SqliteConnection, mode: SqliteMode) {
    this.#connect = connect
    this.#mode = mode
    if (mode === 'grouped') this.append = (record): Promise<void> => this.#appendGrouped(record)
  }

  appendGroup?: NonNullable<Peer['appendGroup']>
  process?: NonNullable<Peer['process']>
  ingest?: NonNullable<Peer['ingest']>

  open(directory: string, options: PeerOptions): void {
    const connection = this.#connect(join(directory, 'log.sqlite'))
    const pageBytes = options.commit === 'small' && options.valueBytes <= 256 ? 4096 : 8192
    connection.exec(`PRAGMA page_size=${pageBytes}`)
    // Before WAL is entered: an exclusive holder keeps the WAL index on its heap, without shared memory and locks.
    connection.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA cache_size=-65536')
    connection.exec('PRAGMA mmap_size=1073741824; PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY')
    connection.exec('CREATE TABLE IF NOT EXISTS log (sequence INTEGER PRIMARY KEY, key BLOB, value BLOB)')
    this.#connection = connection
    this.#setFull(this.#mode !== 'normal', true)
    this.#begin = connection.run('BEGIN IMMEDIATE')
    this.#commit = connection.run('COMMIT')
    const insert = 'INSERT INTO log (key, value) VALUES '
    this.#insertOne = connection.run(`${insert}(?, ?)`)
    this.#insertTen = connection.run(insert + Array(ROWS_PER_STATEMENT).fill('(?, ?)').join(', '))
    const groups = new SqliteGroups(connection)
    this.appendGroup = (parts, nextOffset, client): void => groups.append(parts, nextOffset, client)
    this.process = (records): void => groups.process(records)
    this.ingest = (rows): void => groups.ingest(rows)
    this.#one = connection.one('SELECT key, value FROM log WHERE sequence = ?')
  }

  appendBatch(records: readonly BenchRecord[], durable: boolean): void {
    // The sync of a FULL commit covers the whole WAL, so one such commit makes all earlier NORMAL ones durable.
    if (this.#mode === 'normal') this.#setFull(durable)
    if (records.length === 1) {
      const { key, value } = records[0] as BenchRecord
      this.#insertOne(key, value)
      return
    }
    this.#begin()
    const values = this.#values
    let at = 0
    for (; at + ROWS_PER_STATEMENT <= records.length; at += ROWS_PER_STATEMENT) {
      for (let row = 0; row < ROWS_PER_STATEMENT; row++) {
        const { key, value } = records[at + row] as BenchRecord
        values[row * 2] = key
        values[row * 2 + 1] = value
      }
      this.#insertTen(...values)
    }
    for (; at < records.length; at++) {
      const { key, value } = records[at] as BenchRecord
      this.#insertOne(key, value)
    }
    this.#commit()
  }

  scan(visit: Visit): number {
    const page = this.#connection.page('SELECT key, value FROM log WHERE sequence > ? ORDER BY sequence LIMIT ?')
    let records = 0
    for (;;) {
      const rows = page(records, SCAN_ROWS)
      for (const row of rows) visit(row[0], row[1])
      records += rows.length
      if (rows.length < SCAN_ROWS) return records
    }
  }

  read(offset: number, visit: Visit): void {
    const row = this.#one(offset + 1)
    if (row === undefined) throw new Error(`no row at offset ${offset}`)
    visit(row[0], row[1])
  }

  nextOffset(): number {
    return this.#connection.count()
  }

  close(): void {
    this.#connection.close()
  }

  #setFull(full: boolean, always: boolean = false): void {
    if (this.#full === full && !always) return
    this.#connection.exec(`PRAGMA synchronous=${full ? 'FULL' : 'NORMAL'}`)
    this.#full = full
  }

  /** What a user can do by hand: all producers of a turn share one transaction. */
  #appendGrouped(record: BenchRecord): Promise<void> {
    if (this.#group === undefined) {
      const records: BenchRecord[] = []
      const done = new Promise<void>((resolve) => {
        setImmediate(() => {
          this.#group = undefined
          this.appendBatch(records, true)
          resolve()
        })
      })
      this.#group = { records, done }
    }
    this.#group.records.push(record)
    return this.#group.done
  }
}
