import { LogError } from '../../model/errors.ts'
import { POLL_INTERVAL_MS_MAX } from '../../model/limits.ts'
import type { IsolationLevel, Position, TopicPartition } from '../../model/positions.ts'
import { assertOptions, type OptionNames, wrongOption } from '../options.ts'
import type { Abortable } from '../signals.ts'
import { HOW_TO_DECLARE, isDeclared, type TopicRef, topicName } from '../topic/topic.ts'
import type { Assignor } from './assignor.ts'
import { rangeAssignor } from './range-assignor.ts'
import { stickyAssignor } from './sticky-assignor.ts'

/**
 * Where a group starts that has no valid committed offset. With `'none'` it rejects with NO_OFFSET or
 * OFFSET_OUT_OF_RANGE. Kafka's auto.offset.reset.
 */
export type AutoOffsetReset = 'earliest' | 'latest' | 'none'

/** How a member of a group reads. */
export interface ConsumerOptions<T extends TopicRef> extends Abortable {
  /** The group's id, Kafka's group.id. Required: to read without a group there is `log.read`. */
  groupId: string
  /** At least one topic: declared ones, whose records come decoded, or names, whose records come as bytes. */
  topics: readonly T[]
  /**
   * `'read_committed'` by default: records of open and aborted transactions aren't seen. Kafka's isolation.level.
   * Differs from Kafka: its Java client reads uncommitted records by default.
   */
  isolationLevel?: IsolationLevel | undefined
  /**
   * Where to start without a committed offset, or when it is out of range: `'earliest'` (default), `'latest'`, or
   * `'none'` for an error. Differs from Kafka: there it is `'latest'`, and offsets are committed automatically; here
   * only `commit` does. With `'latest'`, as in Kafka, records that come to an added partition before a member reads it
   * are skipped.
   */
  autoOffsetReset?: AutoOffsetReset | undefined
  /**
   * How the members of the group share its partitions: `'range'` (default: equal keys of topics with equal partition
   * counts meet in one member), `'sticky'` (as even as can be, with few moves), or one of your own. All members name
   * the same one. Differs from Kafka: with each of them members keep what doesn't move, and go on reading it during a
   * rebalance.
   */
  assignor?: 'range' | 'sticky' | Assignor | undefined
  /**
   * How long the member may take between two polls before it is put out of its group, in milliseconds; 300000 by
   * default, 2147483647 at most. Kafka's max.poll.interval.ms.
   */
  maxPollIntervalMs?: number | undefined
  /**
   * For offsets that are kept in the program's own database: called with the partitions of each new assignment,
   * resolves with their positions. Iterations wait for it, as do `lag` and `seek` if they are called before. Called
   * while it runs, which it may do itself, they know nothing of these partitions. Such a consumer never commits to the
   * log. A topic that was deleted and created again begins at 0: store the `topicId` that `admin.describeTopic` tells
   * with each position, and return no position of another topic.
   */
  positions?: ((assigned: readonly TopicPartition[]) => Promise<readonly Position[]>) | undefined
}

export interface ConsumerSettings {
  readonly groupId: string
  readonly isolationLevel: IsolationLevel
  readonly autoOffsetReset: AutoOffsetReset
  readonly maxPollIntervalMs: number
  readonly assignor: Assignor
  readonly positions: ConsumerOptions<TopicRef>['positions']
}

const NAMES: OptionNames<ConsumerOptions<TopicRef>> = {
  groupId: true,
  topics: true,
  isolationLevel: true,
  autoOffsetReset: true,
  assignor: true,
  maxPollIntervalMs: true,
  positions: true,
  signal: true,
}

const ASSIGNORS: Readonly<Record<string, Assignor>> = { range: rangeAssignor, sticky: stickyAssignor }

/** INVALID_GROUP_ID or INVALID_REQUEST, by name of the option. */
export function consumerSettings(options: ConsumerOptions<TopicRef>): ConsumerSettings {
  assertOptions(options, NAMES, 'consumer')
  const { groupId, topics, isolationLevel = 'read_committed', autoOffsetReset = 'earliest' } = options
  const { maxPollIntervalMs = 300_000, positions } = options
  if (typeof groupId !== 'string' || groupId === '')
    throw new LogError('INVALID_GROUP_ID', 'groupId must be a non-empty string', { option: 'groupId' })
  if (!Array.isArray(topics) || topics.length === 0) throw wrongOption('topics', 'a list of topics, not empty')
  checkTopics(topics)
  if (!['read_committed', 'read_uncommitted'].includes(isolationLevel))
    throw wrongOption('isolationLevel', 'read_committed or read_uncommitted')
  if (!['earliest', 'latest', 'none'].includes(autoOffsetReset))
    throw wrongOption('autoOffsetReset', 'earliest, latest or none')
  const isInterval = Number.isSafeInteger(maxPollIntervalMs) && maxPollIntervalMs > 0
  if (!isInterval || maxPollIntervalMs > POLL_INTERVAL_MS_MAX)
    throw wrongOption('maxPollIntervalMs', `a whole number from 1 to ${POLL_INTERVAL_MS_MAX}`)
  if (positions !== undefined && typeof positions !== 'function') throw wrongOption('positions', 'a function')
  const assignor = assignorOf(options.assignor ?? 'range')
  return { groupId, isolationLevel, autoOffsetReset, maxPollIntervalMs, assignor, positions }
}

function assignorOf(wanted: unknown): Assignor {
  const { name, assign } = (typeof wanted === 'object' && wanted !== null ? wanted : {}) as Partial<Assignor>
  if (typeof name === 'string' && name !== '' && typeof assign === 'function') return wanted as Assignor
  const known = typeof wanted === 'string' && Object.hasOwn(ASSIGNORS, wanted) ? ASSIGNORS[wanted] : undefined
  if (known === undefined)
    throw wrongOption('assignor', "'range', 'sticky' or an object with a name and a function assign")
  return known
}

/** INVALID_REQUEST for a list that doesn't hold declared topics and names, or one of them twice. */
export function checkTopics(topics: readonly unknown[]): void {
  const isTopic = (ref: unknown): ref is TopicRef => typeof ref === 'string' || isDeclared(ref)
  if (!topics.every(isTopic)) throw wrongOption('topics', `declared topics or names: ${HOW_TO_DECLARE}`)
  const names = topics.map(topicName)
  if (new Set(names).size < names.length) throw wrongOption('topics', 'different topics')
}
