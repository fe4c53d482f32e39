import { SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import { LogError } from '../../model/errors.ts'

export type Row = Readonly<Record<string, unknown>>

/** Rows as a table for people, or one JSON object a line for programs. */
export function print(rows: readonly Row[], isJson: boolean): void {
  if (isJson) {
    for (const row of rows) console.log(JSON.stringify(row))
    return
  }
  const first = rows[0]
  if (first === undefined) {
    console.log('nothing')
    return
  }
  const fields = Object.keys(first)
  const colAligns = fields.map((field) => (typeof first[field] === 'number' ? 'right' : 'left') as 'right' | 'left')
  // A rule below the names, none between rows.
  const chars = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
  const table = new Table({ head: fields, colAligns, chars, style: { head: [], border: [] } })
  for (const row of rows) table.push(fields.map((field) => printable(row[field])))
  const [top = '', head = '', ...body] = table.toString().split('\n')
  const rule = top.replaceAll('┌', '├').replaceAll('┬', '┼').replaceAll('┐', '┤')
  console.log([top, head, rule, ...body].join('\n'))
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

export interface Progress {
  update(done: number, total?: number): void
  stop(): void
}

/** A bar on a terminal, on standard error so that output can be piped; nothing elsewhere. */
export function progressBar(label: string, total: number, unit = ''): Progress {
  if (process.stderr.isTTY !== true || total <= 0) return { update() {}, stop() {} }
  const format = `${label} {bar} {percentage}% of {total}${unit}, {eta_formatted} left`
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true, barsize: 32 })
  bar.start(total, 0)
  return {
    update(done, ofTotal) {
      if (ofTotal !== undefined) bar.setTotal(ofTotal)
      bar.update(done)
    },
    stop: () => bar.stop(),
  }
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
  else console.error(`${code}: ${printable(message)}\n${hint}`)
  return category === 'misuse' ? 2 : 1
}
