import Database from 'better-sqlite3'
import type { Peer } from '../harness/peer.ts'
import { SqliteLog, type SqliteMode } from './sqlite.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

function connect(file: string): SqliteConnection {
  const database = new Database(file)
  return {
    exec: (sql): void => void database.exec(sql),
    run: (sql) => {
      const statement = database.prepare(sql)
      return (...values): void => void statement.run(...values)
    },
    one: (sql) => {
      const statement = database.prepare(sql).raw()
      return (offset) => statement.get(offset)
    },
    page: (sql) => {
      const statement = database.prepare(sql).raw()
      return (after, limit) => statement.all(after, limit)
    },
    count: () => Number(database.prepare('SELECT coalesce(max(sequence), 0) AS n FROM log').raw().get()?.[0]),
    close: (): void => void database.close(),
  }
}

export function createPeer(variant: string): Peer {
  return new SqliteLog(connect, variant as SqliteMode)
}
