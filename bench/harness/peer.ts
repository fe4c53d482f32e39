// What a store must offer to be measured. A peer is one module that exports `createPeer(variant)`; a case process
// imports it (timed), opens it on an empty or an existing directory and calls nothing that is not written here.
//
// - A method may work at once or return a promise; the harness awaits only promises, so a synchronous store pays nothing.
// - `appendBatch(records, durable)`: one atomic append. `durable`: on stable storage when it returns; otherwise handed to
//   the operating system or to a buffer of the store's own. A durable append covers every append before it.
// - `append(record, producer)`: one durable record of the producer with that number, called by many of them at once, each
//   with one record outstanding. A store that can share flushes does so here. Left out, the harness calls
//   `appendBatch([record], true)`.
// - `appendGroup(parts, nextOffset, client)`: the records of each part to a partition of its own, and the position of a
//   consumer, durable together when it returns; with `commit: 'transaction'` all of it or nothing, and called by many
//   clients at once, each with one outstanding and a position of its own.
// - `process(records)`: each record that was appended goes on to an output and is the newest state of its key; output, state
//   and position durable together for each 1000.
// - `ingest(rows)`: rows that come one by one, durable with their position for each 1000.
// - `scan(visit)`: every record in offset order; gives the number of records. What is visited may be a view that is valid
//   during the call only, and a string where that is what the store itself stores. `checksReads` says whether the bytes
//   are verified against a checksum on the way.
// - `read(offset, visit)`: one record; offsets count from 0 in append order, whatever the store calls them.
// - `follow(visit)`: pushes every record appended from now on to `visit`. Left out, the consumer is told by the producer
//   after its append and reads the record back with `read`, which costs a store without push nothing for the telling.
// - `nextOffset()`: where the next record goes, right after a reopen: the number of records, or more where offsets were left
//   unused.
// - `close()`: everything released; a store that was written with `durable: false` need not be durable.
// - `report()`: figures of the store's own for the table (flushes, checkpoints ...) so far; read after close too.
// - `open(directory, options)`: `options` tell what the workload is about to do, so that a store can take its best setting.
//
// A `PeerDefinition` names module, variant and the workloads it takes part in. Modules are bundled to plain JavaScript
// before the first measurement, so no case pays for a TypeScript loader; `runtime` may name another Node executable.

export interface BenchRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface PeerOptions {
  /** Bytes of every value. */
  readonly valueBytes: number
  /** `bulk`: about a thousand records an append; `small`: up to a hundred; `group`, `transaction`: by `appendGroup`. */
  readonly commit: 'bulk' | 'small' | 'group' | 'transaction'
  /** Whether most appends will be durable. */
  readonly durable: boolean
}

export type Visit = (key: Uint8Array | string, value: Uint8Array | string) => void

export interface Peer {
  readonly checksReads: boolean
  open(directory: string, options: PeerOptions): void | Promise<void>
  appendBatch(records: readonly BenchRecord[], durable: boolean): void | Promise<void>
  append?(record: BenchRecord, producer: number): void | Promise<void>
  appendGroup?(parts: readonly (readonly BenchRecord[])[], nextOffset: number, client: number): void | Promise<void>
  process?(records: number): void | Promise<void>
  ingest?(rows: Iterable<BenchRecord>): void | Promise<void>
  scan?(visit: Visit): number | Promise<number>
  read?(offset: number, visit: Visit): void | Promise<void>
  follow?(visit: Visit): void | Promise<void>
  nextOffset(): number | Promise<number>
  report?(): Readonly<Record<string, number>>
  close(): void | Promise<void>
}

export type WorkloadName =
  | 'bulk'
  | 'durable-100'
  | 'durable-1'
  | 'producers-64'
  | 'group'
  | 'transactions'
  | 'transactions-64'
  | 'process'
  | 'ingest'
  | 'scan'
  | 'read'
  | 'follow-relaxed'
  | 'follow-durable'
  | 'reopen'
  | 'cold-start'

export interface PeerDefinition {
  readonly name: string
  /** TypeScript source of the module that exports `createPeer`. */
  readonly module: URL
  readonly variant: string
  readonly workloads: readonly WorkloadName[]
  /** Another Node executable; the one that runs the harness unless given. */
  readonly runtime?: URL | undefined
  /** One line on the settings, for the report. */
  readonly settings: string
}

export interface PeerModule {
  createPeer(variant: string): Peer
}
