import type { TableRecord } from '../log/catalogue/table-record.ts'
import type { Marker } from '../log/partition/marker.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { bytesOfRecord } from './in-parts.ts'

/** The log's own topics, in the order in which their records are applied. */
export const TABLES = ['transactions', 'offsets', 'shares', 'catalogue'] as const
export type TableName = (typeof TABLES)[number]

/** A change of the log's own topics: planned by a table, durable with the next commit, then applied and answered. */
export interface PlannedChange extends Partial<Record<TableName, readonly TableRecord[]>> {
  readonly end?: PlannedEnd | undefined
  readonly done: (error: unknown) => void
}

/** Of a transaction, in each of its partitions. */
export interface PlannedEnd {
  readonly marker: Marker
  readonly partitions: readonly HostedPartition[]
}

/** Of a marker in a frame: the batch of 78 bytes and what the frame says of it. */
export const MARKER_BYTES = 160

const NOWHERE: readonly HostedPartition[] = []

/** Where the change gives markers. */
export function endedIn({ end }: PlannedChange): readonly HostedPartition[] {
  return end?.partitions ?? NOWHERE
}

/** About what its decisions take in a frame. */
export function bytesOfChange(change: PlannedChange): number {
  let total = endedIn(change).length * MARKER_BYTES
  for (const table of TABLES) {
    for (const record of change[table] ?? []) total += bytesOfRecord(record)
  }
  return total
}
