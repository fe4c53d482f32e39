import { nearestOf } from '../model/nearest-name.ts'
import type { HeaderList } from '../model/records.ts'
import type { ProducerRecord } from './producer-record.ts'

const FIELDS = ['topic', 'key', 'value', 'partition', 'timestamp', 'headers'] as const
/**
 * How many names are remembered. A program's records have few, and looking for a similar name takes a hundred times as
 * long as handling the record.
 */
const REMEMBERED_MAX = 200
const remembered = new Map<string, readonly string[]>()

/** A misspelt name that a record has, and the name that was meant. */
export interface FieldSlip {
  readonly field: string
  readonly meant: string
}

/**
 * A misspelt name of a field: the record would silently lack what was meant, and `record()` gives those that it lacks as
 * undefined. A name that another library put into the record is none, as it resembles no missing field. Hot path: a switch takes a quarter of the time of a table of names.
 */
export function fieldSlip(record: object): FieldSlip | undefined {
  // Inherited fields are read like own ones, so they are checked too.
  for (const name in record) {
    switch (name) {
      case 'topic':
      case 'key':
      case 'value':
      case 'partition':
      case 'timestamp':
      case 'headers':
        break
      default: {
        const meant = nearFields(name).find((field) => (record as Record<string, unknown>)[field] === undefined)
        if (meant !== undefined) return { field: name, meant }
      }
    }
  }
  return undefined
}

/**
 * `copy` with the fields that a spread of `record` leaves out: those that its class or another prototype gives, and
 * hidden ones.
 */
function withInherited(copy: ProducerRecord, record: ProducerRecord): ProducerRecord {
  // Hot path: six loads by name take a tenth of the loop.
  if (hasSameFields(copy, record)) return copy
  const fields = copy as unknown as Record<string, unknown>
  for (const field of FIELDS) {
    if (field in fields) continue
    const value = record[field]
    if (value !== undefined) fields[field] = value
  }
  return copy
}

function hasSameFields(copy: ProducerRecord, record: ProducerRecord): boolean {
  const { topic, key, value, partition, timestamp, headers } = copy
  return (
    topic === record.topic &&
    key === record.key &&
    value === record.value &&
    partition === record.partition &&
    timestamp === record.timestamp &&
    headers === record.headers
  )
}

/** A copy with its headers as a list: what they were given as may be iterable only once. */
export function copyOf(record: ProducerRecord, headers: HeaderList | undefined): ProducerRecord {
  // A copy without headers keeps the shape of the original: two shapes would make each later send a third slower.
  const copy = withInherited({ ...record }, record)
  return headers === undefined ? copy : { ...copy, headers }
}

function nearFields(name: string): readonly string[] {
  let near = remembered.get(name)
  if (near === undefined) {
    near = nearestOf(name, FIELDS)
    if (remembered.size < REMEMBERED_MAX) remembered.set(name, near)
  }
  return near
}
