import { InvalidArgumentError } from 'commander'
import type { TopicPartition } from '../../model/positions.ts'

/** Parses a whole number of at least `from`; commander reports anything else as a wrong call. */
export function countFrom(from: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= from) return value
    throw new InvalidArgumentError(`It must be a whole number from ${from} to ${Number.MAX_SAFE_INTEGER}.`)
  }
}

/** ISO 8601: a day, or a day and a time with or without its zone. */
const DATE = /^\d{4}-\d\d-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/i

/**
 * NaN for what is no date. Date.parse alone finds one in nearly any text, the year 2001 in `-1` and in `yesterday-1`,
 * and March in the 31st of February. A time without its zone is UTC, as a day is and as it is for Kafka's tools; to
 * Date.parse it is local.
 */
function dateMs(text: string): number {
  const [, day, time, zone] = DATE.exec(text) ?? []
  const isInCalendar = day !== undefined && new Date(text.slice(0, 10)).getUTCDate() === Number(day)
  if (!isInCalendar) return Number.NaN
  return Date.parse(time !== undefined && zone === undefined ? `${text}Z` : text)
}

/** `earliest`, `latest`, milliseconds since 1970 or a date. */
export function startPoint(text: string): 'earliest' | 'latest' | { timestamp: number } {
  if (text === 'earliest' || text === 'latest') return text
  const timestamp = /^\d+$/.test(text) ? Number(text) : dateMs(text)
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return { timestamp }
  throw new InvalidArgumentError('It must be earliest, latest, milliseconds since 1970 or a date as 2026-11-26T09:00Z.')
}

const DURATION = /^P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i
const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1000]

/** Milliseconds of a duration in Kafka's form of ISO 8601, PnDTnHnMnS. */
export function durationMs(text: string): number {
  const [matched, ...parts] = DURATION.exec(text) ?? []
  const total = parts.reduce((sum, part, index) => sum + Number(part ?? 0) * (UNITS_MS[index] ?? 0), 0)
  if (matched !== undefined && parts.some((part) => part !== undefined) && total <= Number.MAX_SAFE_INTEGER)
    return Math.round(total)
  throw new InvalidArgumentError('It must be a duration as PT1H, PT90M or P1DT12H: days, hours, minutes and seconds.')
}

/** A regular expression that a whole name has to match, as Kafka's tools take it. */
export function wholeName(text: string): RegExp {
  try {
    // By itself first: what closes a group that it didn't open would get out of the one around it.
    const { source } = new RegExp(text)
    return new RegExp(`^(?:${source})$`)
  } catch {
    throw new InvalidArgumentError('It must be a name or a regular expression.')
  }
}

/** A whole number, negative ones too. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError(
    `It must be a whole number from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}.`,
  )
}

/** For an option that may come again: commander calls it once for each occurrence. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

type TopicOrPlace = string | TopicPartition

/** `topic` for all its partitions, or `topic:0,2`. commander calls it once for each occurrence of the option. */
export function topicPartitions(text: string, before: readonly TopicOrPlace[] = []): TopicOrPlace[] {
  const [topic = '', numbers, ...others] = text.split(':')
  // Ten digits hold the number of any partition.
  if (topic === '' || others.length > 0 || (numbers !== undefined && !/^\d{1,10}(,\d{1,10})*$/.test(numbers))) {
    throw new InvalidArgumentError('It must be a topic, or a topic with partitions as payments:0,2.')
  }
  const named = numbers?.split(',').map((number) => ({ topic, partition: Number(number) }))
  return [...before, ...(named ?? [topic])]
}
