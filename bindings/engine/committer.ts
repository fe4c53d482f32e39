import type { RecordPlace, TableRecord } from '../log/catalogue/table-record.ts'
import type { Marker } from '../log/partition/marker.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import type { Task } from '../storage/effect.ts'
import type { Ceiling, CommitSet, Decision, PartitionStore } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { bytesOfRecord, inParts } from './in-parts.ts'

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

/** What the changes of one set say of one of the log's own topics. */
interface TableChange {
  readonly table: TableName
  readonly hosted: HostedPartition
  readonly records: readonly TableRecord[]
  readonly baseOffset: number
}

interface WaitingChange {
  readonly change: PlannedChange
  /** About what its decisions take in a frame. */
  readonly sizeBytes: number
}

export interface CommitterHooks {
  readonly factory: PartitionFactory
  readonly leaderEpoch: () => number
  readonly now: () => number
  table(name: TableName): HostedPartition
  open(partition: HostedPartition): Task<void>
  apply(name: TableName, record: TableRecord, place: RecordPlace): void
  /** Durable now up to `durableOffset`: readers may see more. */
  advanced(partition: HostedPartition): void
  /** Ids below `end` may be handed out. */
  producerIds(end: number): void
}

/** Producer ids are reserved in blocks of this many (Kafka's ProducerIdManager). */
const PRODUCER_ID_BLOCK = 1000

/** A set takes no more decisions than this, or than the store does, besides its first one. */
const DECISION_BYTES_MAX = 64 * 1024
/** Nor more partitions. The next set takes the rest. */
const PARTITIONS_MAX = 128
/** If all of them go by extents, a frame has to hold two sectors of each beside its decisions, which may take as much as they do. */
const EXTENT_BYTES = 1280
/** The batch of 78 bytes and what a frame says of it. */
export const MARKER_BYTES = 160

const NOWHERE: readonly HostedPartition[] = []

/** Where the change gives markers. */
function endedIn({ end }: PlannedChange): readonly HostedPartition[] {
  return end?.partitions ?? NOWHERE
}

function bytesOf(change: PlannedChange): number {
  let total = endedIn(change).length * MARKER_BYTES
  for (const table of TABLES) {
    for (const record of change[table] ?? []) total += bytesOfRecord(record)
  }
  return total
}

/** Adds where the change gives markers, and records before them aren't durable yet. */
function addUndurable(change: PlannedChange, to: Set<HostedPartition>): void {
  for (const hosted of endedIn(change)) {
    if (!hosted.dead && hosted.partition.watermarks.isUndurable) to.add(hosted)
  }
}

/** One gathering of what waits for durability: the group commit of durability rule 1. */
export class Committer {
  readonly #store: PartitionStore
  readonly #hooks: CommitterHooks
  readonly #ceilingBlock: number
  #durable = new Set<HostedPartition>()
  #ceilings = new Set<HostedPartition>()
  #changes: WaitingChange[] = []
  /** Where a change ends that more than one set prepares: nothing is appended there until it has its markers. */
  readonly #held = new Set<HostedPartition>()
  #producerIdsEnd: number | undefined

  constructor(store: PartitionStore, hooks: CommitterHooks, ceilingBlock: number) {
    this.#store = store
    this.#hooks = hooks
    this.#ceilingBlock = ceilingBlock
  }

  /** Nothing waits, not even for a partition. */
  get isIdle(): boolean {
    return !this.isWanted && this.#changes.length === 0
  }

