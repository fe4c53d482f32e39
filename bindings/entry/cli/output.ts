import type { Damage } from '../../storage/recovery-report.ts'
import { tableForm } from './table.ts'

export type Row = Readonly<Record<string, unknown>>

/** A line for programs. A field without a value is null, so that every line of a kind has the same fields. */
export function jsonLine(row: Row): string {
  return JSON.stringify(row, (_, value: unknown) => value ?? null)
}

/** Prints rows: a table for people, or one JSON object a line for programs. `none` is the text for no rows. */
export function print(rows: readonly Row[], isJson: boolean, none = 'nothing'): void {
  if (isJson) {
    for (const row of rows) console.log(jsonLine(row))
    return
  }
  if (rows.length === 0) {
    console.log(none)
    return
  }
  const { head, line, gap, foot } = layoutOf(rows)
  console.log([...head, rows.map(line).join(`\n${gap}`), ...foot].join('\n'))
}

/** How rows are shown to people. */
export interface Layout {
  /** The fields that it shows. */
  readonly fields: ReadonlySet<string>
  readonly head: readonly string[]
  line(row: Row): string
  /** Stands between the lines of two rows. */
  readonly gap: string
  readonly foot: readonly string[]
}

/**
 * By the first rows of a list, or all of it: a table, or a block for each row where that is wider than the terminal.
 */
export function layoutOf(rows: readonly Row[]): Layout {
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cellsOf = (row: Row) => fields.map((field) => shown(field, row[field]))
  const aligns = fields.map((field) => (rows.some((row) => isNumber(field, row[field])) ? 'right' : 'left'))
  const table = tableForm(fields, aligns, rows.map(cellsOf))
  const known = new Set(fields)
  const { isTTY, columns = 80 } = process.stdout
  const isTooWide = isTTY === true && table.foot.length > columns
  if (isTooWide) return { fields: known, head: [], line: (row) => blockOf(fields, cellsOf(row)), gap: '\n', foot: [] }
  return { fields: known, head: [table.head], line: (row) => table.line(cellsOf(row)), gap: '', foot: [table.foot] }
}

/** A line for each field, for rows that are wider than the terminal. */
function blockOf(fields: readonly string[], cells: readonly string[]): string {
  const width = Math.max(...fields.map(({ length }) => length))
  return fields.map((field, index) => `${field.padEnd(width)}  ${cells[index] ?? ''}`.trimEnd()).join('\n')
}

const isTime = (field: string) => /timestamp$/i.test(field)
const isNumber = (field: string, value: unknown) => typeof value === 'number' && !isTime(field)

/** For people: times as dates, without control characters. */
function shown(field: string, value: unknown): string {
  // ±8.64e15 ms is what a Date can hold.
  if (isTime(field) && typeof value === 'number' && value >= 0 && value <= 8.64e15) return new Date(value).toISOString()
  return printable(value)
}

/** `1 record`, `2 records`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** What a command has changed: a sentence for people, its facts for programs. */
export interface Outcome {
  readonly sentence: string
  readonly facts: Row
}

/** Reports what a command did. */
export function say(sentence: string, facts: Row, isJson: boolean): Outcome {
  console.log(isJson ? jsonLine(facts) : printable(sentence))
  return { sentence, facts }
}

/** Escapes control characters, and those that change the direction of text: none reaches a terminal. */
export function printable(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, escaped)
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

/** Damage that was reported: each only once, however often a command looks again. */
const told = new Set<string>()

/** Reports damage that didn't stop the command, on standard error and by the exit code. */
export function tellDamage(found: readonly Partial<Damage>[], isJson: boolean): void {
  for (const each of found) {
    const line = isJson ? jsonLine({ damage: each }) : printable(sentence(each))
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
