import { ProducerWindows } from '../../batch-fields.ts'
import type { PartitionIdentity } from '../../partition-identity.ts'
import type { AbortedTransaction, SealedBatch } from '../../partition-store.ts'
import type { StoredPartition, StoredProducer } from '../../stored-state.ts'

/** The rows of one partition, and what else the database keeps of it. */
export class PartitionRows {
  readonly id: PartitionIdentity
  /** A row for each batch, by offset. Nobody writes to their bytes. */
  rows: SealedBatch[] = []
  /** A transaction holds the rows below it: they stay after a power loss. */
  committedOffset = 0
  logStartOffset = 0
  ceiling = 0
  /** The next offset is never below it: where an unclean open continued, or the end of rows that were deleted. */
  floorOffset = 0
  aborted: AbortedTransaction[] = []
  /** The producers as of `windowsOffset`, below which rows were deleted or rewritten; the rows tell the rest. */
  windows: readonly StoredProducer[] = []
  windowsOffset = 0
  cleanedOffset = 0

  constructor(id: PartitionIdentity) {
    this.id = id
  }

  get nextOffset(): number {
    return Math.max(this.rows.at(-1)?.nextOffset ?? 0, this.floorOffset)
  }

  /** Index of the row that holds `offset`, or of the first row after it. */
  firstAt(offset: number): number {
    let [low, high] = [0, this.rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.rows[middle] as SealedBatch).nextOffset > offset) high = middle
      else low = middle + 1
    }
    return low
  }

  insert({ bytes, baseOffset, nextOffset, maxTimestamp }: SealedBatch): void {
    this.rows.push({ bytes: bytes.slice(), baseOffset, nextOffset, maxTimestamp })
  }

  /** Everything below `offset` is part of a transaction that ended. */
  commit(offset: number): void {
    this.committedOffset = Math.max(this.committedOffset, offset)
  }

  deleteBefore(offset: number): void {
    this.#keepWindows(offset)
    this.floorOffset = Math.max(this.nextOffset, offset)
    this.logStartOffset = Math.max(this.logStartOffset, offset)
    this.rows = this.rows.filter((row) => row.nextOffset > offset)
  }

  /**
   * Replaces the rows from `baseOffset` to before `nextOffset` by `kept`. False if they aren't the rows of `before` any
   * more.
   */
  rewrite(before: readonly SealedBatch[], kept: readonly SealedBatch[]): boolean {
    const first = this.rows.indexOf(before[0] as SealedBatch)
    if (first < 0 || before.some((row, index) => this.rows[first + index] !== row)) return false
    this.#keepWindows(before.at(-1)?.nextOffset ?? 0)
    this.rows.splice(first, before.length, ...kept)
    return true
  }

  #keepWindows(offset: number): void {
    if (offset <= this.windowsOffset) return
    const windows = this.#windows()
    for (const row of this.rows) {
      if (row.baseOffset >= this.windowsOffset && row.nextOffset <= offset) windows.add(row.bytes)
    }
    this.windows = windows.all()
    this.windowsOffset = offset
  }

  #windows(): ProducerWindows {
    return new ProducerWindows(this.windows)
  }

  stored(): StoredPartition {
    const windows = this.#windows()
    for (const row of this.rows) if (row.baseOffset >= this.windowsOffset) windows.add(row.bytes)
    return {
      id: this.id,
      logStartOffset: this.logStartOffset,
      nextOffset: this.nextOffset,
      ceiling: this.ceiling,
      producers: windows.all(),
      maxTimestamp: this.rows.reduce((greatest, row) => Math.max(greatest, row.maxTimestamp), -1),
      readOnly: false,
    }
  }

  /** A copy that has only `kept` of the rows that no transaction holds. */
  copy(kept: (uncommitted: number) => number): PartitionRows {
    const committed = this.firstAt(this.committedOffset)
    const rows = this.rows.slice(0, committed + kept(this.rows.length - committed))
    return Object.assign(new PartitionRows(this.id), this, { rows, aborted: [...this.aborted] })
  }
}

/** What a crash leaves of the rows that no transaction holds. */
export interface RowLoss {
  /** How many of these rows are left in a partition: the first ones, since a database's own log keeps the order. */
  readonly kept: (uncommitted: number) => number
  /**
   * Whether the power failed, so that what is left is on the device. If only the process died, that may still be lost.
   */
  readonly isDurable: boolean
}

const NOTHING_KEPT: RowLoss = { kept: () => 0, isDurable: true }

/** A toy database: tables in memory, and a transaction that is atomic because nothing runs beside it. */
export class RowDatabase {
  readonly partitions: Map<string, PartitionRows> = new Map()
  /** The store that has it open. */
  holder: object | undefined
  isClean = true
  leaderEpoch = 0
  producerIdsEnd = 0

  get usedBytes(): number {
    let bytes = 0
    for (const { rows } of this.partitions.values()) for (const row of rows) bytes += row.bytes.length
    return bytes
  }

  find({ topicId, partition }: PartitionIdentity): PartitionRows | undefined {
    return this.partitions.get(`${topicId}/${partition}`)
  }

  create(id: PartitionIdentity): void {
    if (this.find(id) === undefined) this.partitions.set(`${id.topicId}/${id.partition}`, new PartitionRows(id))
  }

  remove({ topicId, partition }: PartitionIdentity): void {
    this.partitions.delete(`${topicId}/${partition}`)
  }

  /** What another process finds after a crash. This object goes on as it is. */
  afterCrash({ kept, isDurable }: RowLoss = NOTHING_KEPT): RowDatabase {
    const copy = Object.assign(new RowDatabase(), this, { partitions: new Map(), holder: undefined })
    for (const [key, partition] of this.partitions) copy.partitions.set(key, partition.copy(kept))
    if (isDurable) copy.commitAll()
    return copy
  }

  commitAll(): void {
    for (const partition of this.partitions.values()) partition.commit(partition.nextOffset)
  }
}
