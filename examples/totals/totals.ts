import { json, type Topic, topic, unchecked } from 'oncelog'
import type { Row } from './input.ts'

/** Sums of one key's rows, and where in the input they end. */
export interface Total {
  readonly rows: number
  readonly sums: Readonly<Record<string, number>>
  readonly input: { readonly partition: number; readonly nextOffset: number }
}

/** A row as a transaction copied it: whoever sees one sees all `size` of its transaction. */
export interface Copy {
  readonly row: Row
  readonly transaction: string
  readonly size: number
}

export const PARTITIONS = 4

export const rows: Topic<'rows', string, string, Row, Row> = topic('rows', {
  value: unchecked<Row>(json()),
  partitions: PARTITIONS,
})
/** Spread over other partitions than the input's, so that a transaction is in several. */
export const copies: Topic<'copies', string, string, Copy, Copy> = topic('copies', {
  value: unchecked<Copy>(json()),
  partitions: PARTITIONS,
})
/** State: the totals of an input partition are in the partition of the same number. */
export const totals: Topic<'totals', string, string, Total, Total> = topic('totals', {
  value: unchecked<Total>(json()),
  partitions: PARTITIONS,
})

export const GROUP = 'totals'

/** Adds every number of the row. Rows of a key come in one order, so that sums of fractions come out alike. */
export function add(total: Total | undefined, row: Row, input: Total['input']): Total {
  const sums: Record<string, number> = { ...total?.sums }
  for (const [field, value] of Object.entries(row)) {
    if (typeof value === 'number') sums[field] = (sums[field] ?? 0) + value
  }
  return { rows: (total?.rows ?? 0) + 1, sums, input }
}
