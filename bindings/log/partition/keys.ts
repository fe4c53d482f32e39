import { isPacked, type PackedRecords } from '../../model/batch-records.ts'
import { LogError } from '../../model/errors.ts'
import type { EncodedRecord } from '../../model/records.ts'
import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'

/** What this check needs to know of a batch's records. */
export interface KeyPresence {
  readonly length: number
  hasKey(index: number): boolean
}

/**
 * INVALID_RECORD for a batch with a record without a key, in a topic that compaction needs keys in. Source: Kafka's
 * LogValidator (kafka.md 1.5, check 16).
 */
export function assertKeys(
  records: KeyPresence,
  config: ParsedTopicConfig,
  { topic, partition }: PartitionIdentity,
): void {
  if (!config.cleanupPolicy.includes('compact')) return
  for (let batchIndex = 0; batchIndex < records.length; batchIndex++) {
    if (records.hasKey(batchIndex)) continue
    const message = `record ${batchIndex} of the batch has no key, and topic "${topic}" is compacted by key`
    throw new LogError('INVALID_RECORD', message, { topic, partition, recordErrors: [{ batchIndex }] })
  }
}

export function hasKey(records: readonly EncodedRecord[] | PackedRecords, index: number): boolean {
  return isPacked(records) ? records.lengths[index * 2] !== -1 : (records[index]?.key ?? null) !== null
}
