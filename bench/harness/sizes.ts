import type { WorkloadName } from './peer.ts'

// Records per workload; `full` is what the published figures use, `quick` tells within minutes where a store stands.
// Durable cases of `full` write the log's journal over at least ten times.
export const RECORDS: Readonly<Record<'quick' | 'full', Readonly<Record<WorkloadName, readonly [number, number]>>>> = {
  quick: {
    bulk: [200_000, 50_000],
    'durable-100': [100_000, 50_000],
    'durable-1': [1000, 1000],
    'producers-64': [20_000, 10_000],
    group: [40_000, 20_000],
    transactions: [40_000, 40_000],
    'transactions-64': [64_000, 64_000],
    process: [100_000, 50_000],
    ingest: [200_000, 100_000],
    scan: [200_000, 50_000],
    read: [200_000, 50_000],
    'follow-relaxed': [3000, 3000],
    'follow-durable': [1000, 1000],
    reopen: [200_000, 100_000],
    'cold-start': [1, 1],
  },
  full: {
    bulk: [2_000_000, 500_000],
    'durable-100': [1_000_000, 500_000],
    'durable-1': [25_000, 25_000],
    'producers-64': [500_000, 400_000],
    group: [400_000, 200_000],
    transactions: [400_000, 200_000],
    'transactions-64': [640_000, 320_000],
    process: [500_000, 200_000],
    ingest: [1_000_000, 300_000],
    scan: [1_000_000, 300_000],
    read: [1_000_000, 300_000],
    'follow-relaxed': [20_000, 20_000],
    'follow-durable': [10_000, 10_000],
    reopen: [2_000_000, 1_000_000],
    'cold-start': [1, 1],
  },
}
