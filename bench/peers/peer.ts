import type { PeerDefinition, WorkloadName } from '../harness/peer.ts'

// The interface every peer implements stands in bench/harness/peer.ts; this is the list of the rivals.
export type * from '../harness/peer.ts'

const EVERYTHING: readonly WorkloadName[] = [
  'bulk',
  'durable-100',
  'durable-1',
  'producers-64',
  'scan',
  'read',
  'follow-relaxed',
  'follow-durable',
  'reopen',
  'cold-start',
]
/** Transactions, and what is built of them. */
const EXACTLY_ONCE: readonly WorkloadName[] = ['transactions', 'transactions-64', 'process', 'ingest']
const DURABLE: readonly WorkloadName[] = ['durable-100', 'durable-1', 'follow-durable', 'producers-64']
const without = (...left: readonly WorkloadName[]): WorkloadName[] => EVERYTHING.filter((name) => !left.includes(name))

// npm's package `node` brings a newer Node, which has node:sqlite.
const NEWER_NODE: URL = new URL('./node_modules/node/bin/node', import.meta.url)
const WAL = 'WAL, exclusive, cache 64 MiB, mmap, autocheckpoint 4000, page 8192 (4096 small), 10 rows a statement'

function define(
  name: string,
  module: string,
  variant: string,
  workloads: readonly WorkloadName[],
  settings: string,
  runtime?: URL,
): PeerDefinition {
  return { name, module: new URL(module, import.meta.url), variant, workloads, settings, runtime }
}

export const peers: readonly PeerDefinition[] = [
  define('noop', '../harness/noop.ts', '', ['bulk'], 'stores nothing: memory of the harness itself'),
  define('raw', './raw.ts', 'raw', without('producers-64'), 'append + fdatasync, nothing checked'),
  define('raw-crc', './raw.ts', 'raw-crc', without('producers-64'), 'append + fdatasync, native CRC-32C per batch'),
  define('raw-async', './raw.ts', 'raw-async', ['durable-100', 'durable-1', 'follow-durable'], 'raw-crc, pooled sync'),
  define(
    'raw-prealloc',
    './raw.ts',
    'raw-prealloc',
    [...without('bulk', 'producers-64', 'cold-start'), 'transactions', 'ingest'],
    'raw-crc on 16 MiB files zeroed ahead',
  ),
  define('raw-ring', './raw.ts', 'raw-ring', ['durable-100', 'durable-1'], 'raw-crc on two zeroed files, reused'),
  define('raw-ring-async', './raw.ts', 'raw-ring-async', ['durable-100', 'durable-1'], 'raw-ring, pooled sync'),
  define('raw-blob', './raw.ts', 'raw-blob', ['bulk', 'durable-100', 'durable-1'], 'encoded beforehand: the limit'),
  ...['', '-prealloc', '-ring'].flatMap((file) =>
    ['', '-async'].map((pooled) => {
      const name = `raw-coalesce${file}${pooled}`
      return define(name, './raw-coalesce.ts', name, ['producers-64'], 'what arrives in a turn: one write, one sync')
    }),
  ),
  define('sqlite-full', './better-sqlite3.ts', 'full', [...EVERYTHING, ...EXACTLY_ONCE], `FULL, ${WAL}`),
  define('sqlite-normal', './better-sqlite3.ts', 'normal', without(...DURABLE), `NORMAL, ${WAL}`),
  define(
    'sqlite-grouped',
    './better-sqlite3.ts',
    'grouped',
    ['producers-64'],
    `FULL, a turn's records grouped by hand`,
  ),
  define('node-sqlite-full', './node-sqlite.ts', 'full', [...EVERYTHING, ...EXACTLY_ONCE], `FULL, ${WAL}`, NEWER_NODE),
  define('node-sqlite-normal', './node-sqlite.ts', 'normal', without(...DURABLE), `NORMAL, ${WAL}`, NEWER_NODE),
  define(
    'lmdb',
    './lmdb.ts',
    'put',
    EVERYTHING,
    'put, overlappingSync (separateFlushed if relaxed), page 16384 / 4096',
  ),
  define('lmdb-sync', './lmdb.ts', 'sync', without('producers-64'), 'transactionSync, append flag, page 16384 / 4096'),
  define('level', './classic-level.ts', '', EVERYTHING, 'chained batch, 64 MiB buffer, 16 KiB blocks, no compression'),
  define(
    'event-storage',
    './event-storage.ts',
    '',
    without('producers-64', 'durable-1'),
    'Storage, 256 KiB buffers, text',
  ),
  define(
    'aaol',
    './aaol.ts',
    '',
    without('producers-64', 'follow-relaxed', 'reopen'),
    '64 KiB blocks, drained every 50',
  ),
]
