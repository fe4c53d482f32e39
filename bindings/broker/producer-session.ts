import type { BatchRecords } from '../model/batch-records.ts'
import type { Acks, TopicPartition } from '../model/positions.ts'
import type { TopicFacts } from './topic-facts.ts'

/**
 * One idempotent producer instance. The client assigns sequences per partition (from 0, wrapping after 2^31-1) and may
 * ask again after a lost answer: the same (epoch, baseSequence, record count) is written once and answered alike.
 * At most five appends per partition may be unanswered; order of calls is order in the partition.
 */
export interface ProducerSession {
  /** Never given twice. */
  readonly producerId: number
  /** From 0 to 32,767. */
  readonly producerEpoch: number
  /** Answers at once when it can: a send needn't wait for a turn. Throws or rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  topic(name: string): TopicFacts | Promise<TopicFacts>
  /**
   * What a log in another process has now: `topic` may be behind it until an answer tells of changes. Not to be had
   * where it never is. Rejects with UNKNOWN_TOPIC_OR_PARTITION.
   */
  topicNow?(name: string): Promise<TopicFacts>
  append(request: AppendRequest): Promise<AppendResult>
  /**
   * As `append`, of records that stay as they are for as long as this call lasts and no longer: it encodes them before
   * it returns. `undefined`, and nothing has happened, where it can't or the log refuses them; then they are to be
   * copied for `append`, which tells why. Not to be had of a log in another process: its producer packs what it would
   * lend.
   */
  appendBorrowed?(request: AppendRequest): Promise<AppendResult> | undefined
  /**
   * A new epoch with sequences from 0, after a gap that a crash of the log left (durability rule 8); behind the last
   * epoch that a batch can hold, a new producer id.
   */
  bumpEpoch(): Promise<void>
  close(): Promise<void>
}

/** One batch for one partition: written whole or not at all. */
export interface AppendRequest extends TopicPartition {
  readonly acks: Acks
  readonly producerEpoch: number
  readonly baseSequence: number
  /** Compressed ones are looked into before they are taken: INVALID_RECORD for what a reader couldn't read. */
  readonly records: BatchRecords
  /**
   * What the batch takes at most, of a program's own records that were counted already: they have no headers and times.
   * INVALID_RECORD if a field isn't bytes; too small a number refuses the records.
   */
  readonly mostBytes?: number | undefined
}

export interface AppendResult {
  /** -1 when the batch is known to be written but its offset forgotten. */
  readonly baseOffset: number
  /** The time that records without one were given. */
  readonly appendTime: number
  /** The topic's records all have the time of their append, whatever the producer gave. */
  readonly isLogAppendTime?: boolean | undefined
}
