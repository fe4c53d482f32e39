import { nearestOf } from '../model/nearest-name.ts'
import type { HeaderList } from '../model/records.ts'
import type { ProducerRecord } from './producer-record.ts'

const FIELDS = ['topic', 'key', 'value', 'partition', 'timestamp', 'headers'] as const
/**
 * Records of a program have few names, and looking for what is near one takes a hundred times as long as its record.
 */
const REMEMBERED_MAX = 200
const remembered = new Map<string, readonly string[]>()

/** A name that a record has, and what was meant by it. */
export interface FieldSlip {
  readonly field: string
  readonly meant: string
}

/**
 * A slip in the name of a field would leave out what was meant, in silence. What another library put into a record
 * besides is none: its name is like no field that is missing. Hot path: a switch takes a quarter of the time that a
 * table of names takes.
 */
export function fieldSlip(record: object): FieldSlip | undefined {
  // Inherited ones are read like its own.
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
        const meant = nearFields(name).find((field) => !(field in record))
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
function withInherited<R extends object>(copy: R, record: R): R {
  const fields = copy as Record<string, unknown>
  for (const field of FIELDS) {
    if (field in fields) continue
    const value = (record as Record<string, unknown>)[field]
    if (value !== undefined) fields[field] = value
  }
  return copy
}

/** With its headers as a list: they may be there to be gone through once. */
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
