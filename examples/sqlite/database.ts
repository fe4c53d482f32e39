import { createRequire } from 'node:module'

/**
 * SQLite by two drivers: a package that is compiled, or the module of Nodes from 22.13 on. What is used of them is
 * alike.
 */
export type Driver = 'better-sqlite3' | 'node:sqlite'

export type Value = string | number | null
export type Row = Readonly<Record<string, Value>>

export interface Statement {
  run(...values: readonly Value[]): { readonly changes: number | bigint }
  get(...values: readonly Value[]): Row | undefined
  all(...values: readonly Value[]): Row[]
}

export interface Database {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  close(): unknown
}

/** Here better-sqlite3 is installed beside the benches' rivals; a program of yours just imports it. */
const load = createRequire(new URL('../../bench/peers/package.json', import.meta.url))

export function openDatabase(path: string, driver: Driver): Database {
  const database = new (driverClass(driver))(path)
  // With every commit on stable storage: what the database says it has, it has after a power cut too.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  return database
}

function driverClass(driver: Driver): new (path: string) => Database {
  if (driver === 'better-sqlite3') return load(driver) as new (path: string) => Database
  if (driver === 'node:sqlite') return (load(driver) as { DatabaseSync: new (path: string) => Database }).DatabaseSync
  throw new Error(`no driver "${String(driver)}": better-sqlite3 or node:sqlite`)
}

/** All of `work` or nothing of it. */
export function inTransaction<R>(database: Database, work: () => R): R {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
