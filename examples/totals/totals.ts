import { type EmbeddedLog, json, LogError, open, type Topic, topic, unchecked } from 'oncelog'
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
export const COPY_PARTITIONS: number = 2 * PARTITIONS

export const rows: Topic<'rows', string, string, Row, Row> = topic('rows', {
  value: unchecked<Row>(json()),
  partitions: PARTITIONS,
})
/**
 * Those of an input partition are spread over two, so that a transaction is in both; and over these alone: readers see
 * nothing after a transaction that is still open, and one that shared only one of them would hide one half and not the
 * other.
 */
export const copies: Topic<'copies', string, string, Copy, Copy> = topic('copies', {
  value: unchecked<Copy>(json()),
  partitions: COPY_PARTITIONS,
})
/** State: the totals of an input partition are in the partition of the same number. */
export const totals: Topic<'totals', string, string, Total, Total> = topic('totals', {
  value: unchecked<Total>(json()),
  partitions: PARTITIONS,
})

/** Holds each transaction open until it is told to hurry, or killed. */
export const PATIENT = 'patient'
export const GROUP = 'totals'

const OPEN_ATTEMPTS = 20

/**
 * Whoever has just taken the log over may be too busy to answer: on a machine with many processes it is asked again.
 */
export async function openPatiently(directory: string, topics: readonly Topic[]): Promise<EmbeddedLog> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(directory, { topics })
    } catch (error) {
      if (!LogError.is(error, 'DIRECTORY_IN_USE') || attempt === OPEN_ATTEMPTS) throw error
    }
  }
}

/** Where the copy of a row goes. */
export function copyPartition(partition: number, offset: number): number {
  return 2 * partition + (offset % 2)
}

/** Adds every number of the row. Rows of a key come in one order, so that sums of fractions come out alike. */
export function add(total: Total | undefined, row: Row, input: Total['input']): Total {
  const sums: Record<string, number> = { ...total?.sums }
  for (const [field, value] of Object.entries(row)) {
    if (typeof value === 'number') sums[field] = (sums[field] ?? 0) + value
  }
  return { rows: (total?.rows ?? 0) + 1, sums, input }
}
