import { LogError } from '../../model/errors.ts'
import { checkTopics } from '../consumer/consumer-options.ts'
import { checkDeadLetterOption } from '../dead-letter.ts'
import { assertOptions, type OptionNames, wrongOption } from '../options.ts'
import type { Abortable } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'

/** How a consumer of a share group takes records. */
export interface ShareConsumerOptions<T extends TopicRef> extends Abortable {
  /** The share group's id. Share groups and consumer groups have names of their own: the same id means two groups. */
  groupId: string
  /** At least one topic: declared ones, whose records come decoded, or names, whose records come as bytes. */
  topics: readonly T[]
  /**
   * How long a delivered record belongs to this consumer alone, in milliseconds; 30000 by default, at least 1. After
   * that another consumer may get it. Kafka's group.share.record.lock.duration.ms.
   */
  lockMs?: number | undefined
  /**
   * How often a record is delivered that nobody accepts, from 1 to 32766; 5 by default. A delivery that ends with
   * `'release'` counts too. After the last one the record goes to `deadLetter`, or is given up if there is none.
   * Kafka's group.share.delivery.count.limit.
   */
  maxDeliveries?: number | undefined
  /**
   * Most records that this consumer has locked and not delivered yet, from 1 to 2000; 10 by default. Each of them
   * counts as delivered as soon as it is locked, because the count is on disk first: so a slow program should take few.
   * A record that was delivered twice comes alone: if it ends its process again, no other record's count goes up with
   * it, provided that `maxDeliveries` is 3 or more.
   */
  maxRecords?: number | undefined
  /**
   * Topic for records that were rejected or delivered too often. They have the headers that `deadLetter` of `process`
   * names; `oncelog-attempts` is the number of deliveries. It must exist, and be none of `topics`: an iteration rejects
   * at once with UNKNOWN_TOPIC_OR_PARTITION if it doesn't, with INVALID_CONFIG if it is compacted or takes batches of
   * less than 720 bytes.
   */
  deadLetter?: string | undefined
  /**
   * Where a new group starts: `'earliest'` (default) or `'latest'`. Kafka's share.auto.offset.reset. Differs from
   * Kafka: there `'latest'` is the default. Partitions that a topic gets later are read from their start, and so are
   * partitions of the topic that a `resetShareGroup` left out.
   */
  autoOffsetReset?: 'earliest' | 'latest' | undefined
}

export interface ShareSettings {
  readonly groupId: string
  readonly lockMs: number
  readonly maxDeliveries: number
  readonly maxRecords: number
  readonly deadLetter: string | undefined
  readonly startAt: 'earliest' | 'latest'
}

const NAMES: OptionNames<ShareConsumerOptions<TopicRef>> = {
  groupId: true,
  topics: true,
  lockMs: true,
  maxDeliveries: true,
  maxRecords: true,
  deadLetter: true,
  autoOffsetReset: true,
  signal: true,
}

/** The most that a group keeps of one partition, so more is never there. */
const MAX_RECORDS = 2000

/** INVALID_GROUP_ID or INVALID_REQUEST, by name of the option. */
export function shareSettings(options: ShareConsumerOptions<TopicRef>): ShareSettings {
  assertOptions(options, NAMES, 'shareConsumer')
  const { groupId, topics, lockMs = 30_000, maxDeliveries = 5, maxRecords = 10 } = options
  const { deadLetter, autoOffsetReset: startAt = 'earliest' } = options
  if (typeof groupId !== 'string' || groupId === '')
    throw new LogError('INVALID_GROUP_ID', 'groupId must be a non-empty string', { option: 'groupId' })
  if (!Array.isArray(topics) || topics.length === 0) throw wrongOption('topics', 'a list of topics, not empty')
  checkTopics(topics)
  if (!isCount(lockMs)) throw wrongOption('lockMs', 'a whole number above 0')
  if (!isCount(maxDeliveries) || maxDeliveries > 0x7fff - 1)
    throw wrongOption('maxDeliveries', 'a whole number from 1 to 32766')
  if (!isCount(maxRecords) || maxRecords > MAX_RECORDS)
    throw wrongOption('maxRecords', `a whole number from 1 to ${MAX_RECORDS}`)
  checkDeadLetterOption(deadLetter, topics)
  if (!['earliest', 'latest'].includes(startAt)) throw wrongOption('autoOffsetReset', 'earliest or latest')
  return { groupId, lockMs, maxDeliveries, maxRecords, deadLetter, startAt }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0
}
