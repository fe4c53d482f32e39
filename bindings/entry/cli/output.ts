import Table from 'cli-table3'
import { LogError } from '../../model/errors.ts'
import type { Damage } from '../../storage/partition-store.ts'

export type Row = Readonly<Record<string, unknown>>

/** Rows as a table for people, or one JSON object a line for programs; `none` says what there is none of. */
export function print(rows: readonly Row[], isJson: boolean, none = 'nothing'): void {
  if (isJson) {
    for (const row of rows) console.log(JSON.stringify(row))
    return
  }
  const first = rows[0]
  if (first === undefined) {
    console.log(none)
    return
  }
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = rows.map((row) => fields.map((field) => shown(field, row[field])))
  const table = tableOf(fields, first, cells)
  const { isTTY, columns = 80 } = process.stdout
  const isTooWide = isTTY === true && table.slice(0, table.indexOf('\n')).length > columns
  console.log(isTooWide ? cells.map((row) => blockOf(fields, row)).join('\n\n') : table)
}

function tableOf(fields: readonly string[], first: Row, cells: readonly string[][]): string {
  const colAligns = fields.map((field) => (isNumber(field, first[field]) ? 'right' : 'left') as 'right' | 'left')
  // A rule below the names, none between rows.
  const chars = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
  const table = new Table({ head: [...fields], colAligns, chars, style: { head: [], border: [] } })
  table.push(...cells)
  const [top = '', head = '', ...body] = table.toString().split('\n')
  const rule = top.replaceAll('┌', '├').replaceAll('┬', '┼').replaceAll('┐', '┤')
  return [top, head, rule, ...body].join('\n')
}

/** A line for each field, where a table would run over the terminal's edge. */
function blockOf(fields: readonly string[], cells: readonly string[]): string {
  const width = Math.max(...fields.map(({ length }) => length))
  return fields.map((field, index) => `${field.padEnd(width)}  ${cells[index] ?? ''}`.trimEnd()).join('\n')
}

const isTime = (field: string) => /timestamp$/i.test(field)
const isNumber = (field: string, value: unknown) => typeof value === 'number' && !isTime(field)

/** For people: times as dates, without what a terminal would take for orders. */
function shown(field: string, value: unknown): string {
  // ±8.64e15 ms is what a Date can hold.
  if (isTime(field) && typeof value === 'number' && value >= 0 && value <= 8.64e15) return new Date(value).toISOString()
  return printable(value)
}

/** `1 record`, `2 records`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** What a command did: a sentence for people, its facts for programs. */
export function say(sentence: string, facts: Row, isJson: boolean): void {
  console.log(isJson ? JSON.stringify(facts) : printable(sentence))
}

/** Control characters of names and values never reach a terminal as they are, nor characters that turn the line around. */
export function printable(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, escaped)
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

/** Once, however often a command looks again. */
const told = new Set<string>()

/** On standard error, and by the exit code: damage that the command went on beside. */
export function tellDamage(found: readonly Partial<Damage>[], isJson: boolean): void {
  for (const each of found) {
    const line = isJson ? JSON.stringify({ damage: each }) : printable(sentence(each))
    if (told.has(line)) continue
    told.add(line)
    console.error(line)
    process.exitCode = 1
  }
}

function sentence({ code, topic, partition, ...place }: Partial<Damage>): string {
  if (place.file === undefined) return `damage: ${topic}-${partition} is ${code}`
  const offset = place.offset === undefined ? '' : `, offset ${place.offset}`
  return `damage: ${place.file} at byte ${place.position}${offset}: ${code}`
}

/** What a command's failure says and how it exits: 2 for a call that must be mended, 1 for all else. */
export function report(error: unknown, isJson: boolean): number {
  if (!LogError.is(error)) {
    const message = error instanceof Error ? error.message : String(error)
    console.error(isJson ? JSON.stringify({ error: 'FAILED', message }) : printable(message))
    return 1
  }
  const { code, category, message, hint, details } = error
  if (isJson) console.error(JSON.stringify({ error: code, category, message, hint, details }))
  else console.error([`${code}: ${printable(message)}`, ...placeOf(error), ...hintFor(error)].join('\n'))
  return category === 'misuse' ? 2 : 1
}

const PLACE = ['file', 'position', 'topic', 'partition', 'offset']

/** Where the damage is. */
function placeOf({ category, details }: LogError): string[] {
  const known = PLACE.filter((name) => category === 'corruption' && details[name] !== undefined)
  return known.length === 0 ? [] : [known.map((name) => `${name} ${printable(details[name])}`).join(', ')]
}

/** Details are for programs: a call that is wrong is told by its message. */
function hintFor({ hint }: LogError): string[] {
  return /that the details name\.$/.test(hint) ? [] : [hint.replace(/; the details name .*$/, '.')]
}
