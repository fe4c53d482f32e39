import { LogError } from '../model/errors.ts'
import type { TopicPartition } from '../model/positions.ts'
import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { CommandOf } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

const READ_BYTES = 64 * 1024

export function* offsetsForTimestamp(
  { at, timestamp }: CommandOf<'offsetsForTimestamp'>,
  topics: Topics,
  store: PartitionStore,
): Task<(number | undefined)[]> {
  const offsets: (number | undefined)[] = []
  for (const place of at) offsets.push(yield* offsetNow(place, timestamp, topics, store))
  return offsets
}

/**
 * Files may be removed while they are searched, because their topic or their records are deleted: then the search
 * begins anew with what is there.
 */
function* offsetNow(
  { topic, partition }: TopicPartition,
  timestamp: number,
  topics: Topics,
  store: PartitionStore,
): Task<number | undefined> {
  for (;;) {
    const hosted = topics.partition(topic, partition)
    try {
      return yield* offsetForTimestamp(store, hosted, timestamp)
    } catch (error) {
      if (!hosted.isDead && !LogError.is(error, 'OFFSET_OUT_OF_RANGE')) throw error
    }
  }
}

/**
 * The first record at or after a time. The store tells a batch at or before that place, and the records from there on
 * decide (kafka.md 2.3). The partition needn't be open for this, and isn't opened: that is for appends to do, one at a
 * time.
 */
function* offsetForTimestamp(
  store: PartitionStore,
  { id, exists, partition }: HostedPartition,
  timestamp: number,
): Task<number | undefined> {
  const { watermarks } = partition
  if (!exists || watermarks.highWatermark === watermarks.logStartOffset) return undefined
  let offset = yield* store.seekTimestamp(id, timestamp)
  if (offset === undefined) return undefined
  offset = Math.max(offset, watermarks.logStartOffset)
  while (offset < watermarks.highWatermark) {
    const read = partition.read(offset, watermarks.highWatermark, READ_BYTES)
    if (read.missing !== undefined) {
      yield* store.prepareRead(id, read.missing)
      continue
    }
    for (const batch of read.batches) {
      for (let index = 0; index < batch.recordCount; index++) {
        const at = batch.offsetOf(index)
        if (batch.timestampOf(index) >= timestamp && at >= watermarks.logStartOffset) return at
      }
    }
    if (read.nextOffset === offset) return undefined
    offset = read.nextOffset
  }
  return undefined
}
