import type { BatchFault, DecodedBatch } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import { assertKeys } from './keys.ts'
import { assertTimestamps } from './timestamps.ts'

/**
 * Checks a batch that came compressed, perhaps from another process: its readers must find as many records as its
 * header counts, each at its offset, and their times. Decompressing it has checked the first two. Source: Kafka's
 * LogValidator, which looks into each batch as well (kafka.md 1.5).
 */
export function assertReadable(
  batch: DecodedBatch | BatchFault,
  maxTimestamp: number,
  { now, config }: { readonly now: number; readonly config: ParsedTopicConfig },
  id: PartitionIdentity,
): void {
  if (typeof batch === 'string') throw unreadable(batch, id)
  assertKeys({ length: batch.recordCount, hasKey: (index) => batch.keyOf(index) !== null }, config, id)
  if (config.messageTimestampType === 'LogAppendTime') return
  let least = maxTimestamp
  let greatest = Number.NEGATIVE_INFINITY
  for (let index = 0; index < batch.recordCount; index++) {
    const timestamp = batch.timestampOf(index)
    if (timestamp < least) least = timestamp
    if (timestamp > greatest) greatest = timestamp
  }
  if (greatest !== maxTimestamp) throw unreadable('times', id)
  if (least >= now - config.messageTimestampBeforeMaxMs && greatest <= now + config.messageTimestampAfterMaxMs) return
  const times = Array.from({ length: batch.recordCount }, (_, index) => ({ timestamp: batch.timestampOf(index) }))
  assertTimestamps(times, now, config, id)
}

function unreadable(fault: string, { topic, partition }: PartitionIdentity): LogError {
  const message = `a compressed batch for ${topic}-${partition} can't be read: ${fault}`
  return new LogError('INVALID_RECORD', message, { topic, partition, fault })
}
