import type { BenchRecord, Peer } from './peer.ts'
import { makeBatches } from './records.ts'
import { percentile } from './statistics.ts'
import type { Figures } from './workload.ts'

export const BULK_BATCH = 1000

/**
 * Share of a case's appends that go before the clock starts, for every peer alike: code that isn't compiled yet is the
 * row cold-start's.
 */
const WARM_SHARE = 0.2

export function warmUpCount(appends: number): number {
  return Math.ceil(appends * WARM_SHARE)
}

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
  const appends = Math.max(1, Math.round(records / batchSize))
  await appendBulk(peer, makeBatches(batchSize, valueBytes), appends)
  return appends * batchSize
}

/** One batch after the other, the last one durable. */
export async function appendBulk(
  peer: Peer,
  batches: readonly (readonly BenchRecord[])[],
  appends: number,
): Promise<void> {
  for (let index = 0; index < appends; index++) {
    const pending = peer.appendBatch(batches[index % batches.length] as readonly BenchRecord[], index === appends - 1)
    if (pending !== undefined) await pending
  }
}
