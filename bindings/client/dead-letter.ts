import type { AdminSession } from '../broker/admin-session.ts'
import type { ErrorCode } from '../model/error-table.ts'
import { LogError } from '../model/errors.ts'
import { assertUserTopicName } from '../model/names.ts'
import { parseTopicConfig } from '../model/topic-config.ts'
import { ConsumedRecord } from './consumer/consumed-record.ts'
import { loneBatchBytes } from './producer/record-size.ts'
import { checkRecord } from './producer/validate-record.ts'
import type { ProducerRecord } from './producer-record.ts'
import { type TopicRef, topicName } from './topic/topic.ts'

/** Most bytes of a text in a header: the message of a program's error has no bound of its own. */
const TEXT_BYTES_MAX = 1024
/**
 * A dead letter's batch takes no more if it leaves out the record itself and cuts the group's id and both texts of the
 * error to `SHORT_TEXT_BYTES`.
 */
const DEAD_LETTER_BYTES_MIN = 720
const SHORT_TEXT_BYTES = 64

type Admin = Pick<AdminSession, 'describeTopic'>

/** Why a record is given up, and where its dead letter goes. */
interface GivenUp {
  readonly topic: string
  readonly groupId: string
  readonly error: unknown
  /** How often it was tried. */
  readonly attempts: number
}

/**
 * The dead letter of a record that failed every try: the record as it came, with these headers after its own:
 *   oncelog-topic, oncelog-partition, oncelog-offset   where it stands
 *   oncelog-group                                      the id of the group that gave it up, 1 KiB of it at most
 *   oncelog-error, oncelog-error-message               the error's code or name, and its text, 1 KiB of each at most
 *   oncelog-attempts                                   how often it was tried
 *   oncelog-omitted                                    what was left out, as the topic would refuse its batch, and is to be
 *                                                      read at the origin: `value, headers`, or `key, value, headers`
 * Rejects if the topic takes no dead letters any more; the error's details name the record, its cause is why it failed.
 */
export async function deadLetterOf(
  record: ConsumedRecord,
  { topic, groupId, error, attempts }: GivenUp,
  admin: Admin,
): Promise<ProducerRecord> {
  const bytesMax = await deadLetterBytesMax(topic, admin).catch((refused: unknown) => {
    throw aboutRecord(refused, 'its dead letter', record, error)
  })
  const { key, value, headers } = ConsumedRecord.encodedOf(record)
  const origin = (textBytesMax: number): (readonly [string, Uint8Array])[] => [
    ['oncelog-topic', header(record.topic)],
    ['oncelog-partition', header(`${record.partition}`)],
    ['oncelog-offset', header(`${record.offset}`)],
    ['oncelog-group', header(groupId, textBytesMax)],
    ['oncelog-error', header(textOf(error, kindOf), textBytesMax)],
    ['oncelog-error-message', header(textOf(error, messageOf), textBytesMax)],
    ['oncelog-attempts', header(`${attempts}`)],
  ]
  const whole = { topic, key, value, headers: [...headers, ...origin(TEXT_BYTES_MAX)] }
  if (fits(whole, bytesMax)) return whole
  const omitted = (what: string, textBytesMax: number) => {
    return [...origin(textBytesMax), ['oncelog-omitted', header(what)] as const]
  }
  const keyed = { topic, key, value: null, headers: omitted('value, headers', TEXT_BYTES_MAX) }
  if (fits(keyed, bytesMax)) return keyed
  const textBytesMax = Math.min(TEXT_BYTES_MAX, SHORT_TEXT_BYTES + Math.floor((bytesMax - DEAD_LETTER_BYTES_MIN) / 3))
  return { topic, key: null, value: null, headers: omitted('key, value, headers', textBytesMax) }
}

/**
 * INVALID_REQUEST for what is no topic's name, and for a topic that is itself read: its dead letters would come as
 * records, fail, and be written anew, without end.
 */
export function checkDeadLetterOption(deadLetter: unknown, topics: readonly TopicRef[]): void {
  if (deadLetter === undefined) return
  if (typeof deadLetter === 'string' && !topics.some((each) => topicName(each) === deadLetter)) return
  const message = 'deadLetter must be the name of a topic, and of none that is read'
  throw new LogError('INVALID_REQUEST', message, { option: 'deadLetter' })
}

/**
 * Asked before the first record, so that a failing record isn't the first to find that dead letters have nowhere to go.
 */
export async function checkDeadLetters(topic: string | undefined, admin: Admin): Promise<void> {
  if (topic !== undefined) await deadLetterBytesMax(topic, admin)
}

/**
 * The largest batch that the topic takes. INVALID_TOPIC_EXCEPTION for one of the log's own topics,
 * UNKNOWN_TOPIC_OR_PARTITION without the topic, INVALID_CONFIG for a topic that doesn't take every dead letter, or that
 * loses some: compaction keeps the last one of a key, and takes none without a key.
 */
async function deadLetterBytesMax(topic: string, admin: Admin): Promise<number> {
  assertUserTopicName(topic)
  const { config } = await admin.describeTopic(topic).catch((error: unknown) => {
    if (!LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
    const message = `there is no topic "${topic}" for dead letters`
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic, option: 'deadLetter' })
  })
  const { maxMessageBytes, segmentBytes, cleanupPolicy } = parseTopicConfig(config)
  const refused = (key: string, needed: string) => {
    const message = `"${topic}" is no topic for dead letters: it needs ${key} ${needed}`
    return new LogError('INVALID_CONFIG', message, { topic, key, option: 'deadLetter' })
  }
  if (cleanupPolicy.includes('compact')) throw refused('cleanup.policy', 'delete')
  const needed = `of ${DEAD_LETTER_BYTES_MIN} at least`
  if (maxMessageBytes < DEAD_LETTER_BYTES_MIN) throw refused('max.message.bytes', needed)
  if (segmentBytes < DEAD_LETTER_BYTES_MIN) throw refused('segment.bytes', needed)
  return Math.min(maxMessageBytes, segmentBytes)
}

/** An error that tells which record failed, and what was being done with it. */
export function aboutRecord(error: unknown, what: string, record: ConsumedRecord, cause: unknown): unknown {
  if (!LogError.is(error)) return error
  const { topic, partition, offset } = record
  const message = `${error.message} (${what}, of offset ${offset} of ${topic}-${partition})`
  return new LogError(
    error.code as ErrorCode,
    message,
    { ...error.details, record: { topic, partition, offset } },
    cause,
  )
}

function fits(letter: ProducerRecord, bytesMax: number): boolean {
  return loneBatchBytes(checkRecord(letter, 0)) <= bytesMax
}

/**
 * Cut to at most `bytesMax` bytes of whole characters; half a surrogate pair, which no record may hold, becomes U+FFFD.
 */
function header(text: string, bytesMax: number = TEXT_BYTES_MAX): Uint8Array {
  const bytes = new TextEncoder().encode(text.slice(0, bytesMax))
  let end = Math.min(bytes.length, bytesMax)
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

function kindOf(error: unknown): string {
  if (LogError.is(error)) return error.code
  return error instanceof Error ? error.name : typeof error
}

function messageOf(error: unknown): unknown {
  return error instanceof Error ? error.message : error
}

/** Anything can be thrown, even what has no text or throws when it is asked for one. */
function textOf(error: unknown, ask: (error: unknown) => unknown): string {
  try {
    return String(ask(error))
  } catch {
    return `a value of type ${typeof error}`
  }
}
