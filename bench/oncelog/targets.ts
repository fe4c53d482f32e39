import type { WorkloadName } from '../harness/peer.ts'
import type { Figures } from '../harness/workload.ts'
import { ONCELOG, WATCHED } from './definitions.ts'

/** What a row is measured by, in which workload. */
interface Judged {
  readonly workload: WorkloadName
  readonly valueBytes: number
  /** What is compared, for the reader. */
  readonly title: string
}

/** How many times better oncelog is than the best of the rivals. */
export interface RatioTarget extends Judged {
  readonly figure: string
  readonly rivals: readonly string[]
  readonly atLeast: number
  /** The interval's lower bound decides instead of the ratio itself. */
  readonly surely?: boolean
}

/** A figure of oncelog alone, above that of the bare harness where `above` names it. */
export interface BoundTarget extends Judged {
  readonly peer: string
  readonly of: (figures: Figures) => number
  readonly above?: string
  readonly unit: string
  readonly atMost: number
}

const SIZES = [100, 1024] as const
const sizeName = (valueBytes: number): string => (valueBytes === 100 ? '100 B' : '1 KB')
const SQLITE = ['sqlite-full']
const BOTH_SQLITES = ['sqlite-full', 'node-sqlite-full']
const FASTEST_BULK = ['sqlite-normal', 'node-sqlite-normal', 'lmdb-sync', 'level', 'event-storage', 'aaol']
const COALESCING = ['raw-coalesce-prealloc', 'raw-coalesce-ring']

function ratio(
  title: string,
  workload: WorkloadName,
  figure: string,
  rivals: readonly string[],
  atLeast: readonly [number, number],
  surely: boolean = false,
): RatioTarget[] {
  return SIZES.map((valueBytes, index) => {
    const target = { title: `${title}, ${sizeName(valueBytes)}`, workload, valueBytes, figure, rivals, surely }
    return { ...target, atLeast: atLeast[index] as number }
  })
}

export const RATIO_TARGETS: readonly RatioTarget[] = [
  ...ratio('bulk: fastest peer', 'bulk', 'recordsPerSecond', FASTEST_BULK, [4, 2]),
  ...ratio('bulk: by hand with CRC', 'bulk', 'recordsPerSecond', ['raw-crc'], [0.9, 0.9]),
  ...ratio('durable 100: SQLite, p50', 'durable-100', 'p50Ms', SQLITE, [1.6, 1.6]),
  ...ratio('durable 100: SQLite, p99.9', 'durable-100', 'p999Ms', SQLITE, [3, 3]),
  ...ratio('durable 1: SQLite, p50', 'durable-1', 'p50Ms', SQLITE, [0.95, 0.95], true),
  ...ratio('64 producers: lmdb', 'producers-64', 'recordsPerSecond', ['lmdb'], [2, 2]),
  ...ratio('64 producers: SQLite', 'producers-64', 'recordsPerSecond', SQLITE, [30, 30]),
  ...ratio('64 producers: coalescing by hand', 'producers-64', 'recordsPerSecond', COALESCING, [0.9, 0.9]),
  ...ratio('scan with CRC: log store', 'scan', 'recordsPerSecond', ['event-storage', 'aaol'], [2, 2]),
  ...ratio('scan with CRC: lmdb', 'scan', 'recordsPerSecond', ['lmdb', 'lmdb-sync'], [4, 4]),
  ...ratio('random read: lmdb, rate', 'read', 'readsPerSecond', ['lmdb', 'lmdb-sync'], [1, 1]),
  ...ratio('random read: lmdb, p99', 'read', 'p99Ms', ['lmdb', 'lmdb-sync'], [1, 1]),
  ...ratio('follow durable: SQLite, p50', 'follow-durable', 'p50Ms', SQLITE, [1.2, 1.2]),
  ...ratio('transactions: SQLite, p50', 'transactions', 'p50Ms', BOTH_SQLITES, [1.3, 2]),
  ...ratio('transactions: SQLite, p99.9', 'transactions', 'p999Ms', BOTH_SQLITES, [1, 1]),
  ...ratio('transactions: one write and flush', 'transactions', 'p50Ms', ['raw-prealloc'], [0.8, 0.8]),
  ...ratio('64 transactions: SQLite', 'transactions-64', 'transactionsPerSecond', BOTH_SQLITES, [8, 8]),
]