  get isWanted(): boolean {
    if (this.#durable.size > 0 || this.#ceilings.size > 0 || this.#producerIdsEnd !== undefined) return true
    const first = this.#changes[0]
    return first !== undefined && !this.#mustWait(first.change)
  }

  /** A partition is being opened, or rolls: its offsets can't be given yet. */
  #mustWait(change: PlannedChange): boolean {
    return endedIn(change).some((hosted) => !hosted.dead && hosted.queue !== undefined && !this.#held.has(hosted))
  }

  get #partitionsMost(): number {
    return Math.max(1, Math.min(PARTITIONS_MAX, Math.floor(this.#store.decisionBytesMax / (2 * EXTENT_BYTES))))
  }

  /** About what the decisions of the next set take. */
  get decisionBytes(): number {
    return this.#nextChanges().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** As many changes as a set takes, in their order. */
  #nextChanges(): readonly WaitingChange[] {
    if (this.#changes.length === 0) return this.#changes
    const limit = Math.min(DECISION_BYTES_MAX, this.#store.decisionBytesMax)
    const most = this.#partitionsMost
    const partitions = new Set<HostedPartition>()
    let total = 0
    const count = this.#changes.findIndex(({ change, sizeBytes }, index) => {
      total += sizeBytes
      addUndurable(change, partitions)
      return this.#mustWait(change) || partitions.size > most || (index > 0 && total > limit)
    })
    return count < 0 ? this.#changes : this.#changes.slice(0, count)
  }

  /**
   * The records of a transaction that ends in more partitions than a set takes go ahead of it, set by set (durability rule 9):
   * those that aren't durable yet, none where one set does.
   */
  #ahead(): Iterable<HostedPartition> {
    const first = this.#changes[0]?.change
    if (first === undefined || endedIn(first).length <= this.#partitionsMost || this.#mustWait(first)) return NOWHERE
    const ahead = new Set<HostedPartition>()
    addUndurable(first, ahead)
    if (ahead.size <= this.#partitionsMost) return NOWHERE
    for (const hosted of endedIn(first)) {
      if (hosted.dead || hosted.queue !== undefined) continue
      hosted.queue = []
      this.#held.add(hosted)
    }
    return ahead
  }

  wantDurable(partition: HostedPartition): void {
    this.#durable.add(partition)
  }

  wantCeiling(partition: HostedPartition): void {
    this.#ceilings.add(partition)
  }

  wantProducerIds(from: number): void {
    this.#producerIdsEnd = from + PRODUCER_ID_BLOCK
  }

  /** Answered with LOG_READ_ONLY where the log's own topic is damaged. */
  change(change: PlannedChange): void {
    try {
      for (const table of TABLES) if (change[table]?.length) this.#hooks.table(table).partition.assertWritable()
    } catch (error) {
      return change.done(error)
    }
    this.#changes.push({ change, sizeBytes: bytesOf(change) })
  }

  /** Records that needn't be durable together; the last of them answers, or none at once. */
  changeInParts(table: TableName, records: readonly TableRecord[], done: PlannedChange['done']): void {
    const parts = inParts(records, this.#store.decisionBytesMax)
    if (parts.length === 0) return done(undefined)
    for (const part of parts) this.change({ [table]: part, done: part === parts.at(-1) ? done : () => {} })
  }

  /** What waits at this moment, as much as a set takes; what comes later is for the next one. */
  *commit(): Task<void> {
    yield* this.#openTables()
    const ahead = this.#ahead()
    const changes = this.#takeChanges()
    const ending = this.#hold(changes)
    const durable = this.#takeDue(ahead, ending)
    const ends = durable.map((partition) => partition.partition.watermarks.nextOffset)
    const ceilings = this.#takeCeilings()
    const producerIdsEnd = this.#producerIdsEnd
    this.#producerIdsEnd = undefined
    const tables = this.#tableChanges(changes)
    try {
      yield* this.#store.commit({
        durable: durable.map(({ id }) => id),
        decisions: [...tables.map((each) => this.#decision(each)), ...this.#markers(changes)],
        ceilings,
        producerIdsEnd,
      } satisfies CommitSet)
    } catch (error) {
      for (const partition of [...durable, ...ceilings.map(({ hosted }) => hosted)]) partition.fail(error)
      for (const change of changes) change.done(error)
      throw error
    }
    if (producerIdsEnd !== undefined) this.#hooks.producerIds(producerIdsEnd)
    for (const { hosted, ceiling } of ceilings) this.#raised(hosted, ceiling)
    // What one transaction ended in several partitions is seen from one moment on.
    for (const hosted of ending) hosted.partition.releaseStable()
    durable.forEach((partition, index) => {
      partition.partition.watermarks.advanceDurable(ends[index] ?? 0)
      this.#advanced(partition)
    })
    for (const each of tables) this.#apply(each)
    for (const change of changes) change.done(undefined)
    for (const hosted of ending) hosted.resume(undefined)
  }

  /** Others may come while one is opened. */
  *#openTables(): Task<void> {
    if (this.#changes.length === 0) return
    const opened = new Set<TableName>()
    const isWanted = (table: TableName) => this.#changes.some(({ change }) => change[table]?.length)
    const next = () => TABLES.find((table) => !opened.has(table) && isWanted(table))
    for (let table = next(); table !== undefined; table = next()) {
      yield* this.#hooks.open(this.#hooks.table(table))
      opened.add(table)
    }
  }

  /** Appends to a partition that gets a marker wait until it stands there (durability rule 3). */
  #hold(changes: readonly PlannedChange[]): ReadonlySet<HostedPartition> {
    const ending = new Set<HostedPartition>()
    for (const change of changes) {
      for (const hosted of endedIn(change)) {
        this.#held.delete(hosted)
        if (!hosted.dead) ending.add(hosted)
      }
    }
    for (const hosted of ending) {
      hosted.queue ??= []
      hosted.partition.holdStable()
    }
    return ending
  }

  #takeChanges(): readonly PlannedChange[] {
    const taken = this.#nextChanges()
    this.#changes = this.#changes.slice(taken.length)
    return taken.map(({ change }) => change)
  }

  /** Where something ends, and as much of what goes ahead or waits as the set has room for. */
  #takeDue(ahead: Iterable<HostedPartition>, ending: ReadonlySet<HostedPartition>): readonly HostedPartition[] {
    const due = new Set(ending)
    let room = this.#partitionsMost
    for (const hosted of ending) {
      this.#durable.delete(hosted)
      if (hosted.partition.watermarks.isUndurable) room--
    }
    for (const waiting of [ahead, this.#durable]) {
      for (const hosted of waiting) {
        if (room === 0) break
        this.#durable.delete(hosted)
        if (hosted.dead || due.has(hosted)) continue
        due.add(hosted)
        room--
      }
    }
    return [...due]
  }

  /** Of a topic that was deleted since the store knows nothing any more. */
  #takeCeilings(): (Ceiling & { readonly hosted: HostedPartition })[] {
    const ceilings = []
    for (const hosted of this.#ceilings) {
      if (ceilings.length === PARTITIONS_MAX) break
      this.#ceilings.delete(hosted)
      if (hosted.dead) continue
      ceilings.push({ hosted, id: hosted.id, ceiling: hosted.partition.watermarks.nextOffset + this.#ceilingBlock })
    }
    return ceilings
  }

  #raised(hosted: HostedPartition, ceiling: number): void {
    const { watermarks } = hosted.partition
    watermarks.ceiling = Math.max(watermarks.ceiling, ceiling)
    this.#advanced(hosted)
  }

  #advanced(hosted: HostedPartition): void {
    const { watermarks } = hosted.partition
    hosted.durable.answer(watermarks.durableOffset)
    hosted.shown.answer(Math.max(watermarks.durableOffset, watermarks.ceiling))
    this.#hooks.advanced(hosted)
  }

  /** For each of the log's own topics that has a change, all records in the order of their plans. */
  #tableChanges(changes: readonly PlannedChange[]): readonly TableChange[] {
    const tables: TableChange[] = []
    for (const table of TABLES) {
      const records: TableRecord[] = []
      for (const change of changes) for (const record of change[table] ?? []) records.push(record)
      if (records.length === 0) continue
      const hosted = this.#hooks.table(table)
      tables.push({ table, hosted, records, baseOffset: hosted.partition.watermarks.nextOffset })
    }
    return tables
  }

  /** One batch. */
  #decision({ hosted, records, baseOffset }: TableChange): Decision {
    const now = this.#hooks.now()
    const bytes = this.#hooks.factory.batch(records, baseOffset, this.#hooks.leaderEpoch(), now)
    // As the batch has it: a record keeps the time of its plan, and an index entry must lead to its batch.
    const maxTimestamp = records.reduce((max, { timestamp = now }) => Math.max(max, timestamp), -1)
    return { id: hosted.id, bytes, baseOffset, nextOffset: baseOffset + records.length, maxTimestamp }
  }

