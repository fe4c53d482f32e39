import { SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import { LogError } from '../../model/errors.ts'

/** Rows as a table for people, or one JSON object a line for programs. */
export function print(rows: readonly Record<string, unknown>[], isJson: boolean): void {
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
  const table = new Table({ head: fields, style: { head: [], border: [] } })
  for (const row of rows) table.push(fields.map((field) => printable(row[field])))
  console.log(table.toString())
}

/** Control characters of names and values never reach a terminal as they are. */
export function printable(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '')
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

export interface Progress {
  update(done: number): void
  stop(): void
}

/** A bar on a terminal, on standard error so that output can be piped; nothing elsewhere. */
export function progressBar(label: string, total: number): Progress {
  if (!process.stderr.isTTY) return { update() {}, stop() {} }
  const bar = new SingleBar({ format: `${label} {bar} {value}/{total}`, stream: process.stderr, clearOnComplete: true })
  bar.start(total, 0)
  return {
    update: (done) => bar.update(done),
    stop: () => bar.stop(),
  }
}

/** What a command's failure says and how it exits: 2 for a call that must be mended, 1 for all else. */
export function report(error: unknown, isJson: boolean): number {
  if (!LogError.is(error)) {
    console.error(error instanceof Error ? error.message : String(error))
    return 1
  }
  const { code, category, message, hint, details } = error
  if (isJson) console.error(JSON.stringify({ error: code, category, message, hint, details }))
  else console.error(`${code}: ${printable(message)}\n${hint}`)
  return category === 'misuse' ? 2 : 1
}
