import { LogError } from '../model/errors.ts'
import { ConsumedRecord } from './consumer/consumed-record.ts'
import type { ProducerRecord } from './producer-record.ts'

/**
 * A record that failed every try, as it came, with what is known of the failure behind its own headers:
 *   oncelog-topic, oncelog-partition, oncelog-offset   where it stands
 *   oncelog-error, oncelog-error-message               the error's code or name, and its text
 *   oncelog-attempts                                   how often it was tried
 */
export function deadLetterOf(record: ConsumedRecord, topic: string, error: unknown, attempts: number): ProducerRecord {
  const { key, value, headers } = ConsumedRecord.encodedOf(record)
  const origin: readonly (readonly [string, string])[] = [
    ['oncelog-topic', record.topic],
    ['oncelog-partition', `${record.partition}`],
    ['oncelog-offset', `${record.offset}`],
    ['oncelog-error', LogError.is(error) ? error.code : error instanceof Error ? error.name : typeof error],
    ['oncelog-error-message', error instanceof Error ? error.message : String(error)],
    ['oncelog-attempts', `${attempts}`],
  ]
  return { topic, key, value, headers: [...headers, ...origin] }
}
