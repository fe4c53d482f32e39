import type { Awaitable } from '../file-store.ts'
import type { ConformanceCase } from './case.ts'
import { PartitionLog, type PartitionStoreFixture } from './partition-log.ts'
import { commitCases } from './partition-store/commit-cases.ts'
import { compactionCases } from './partition-store/compaction-cases.ts'
import { crashCases } from './partition-store/crash-cases.ts'
import { dataCases } from './partition-store/data-cases.ts'
import type { PartitionCases } from './partition-store/expectations.ts'
import { lifeCases } from './partition-store/life-cases.ts'
import { openCases } from './partition-store/open-cases.ts'

/**
 * A partition store is one that passes all of these; the names say which sentence of partition-store.ts each holds it
 * to.
 */
export function partitionStoreConformance(create: () => Awaitable<PartitionStoreFixture>): readonly ConformanceCase[] {
  const kinds = [openCases, dataCases, commitCases, crashCases, lifeCases, compactionCases]
  return kinds.flatMap(Object.entries<PartitionCases[string]>).map(([name, act]) => ({
    name,
    async run(): Promise<void> {
      const fixture = await create()
      try {
        await act(new PartitionLog(fixture))
      } finally {
        await fixture.dispose()
      }
    },
  }))
}
