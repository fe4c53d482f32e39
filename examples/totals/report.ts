import Table from 'cli-table3'
import { open } from 'oncelog'
import { keyOf, type Row, readRows } from './input.ts'
import { add, copies, type Total, totals } from './totals.ts'

/** The newest total of each key, as the log has them. */
export async function totalsOfLog(directory: string): Promise<Map<string, Total>> {
  const log = await open(directory)
  try {
    const known = new Map<string, Total>()
    for await (const record of log.read(totals, { until: 'end' })) {
      if (record.key !== null && record.value !== null) known.set(record.key, record.value)
    }
    return known
  } finally {
    await log.close()
  }
}

/** How often each row is there, rows as JSON. */
export class Rows extends Map<string, number> {
  count(row: Row): void {
    const text = JSON.stringify(row)
    this.set(text, (this.get(text) ?? 0) + 1)
  }

  /** Rows that the other has more often, or less. */
  differences(other: Rows): string[] {
    return [...new Set([...this.keys(), ...other.keys()])].filter((row) => this.get(row) !== other.get(row))
  }
}

/** Every row that was copied, and the transactions that copied them. */
export async function copiesOfLog(directory: string): Promise<{ readonly rows: Rows; readonly transactions: number }> {
  const log = await open(directory)
  try {
    const rows = new Rows()
    const transactions = new Set<string>()
    for await (const { value } of log.read(copies, { until: 'end' })) {
      if (value === null) continue
      rows.count(value.row)
      transactions.add(value.transaction)
    }
    return { rows, transactions: transactions.size }
  } finally {
    await log.close()
  }
}

/** The same as `totalsOfLog`, straight from the file; `seen` gets each row. */
export async function totalsOfFile(
  input: string,
  key: string,
  seen: (row: Row) => void = () => {},
): Promise<Map<string, Total>> {
  const known = new Map<string, Total>()
  for await (const row of readRows(input)) {
    seen(row)
    const name = keyOf(row, key)
    known.set(name, add(known.get(name), row, { partition: 0, nextOffset: 0 }))
  }
  return known
}

/** Keys whose totals aren't equal to the last digit. */
export function differences(log: ReadonlyMap<string, Total>, file: ReadonlyMap<string, Total>): string[] {
  const keys = new Set([...log.keys(), ...file.keys()])
  return [...keys].filter((key) => figures(log.get(key)) !== figures(file.get(key)))
}

function figures(total: Total | undefined): string {
  return total === undefined ? 'none' : JSON.stringify([total.rows, Object.entries(total.sums).sort()])
}

export function topTable(known: ReadonlyMap<string, Total>, key: string): string {
  const top = [...known].sort(([, a], [, b]) => b.rows - a.rows).slice(0, 8)
  const fields = Object.keys(top[0]?.[1].sums ?? {}).slice(0, 4)
  const table = new Table({ head: [key, 'rows', ...fields], style: { head: [], border: [] } })
  for (const [name, { rows, sums }] of top) {
    table.push([name === '' ? '(none)' : name, String(rows), ...fields.map((field) => String(sums[field] ?? 0))])
  }
  return table.toString()
}
