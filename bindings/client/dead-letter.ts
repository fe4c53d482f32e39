import type { AdminSession } from '../broker/admin-session.ts'
import { LogError } from '../model/errors.ts'
import { parseTopicConfig } from '../model/topic-config.ts'
import { ConsumedRecord } from './consumer/consumed-record.ts'
import { loneBatchBytes } from './producer/record-size.ts'
import { checkRecord } from './producer/validate-record.ts'
import type { ProducerRecord } from './producer-record.ts'

/** Of a text in a header. What a program puts into an error's message has no bound. */
const TEXT_BYTES_MAX = 1024

/**
 * A record that failed every try, as it came, with what is known of the failure behind its own headers:
 *   oncelog-topic, oncelog-partition, oncelog-offset   where it stands
 *   oncelog-error, oncelog-error-message               the error's code or name, and its text, 1 KiB of it at most
 *   oncelog-attempts                                   how often it was tried
 *   oncelog-omitted                                    what would make a batch that the letters' topic refuses, and is to be
 *                                                      read at its origin: `value, headers`, or `key, value, headers`
 */
export async function deadLetterOf(
  record: ConsumedRecord,
  topic: string,
  error: unknown,
  attempts: number,
  admin: Pick<AdminSession, 'describeTopic'>,
): Promise<ProducerRecord> {
  const { config } = await admin.describeTopic(topic)
  const { maxMessageBytes, segmentBytes } = parseTopicConfig(config)
  const bytesMax = Math.min(maxMessageBytes, segmentBytes)
  const { key, value, headers } = ConsumedRecord.encodedOf(record)
  const origin: readonly (readonly [string, Uint8Array])[] = [
    ['oncelog-topic', header(record.topic)],
    ['oncelog-partition', header(`${record.partition}`)],
    ['oncelog-offset', header(`${record.offset}`)],
    ['oncelog-error', header(textOf(error, kindOf))],
    ['oncelog-error-message', header(textOf(error, (thrown) => (thrown instanceof Error ? thrown.message : thrown)))],
    ['oncelog-attempts', header(`${attempts}`)],
  ]
  const whole = { topic, key, value, headers: [...headers, ...origin] }
  if (fits(whole, bytesMax)) return whole
  const omitted = (what: string) => [...origin, ['oncelog-omitted', header(what)] as const]
  const keyed = { topic, key, value: null, headers: omitted('value, headers') }
  return fits(keyed, bytesMax) ? keyed : { ...keyed, key: null, headers: omitted('key, value, headers') }
}

/** Asked before the first record: a failure is no time to find that its letter has nowhere to go. */
export async function checkDeadLetters(
  topic: string | undefined,
  admin: Pick<AdminSession, 'describeTopic'>,
): Promise<void> {
  if (topic === undefined) return
  try {
    await admin.describeTopic(topic)
  } catch (error) {
    if (!LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
    const message = `there is no topic "${topic}" for dead letters`
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic, option: 'deadLetter' })
  }
}

function fits(letter: ProducerRecord, bytesMax: number): boolean {
  return loneBatchBytes(checkRecord(letter, 0)) <= bytesMax
}

/** Whole characters, at most so many bytes; half a surrogate pair, which no record may hold, becomes U+FFFD. */
function header(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text.slice(0, TEXT_BYTES_MAX))
  let end = Math.min(bytes.length, TEXT_BYTES_MAX)
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

function kindOf(error: unknown): string {
  if (LogError.is(error)) return error.code
  return error instanceof Error ? error.name : typeof error
}

/** Anything can be thrown, also what has no text, and what throws in its turn when it is asked. */
function textOf(error: unknown, ask: (error: unknown) => unknown): string {
  try {
    return String(ask(error))
  } catch {
    return `a value of type ${typeof error}`
  }
}
