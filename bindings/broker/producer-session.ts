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
  /**
   * Without a promise if the topic is known: a send needn't wait for a turn. Throws or rejects with
   * UNKNOWN_TOPIC_OR_PARTITION.
   */
  topic(name: string): TopicFacts | Promise<TopicFacts>
  /**
   * The topic as the log in another process has it now: `topic` may be outdated until an answer reports a change.
   * Missing where `topic` never is outdated. Rejects with UNKNOWN_TOPIC_OR_PARTITION.
   */
  topicNow?(name: string): Promise<TopicFacts>
  append(request: AppendRequest): Promise<AppendResult>
  /**
   * As `append`, for records that stay as they are for as long as this call lasts and no longer: it encodes them before
   * it returns. `undefined`, with nothing done, where it can't or the log refuses them; then the records are to be
   * copied for `append`, which tells why. Missing for a log in another process, whose producer packs such records.
   */
  appendBorrowed?(request: AppendRequest): Promise<AppendResult> | undefined
  /**
   * Begins a new epoch with sequences from 0, after a gap that a crash of the log left (durability rule 8); after the
   * last epoch that a batch can hold, with a new producer id.
   */
  bumpEpoch(): Promise<void>
  close(): Promise<void>
}

/** One batch for one partition: written whole or not at all. */
export interface AppendRequest extends TopicPartition {
  /**
   * UNKNOWN_TOPIC_ID, with nothing written, if another topic has the name by now (KIP-516): its partition doesn't know
   * the producer, and takes any batch for the first. Without it, whichever topic has the name is meant.
   */
  readonly topicId?: string | undefined
  readonly acks: Acks
  readonly producerEpoch: number
  readonly baseSequence: number
  /** Compressed records are checked before they are taken: INVALID_RECORD if a reader couldn't read them. */
  readonly records: BatchRecords
  /**
   * Most bytes that the batch takes, if the records are a program's own and were counted already: they have neither
   * headers nor times. INVALID_RECORD if a field isn't bytes; too small a number has the records refused.
   */
  readonly mostBytes?: number | undefined
}

export interface AppendResult {
  /** -1 if the batch is known to be written but its offset isn't known any more. */
  readonly baseOffset: number
  /** The timestamp that records without one were given. */
  readonly appendTime: number
  /** Whether all records have the time of their append, whatever the producer gave, as the topic's config says. */
  readonly isLogAppendTime?: boolean | undefined
}
