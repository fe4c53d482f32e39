import { LogError } from '../model/errors.ts'
import type { Task } from '../storage/effect.ts'
import type { StoredPartition } from '../storage/stored-state.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

/**
 * Opens the partitions that hold records of open transactions, so that they can take their markers. One that turns out
 * to be damaged is left as it is: committed readers of it stop where they did, and those of the others go on.
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
