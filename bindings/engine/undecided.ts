import { LogError } from '../model/errors.ts'
import type { Task } from '../storage/effect.ts'
import type { StoredPartition } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

/**
 * The partitions with records of open transactions, opened to take their markers. One that turns out to be damaged is left as it
 * is: it keeps nobody from the others, and its committed readers reach no further than before.
 */
export function* openUndecided(
  partitions: readonly StoredPartition[],
  topics: Topics,
  activate: (hosted: HostedPartition) => Task<void>,
): Task<readonly StoredPartition[]> {
  const opened: StoredPartition[] = []
  for (const stored of partitions) {
    const isOpen = stored.producers.some(({ currentTransactionFirstOffset }) => currentTransactionFirstOffset >= 0)
    const hosted = isOpen && !stored.readOnly ? topics.hostedById(stored.id) : undefined
    if (hosted === undefined) continue
    try {
      yield* activate(hosted)
      opened.push(stored)
    } catch (error) {
      if (!LogError.is(error, 'CORRUPT_MESSAGE', 'CORRUPT_LOG')) throw error
    }
  }
  return opened
}
