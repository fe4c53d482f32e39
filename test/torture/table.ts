import Table from 'cli-table3'
import type { Outcome, Part, Row } from './part.ts'

/** A part that ran, or what it would have needed. */
export interface PartResult {
  readonly part: Part
  readonly missing?: string
  readonly outcome?: Outcome
  readonly seconds?: number
}

export type Verdict = 'ok' | 'FAILED' | 'NOT RUN'

/** What ran and counted nothing proved nothing. */
export function verdictOf({ outcome }: PartResult): Verdict {
  if (outcome === undefined) return 'NOT RUN'
  const { rows, failures } = outcome
  return failures.length > 0 || rows.length === 0 || rows.some(({ count }) => count === 0) ? 'FAILED' : 'ok'
}

export function table(results: readonly PartResult[]): string {
  const lines = new Table({
    head: ['what', 'count', 'goal', 'verdict', ''],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [34, 12, 10, 13, 64],
  })
  for (const result of results) {
    const { part, missing, outcome, seconds } = result
    if (outcome === undefined) lines.push([part.name, '', '', 'NOT RUN', missing ?? ''])
    else lines.push([`${part.name}, ${Math.round(seconds ?? 0)} s`, '', '', verdictOf(result), ''])
    for (const row of outcome?.rows ?? []) lines.push(cells(row))
  }
  return lines.toString()
}

function cells({ what, count, goal, note }: Row): string[] {
  const verdict = count === 0 ? 'FAILED' : goal === undefined ? '' : count >= goal ? 'reached' : 'by minutes'
  return [`  ${what}`, count.toLocaleString('en'), goal?.toLocaleString('en') ?? '', verdict, note ?? '']
}