  /** In the order of the changes, which is that of the offsets where several end in a partition. */
  #markers(changes: readonly PlannedChange[]): readonly Decision[] {
    const markers: Decision[] = []
    const ends = new Map<HostedPartition, number>()
    for (const { end } of changes) {
      if (end === undefined) continue
      const living = end.partitions.filter(({ dead }) => !dead)
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
    const batches = this.#hooks.factory.markers(marker, offsets, leaderEpoch, now)
    batches.forEach((bytes, index) => {
      const { id, partition } = partitions[index] as HostedPartition
      const baseOffset = offsets[index] ?? 0
      const placed = () => partition.markerPlaced(marker, baseOffset, leaderEpoch)
      to.push({ id, bytes, baseOffset, nextOffset: baseOffset + 1, maxTimestamp: now, placed })
    })
  }

  #apply({ table, hosted, records, baseOffset }: TableChange): void {
    const { id, partition } = hosted
    records.forEach((record, index) => {
      this.#hooks.apply(table, record, { topic: id.topic, partition: id.partition, offset: baseOffset + index })
    })
    partition.placed(baseOffset + records.length)
    this.#hooks.advanced(hosted)
  }

  fail(error: unknown): void {
    const changes = this.#changes
    this.#changes = []
    this.#durable.clear()
    this.#ceilings.clear()
    this.#held.clear()
    for (const { change } of changes) change.done(error)
  }
}
