import type { Unread } from '../broker/admin-session.ts'
import { LogError } from '../model/errors.ts'
import type { IsolationLevel, Position } from '../model/positions.ts'
import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { CommandOf } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

/** One batch at a time: only where the next one begins is asked. */
const READ_BYTES = 1

/** What a reader at each position has still to read. */
export function* unread(
  { at, isolationLevel }: CommandOf<'unread'>,
  topics: Pick<Topics, 'partition'>,
  store: PartitionStore,
): Task<Unread[]> {
  const found: Unread[] = []
  for (const position of at) found.push(yield* unreadNow(position, isolationLevel, topics, store))
  return found
}

/** Files may be removed while they are read: then it begins anew with what is there. */
function* unreadNow(
  { topic, partition, nextOffset }: Position,
  isolationLevel: IsolationLevel,
  topics: Pick<Topics, 'partition'>,
  store: PartitionStore,
): Task<Unread> {
  for (;;) {
    const hosted = topics.partition(topic, partition)
    const endOffset = recordsEnd(store, hosted, isolationLevel)
    try {
      return { nextOffset: yield* nextRecord(store, hosted, nextOffset, endOffset), endOffset }
    } catch (error) {
      // What can't be read is still behind.
      if (LogError.is(error, 'CORRUPT_MESSAGE', 'CORRUPT_LOG')) return { nextOffset, endOffset }
      if (!hosted.isDead && !LogError.is(error, 'OFFSET_OUT_OF_RANGE')) throw error
    }
  }
}

/**
 * The offset after the last batch that the reader may see: above it may be offsets that an unclean end left unused,
 * which nobody reads (durability rule 5).
 */
function recordsEnd(store: PartitionStore, { id, partition }: HostedPartition, isolationLevel: IsolationLevel): number {
  const { lastStableOffset, watermarks } = partition
  const limit = isolationLevel === 'read_committed' ? lastStableOffset : watermarks.highWatermark
  return Math.min(limit, store.ranges(id).at(-1)?.nextOffset ?? watermarks.logStartOffset)
}

/**
 * The first record at or after `offset`, `endOffset` if there is none below that: unused offsets lie between records
 * too, once some follow them.
 */
function* nextRecord(
  store: PartitionStore,
  { id, partition }: HostedPartition,
  offset: number,
  endOffset: number,
): Task<number> {
  // Records that are deleted were never read, either.
  if (offset < partition.watermarks.logStartOffset) return offset
  for (let from = offset; from < endOffset; ) {
    const { missing, batches, nextOffset } = partition.read(from, endOffset, READ_BYTES)
    if (missing !== undefined) yield* store.prepareRead(id, missing)
    else if (batches[0] !== undefined) return Math.max(from, batches[0].header.baseOffset)
    else if (nextOffset === from) return from
    else from = nextOffset
  }
  return endOffset
}
