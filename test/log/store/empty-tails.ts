import type { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'

const LONG_AFTER_MS = 60_000

/** Nothing is appended for so long that the newest batches leave memory: what is read next comes from the store. */
export function emptyTails({ engine, now }: SyncHost): void {
  engine.topics.sweep(now + LONG_AFTER_MS)
}
