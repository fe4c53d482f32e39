import type { TableRecord } from '../log/catalogue/table-record.ts'
import type { Marker } from '../log/partition/marker.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import type { Decision } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { type PlannedChange, TABLES, type TableName } from './planned-change.ts'

/** What a commit set changes in one of the log's own topics. */
export interface TableChange {
  readonly table: TableName
  readonly hosted: HostedPartition
  readonly records: readonly TableRecord[]
  readonly baseOffset: number
}

export interface DecisionHooks {
  readonly factory: PartitionFactory
  readonly leaderEpoch: () => number
  readonly now: () => number
  readonly table: (name: TableName) => HostedPartition
}

/**
 * The decisions of a commit set as batches with their offsets: one for each of the log's own topics, and the markers.
 */
export class DecisionBatches {
  readonly #hooks: DecisionHooks

  constructor(hooks: DecisionHooks) {
    this.#hooks = hooks
  }

  /**
   * The records for each of the log's own topics that changes, in the order in which they were planned. Of a share
   * group's snapshots of one partition the last one: a frame makes all of them durable or none.
   */
  tableChanges(changes: readonly PlannedChange[]): readonly TableChange[] {
    const tables: TableChange[] = []
    for (const table of TABLES) {
      const planned: TableRecord[] = []
      for (const change of changes) for (const record of change[table] ?? []) planned.push(record)
      if (planned.length === 0) continue
      const records = table === 'shares' ? latestOf(planned) : planned
      const hosted = this.#hooks.table(table)
      tables.push({ table, hosted, records, baseOffset: hosted.partition.watermarks.nextOffset })
    }
    return tables
  }

  /** The batch of one table's change. */
  decision({ hosted, records, baseOffset }: TableChange): Decision {
    const now = this.#hooks.now()
    const bytes = this.#hooks.factory.batch(records, baseOffset, this.#hooks.leaderEpoch(), now)
    // The index needs the batch's real time: a record keeps the time at which it was planned.
    const maxTimestamp = records.reduce((max, { timestamp = now }) => Math.max(max, timestamp), -1)
    return { id: hosted.id, bytes, baseOffset, nextOffset: baseOffset + records.length, maxTimestamp }
  }

  /**
   * The markers, in the order of the changes: where several are for one partition, that is the order of their offsets.
   */
  markers(changes: readonly PlannedChange[]): readonly Decision[] {
    const markers: Decision[] = []
    const ends = new Map<HostedPartition, number>()
    for (const { end } of changes) {
      if (end === undefined) continue
      const living = end.partitions.filter(({ isDead }) => !isDead)
      const offsets = living.map((hosted) => {
        const offset = ends.get(hosted) ?? hosted.partition.watermarks.nextOffset
        ends.set(hosted, offset + 1)
        return offset
      })
      this.#addMarkers(end.marker, living, offsets, markers)
    }
    return markers
  }

  #addMarkers(
    marker: Marker,
    partitions: readonly HostedPartition[],
    offsets: readonly number[],
    to: Decision[],
  ): void {
    const now = this.#hooks.now()
    const leaderEpoch = this.#hooks.leaderEpoch()
    const batches = this.#hooks.factory.markers(marker, { baseOffsets: offsets, leaderEpoch, now })
    batches.forEach((bytes, index) => {
      const { id, partition } = partitions[index] as HostedPartition
      const baseOffset = offsets[index] ?? 0
      const placed = () => partition.markerPlaced(marker, baseOffset, leaderEpoch, now)
      to.push({ id, bytes, baseOffset, nextOffset: baseOffset + 1, maxTimestamp: now, placed })
    })
  }
}

/** Without records that a later one takes the place of: it has the same key, which is the same object then. */
function latestOf(planned: readonly TableRecord[]): readonly TableRecord[] {
  if (planned.length === 1) return planned
  const keys = new Set<TableRecord['key']>()
  const latest = [...planned].reverse().filter(({ key }) => !keys.has(key) && keys.add(key))
  return latest.reverse()
}
