import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'

/** Errors that refuse a batch because of one of its records. */
const OF_RECORDS = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'INVALID_RECORD'] as const

/**
 * After these errors nothing was written, so the batch's sequence is free again. After any other error the batch may be
 * written.
 */
const UNWRITTEN = [
  ...OF_RECORDS,
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_REQUIRED_ACKS',
  'INVALID_REQUEST',
  'LOG_READ_ONLY',
  'LOG_CLOSED',
] as const

/** Whether a topic's number of partitions or its size limits refused a record, before the log was asked. */
export function isByRules(error: unknown): boolean {
  return LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION', 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')
}

/** Whether the batch could be written without one of its records. */
export function isOfRecords(error: unknown): boolean {
  return LogError.is(error, ...OF_RECORDS)
}

export function isUnwritten(error: unknown): boolean {
  return LogError.is(error, ...UNWRITTEN)
}

/**
 * Whether to send again without telling the program. Not for a full device: only the program can free space, so it must
 * learn of it. Nor for a lost holder: as long as there may be another one, the channel sends again by itself. A topic
 * that was made again takes what is sent to its name.
 */
export function isWorthAsking(error: unknown): boolean {
  if (LogError.is(error, 'UNKNOWN_TOPIC_ID')) return true
  return (
    LogError.is(error) && error.category === 'retriable' && !LogError.is(error, 'STORAGE_FULL', 'NETWORK_EXCEPTION')
  )
}

/** Who finds a record that can't be read as its batch is encoded knows nothing of its place. */
export function inItsPlace(error: unknown, { topic, partition }: TopicPartition): unknown {
  if (!LogError.is(error, 'INVALID_RECORD') || error.details['topic'] !== undefined) return error
  const { message, details, cause } = error
  return new LogError('INVALID_RECORD', `${message} (${topic}-${partition})`, { ...details, topic, partition }, cause)
}

const FIRST_WAIT_MS = 5
const LONGEST_WAIT_MS = 1000
/** The most waits before a send is given up: together they take Kafka's delivery.timeout.ms. */
const WAITS_MAX = 127

/**
 * Returns how long to wait, in milliseconds, before sending for the n-th time again, with Kafka's jitter of 20 %;
 * `undefined` to give up.
 */
export function waitBeforeAskMs(count: number, random: () => number): number | undefined {
  return count > WAITS_MAX ? undefined : waitBeforeTryMs(count, random)
}

/** As `waitBeforeAskMs`, for what is never given up. */
export function waitBeforeTryMs(count: number, random: () => number): number {
  return Math.ceil(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (count - 1)) * (0.8 + 0.4 * random()))
}
