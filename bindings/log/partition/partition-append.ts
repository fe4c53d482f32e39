import type { BatchRecords } from '../../model/batch-records.ts'
import type { ParsedTopicConfig } from '../../model/topic-config.ts'

export interface PartitionAppend {
  readonly records: BatchRecords
  /** See AppendRequest. */
  readonly mostBytes?: number | undefined
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
  /** Nobody is told of the batch before a commit has made it durable, so the store may keep it in memory until then. */
  readonly mayWait: boolean
  readonly leaderEpoch: number
  readonly now: number
  readonly config: ParsedTopicConfig
}

/**
 * Where a batch stands; for a duplicate, where its original does. `baseOffset` is -1 if the batch is known to be
 * written but its offset isn't known any more.
 */
export interface Appended {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly isDuplicate: boolean
  /** The timestamp that records without one were given; with LogAppendTime all records were. */
  readonly appendTime: number
  readonly isLogAppendTime: boolean
  /** Bytes written now: 0 for a duplicate. */
  readonly sizeBytes: number
}

/**
 * Whether its records have neither headers nor times of their own: a caller that gives `mostBytes` has made sure of
 * that (AppendRequest).
 */
export function hasPlainRecords({ mostBytes }: PartitionAppend): boolean {
  return mostBytes !== undefined
}
