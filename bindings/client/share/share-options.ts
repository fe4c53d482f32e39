import { LogError } from '../../model/errors.ts'
import { checkTopics } from '../consumer/consumer-options.ts'
import { assertOptions, type OptionNames } from '../options.ts'
import type { Abortable } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'

/** How a consumer of a share group takes records. */
export interface ShareConsumerOptions<T extends TopicRef> extends Abortable {
  /** The share group. Its names are apart from those of consumer groups. */
  groupId: string
  /** Declared topics, whose records come decoded, or names, whose records come as bytes; at least one. */
  topics: readonly T[]
  /** How long a record is this consumer's alone, from 1 on, 30000 ms by default. After it another one may get it. */
  lockMs?: number | undefined
  /**
   * How often a record is delivered that nobody accepts, 5 by default, those that end with a `'release'` included. After that it goes
   * to the dead letters, or is given up where there are none.
   */
  maxDeliveries?: number | undefined
  /**
   * How many records this consumer holds at most that it didn't deliver yet, 10 by default. Each is locked from when it comes,
   * so a slow program takes few. Each counts as delivered from then on, too, since the count is on disk first; what
   * was delivered twice comes alone, so that a record that ends its process takes none along where `maxDeliveries` is 3 or more.
   */
  maxRecords?: number | undefined
  /**
   * Topic for records that were rejected or delivered too often, with origin, error and deliveries in headers. Nothing creates it:
   * an iteration rejects at once where it isn't there.
   */
  deadLetter?: string | undefined
  /** Where a new group starts: `'earliest'` (default) or `'latest'`. Differs from Kafka: there it is `'latest'`. */
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
    throw new LogError('INVALID_GROUP_ID', 'groupId must be a non-empty string')
  if (!Array.isArray(topics) || topics.length === 0) throw wrong('topics', 'a list of topics, not empty')
  checkTopics(topics)
  if (!isCount(lockMs)) throw wrong('lockMs', 'a whole number above 0')
  if (!isCount(maxDeliveries) || maxDeliveries > 0x7fff - 1)
    throw wrong('maxDeliveries', 'a whole number from 1 to 32766')
  if (!isCount(maxRecords) || maxRecords > MAX_RECORDS)
    throw wrong('maxRecords', `a whole number from 1 to ${MAX_RECORDS}`)
  if (deadLetter !== undefined && typeof deadLetter !== 'string') throw wrong('deadLetter', 'the name of a topic')
  if (!['earliest', 'latest'].includes(startAt)) throw wrong('autoOffsetReset', 'earliest or latest')
  return { groupId, lockMs, maxDeliveries, maxRecords, deadLetter, startAt }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function wrong(option: string, expected: string): LogError {
  return new LogError('INVALID_REQUEST', `${option} must be ${expected}`, { option })
}
