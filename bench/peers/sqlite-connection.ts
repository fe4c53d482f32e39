export type Row = readonly [Uint8Array, Uint8Array]

/** What better-sqlite3 and node:sqlite have in common; rows come as arrays. */
export interface SqliteConnection {
  exec(sql: string): void
  run(sql: string): (...values: readonly (Uint8Array | number)[]) => void
  one(sql: string): (offset: number) => Row | undefined
  page(sql: string): (after: number, limit: number) => readonly Row[]
  count(): number
  close(): void
}
