import type { TableRecord } from '../log/catalogue/table-record.ts'
import type { Marker } from '../log/partition/marker.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { bytesOfRecord } from './split-for-frames.ts'

/** The log's own topics, in the order in which their records are applied. */
export const TABLES = ['transactions', 'offsets', 'shares', 'catalogue'] as const
export type TableName = (typeof TABLES)[number]

/**
 * A change of the log's own topics. A table plans it, the next commit makes it durable, then it is applied and
 * answered.
 */
export interface PlannedChange extends Partial<Record<TableName, readonly TableRecord[]>> {
  readonly end?: PlannedEnd | undefined
  readonly done: (error: unknown) => void
}

/** The end of a transaction: a marker for each of its partitions. */
export interface PlannedEnd {
  readonly marker: Marker
  readonly partitions: readonly HostedPartition[]
}

/** What a marker takes in a frame: its batch of 78 bytes, and the frame's entry for it. */
export const MARKER_BYTES = 160

const NOWHERE: readonly HostedPartition[] = []

/** The partitions in which the change ends a transaction, each with a marker. */
export function endedIn({ end }: PlannedChange): readonly HostedPartition[] {
  return end?.partitions ?? NOWHERE
}

/** Roughly what the change's records and markers take in a frame. */
export function bytesOfChange(change: PlannedChange): number {
  let total = endedIn(change).length * MARKER_BYTES
  for (const table of TABLES) {
    for (const record of change[table] ?? []) total += bytesOfRecord(record)
  }
  return total
}