const flushes = (figures: Figures): number => {
  return Object.entries(figures).reduce((sum, [name, value]) => (name.startsWith('flushes.') ? sum + value : sum), 0)
}
const perRecord = (valueBytes: number, figures: Figures): number => {
  return (figures['diskPerPayloadByte'] ?? Number.NaN) * (16 + valueBytes)
}
const bound = (target: Omit<BoundTarget, 'peer'> & { readonly peer?: string }): BoundTarget => {
  return { peer: ONCELOG, ...target }
}

function microseconds(workload: WorkloadName, valueBytes: number): Omit<BoundTarget, 'peer' | 'title' | 'atMost'> {
  return { workload, valueBytes, of: (figures) => 1e6 / (figures['recordsPerSecond'] ?? Number.NaN), unit: 'us' }
}

/** At most 1.15 times key plus value plus 10. */
const DISK_BYTES_MOST = 1.15 * (16 + 100 + 10)

export const BOUND_TARGETS: readonly BoundTarget[] = [
  bound({
    title: 'flushes a group, checkpoints included',
    workload: 'group',
    valueBytes: 100,
    peer: WATCHED,
    of: (figures) => flushes(figures) / (figures['groups'] ?? 0),
    unit: '',
    atMost: 1.05,
  }),
  bound({
    title: 'flushes a group, of the journal',
    workload: 'group',
    valueBytes: 100,
    peer: WATCHED,
    of: (figures) => (figures['frames'] ?? Number.NaN) / (figures['groups'] ?? 0),
    unit: '',
    atMost: 1,
  }),
  ...SIZES.map((valueBytes) =>
    bound({
      title: `flushes a transaction, of the journal, ${sizeName(valueBytes)}`,
      workload: 'transactions',
      valueBytes,
      peer: WATCHED,
      of: (figures) => (figures['frames'] ?? Number.NaN) / (figures['groups'] ?? 0),
      unit: '',
      atMost: 1,
    }),
  ),
  // 100,000 records and 200,000 rows a second.
  ...SIZES.flatMap((valueBytes) => [
    bound({ ...microseconds('process', valueBytes), title: `process, a record, ${sizeName(valueBytes)}`, atMost: 10 }),
    bound({ ...microseconds('ingest', valueBytes), title: `ingest, a row, ${sizeName(valueBytes)}`, atMost: 5 }),
  ]),
  bound({
    title: 'memory above the harness, bulk',
    workload: 'bulk',
    valueBytes: 100,
    of: (figures) => figures['rssGrowthMb'] ?? Number.NaN,
    above: 'noop',
    unit: 'MB',
    atMost: 40,
  }),
  ...(['bulk', 'durable-100'] as const).map((workload) =>
    bound({
      title: `disk a record after close, ${workload}`,
      workload,
      valueBytes: 100,
      of: (figures) => perRecord(100, figures),
      unit: 'B',
      atMost: DISK_BYTES_MOST,
    }),
  ),
  ...SIZES.map((valueBytes) =>
    bound({
      title: `follow relaxed, p50, ${sizeName(valueBytes)}`,
      workload: 'follow-relaxed',
      valueBytes,
      of: (figures) => (figures['p50Ms'] ?? Number.NaN) * 1000,
      unit: 'us',
      atMost: 12,
    }),
  ),
]

/** Shown beside the judged rows: what the disk and a plain file give in the same run. */
export const SHOWN: Readonly<Partial<Record<WorkloadName, readonly string[]>>> = {
  'durable-100': ['raw-prealloc', 'raw-ring'],
  'durable-1': ['raw-prealloc', 'raw-ring'],
  'follow-relaxed': ['raw-crc'],
  'follow-durable': ['raw-prealloc'],
  process: ['sqlite-full'],
  ingest: ['raw-prealloc', 'sqlite-full'],
  reopen: ['raw-crc', 'lmdb-sync', 'sqlite-full'],
  'cold-start': ['raw', 'sqlite-full', 'lmdb-sync'],
}
