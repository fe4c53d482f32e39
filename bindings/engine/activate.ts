import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'

/**
 * Makes the partition in the store if the store doesn't have it, and opens it. Nothing begins for a deleted topic; the
 * removal of its files waits for what has begun (`openings`).
 */
export function* activate(hosted: HostedPartition, store: PartitionStore): Task<void> {
  hosted.assertAlive()
  hosted.openings++
  try {
    if (!hosted.exists) {
      yield* store.create(hosted.id)
      hosted.exists = true
      hosted.assertAlive()
    }
    if (!store.isActive(hosted.id)) yield* store.activate(hosted.id)
  } finally {
    hosted.openings--
  }
}
