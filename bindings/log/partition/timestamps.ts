import { LogError } from '../../model/errors.ts'
import type { EncodedRecord } from '../../model/records.ts'
import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'

/**
 * INVALID_TIMESTAMP for a batch with a timestamp too far from `now`; the error names each such record. Nothing is
 * checked where the log stamps the records itself. Source: Kafka's LogValidator (kafka.md 1.5, check 17).
 */
export function assertTimestamps(
  records: readonly Pick<EncodedRecord, 'timestamp'>[],
  now: number,
  config: ParsedTopicConfig,
  { topic, partition }: PartitionIdentity,
): void {
  const { messageTimestampType, messageTimestampBeforeMaxMs, messageTimestampAfterMaxMs } = config
  const earliest = now - messageTimestampBeforeMaxMs
  const latest = now + messageTimestampAfterMaxMs
  const isWrong = (timestamp: number | undefined): timestamp is number =>
    timestamp !== undefined && (timestamp < earliest || timestamp > latest)
  let isAnyWrong = false
  for (const { timestamp } of records) if (isWrong(timestamp)) isAnyWrong = true
  if (!isAnyWrong || messageTimestampType === 'LogAppendTime') return
  const recordErrors = records.flatMap(({ timestamp }, batchIndex) =>
    isWrong(timestamp) ? [{ batchIndex, timestamp }] : [],
  )
  const first = recordErrors[0]
  const message =
    `timestamp ${first?.timestamp} of record ${first?.batchIndex} is outside ${earliest} to ${latest}, the limits of ` +
    `topic "${topic}"; the batch has ${recordErrors.length} such records`
  throw new LogError('INVALID_TIMESTAMP', message, { topic, partition, earliest, latest, recordErrors })
}
