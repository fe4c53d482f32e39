import type { BenchRecord, Peer } from './peer.ts'
import { makeBatches } from './records.ts'
import { percentile } from './statistics.ts'
import type { Figures } from './workloads.ts'

export const BULK_BATCH = 1000

export function latencies(took: Float64Array): Figures {
  const sorted = took.slice().sort()
  return {
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    p999Ms: percentile(sorted, 0.999),
    maxMs: sorted.at(-1) ?? Number.NaN,
  }
}

export async function fill(peer: Peer, records: number, batchSize: number, valueBytes: number): Promise<number> {
  const batches = makeBatches(batchSize, valueBytes)
  const appends = Math.max(1, Math.round(records / batchSize))
  for (let index = 0; index < appends; index++) {
    const pending = peer.appendBatch(batches[index % batches.length] as readonly BenchRecord[], index === appends - 1)
    if (pending !== undefined) await pending
  }
  return appends * batchSize
}
