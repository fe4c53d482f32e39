import { DatabaseSync } from 'node:sqlite'
import type { Peer } from '../harness/peer.ts'
import { SqliteLog, type SqliteMode } from './sqlite.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

function connect(file: string): SqliteConnection {
  const database = new DatabaseSync(file)
  return {
    exec: (sql): void => database.exec(sql),
    run: (sql) => {
      const statement = database.prepare(sql)
      return (...values): void => void statement.run(...values)
    },
    one: (sql) => {
      const statement = database.prepare(sql)
      statement.setReturnArrays(true)
      return (offset) => statement.get(offset)
    },
    page: (sql) => {
      const statement = database.prepare(sql)
      statement.setReturnArrays(true)
      return (after, limit) => statement.all(after, limit)
    },
    count: (): number => {
      const statement = database.prepare('SELECT coalesce(max(sequence), 0) AS n FROM log')
      statement.setReturnArrays(true)
      return Number(statement.get()?.[0])
    },
    close: (): void => database.close(),
  }
}

export function createPeer(variant: string): Peer {
  return new SqliteLog(connect, variant as SqliteMode)
}
