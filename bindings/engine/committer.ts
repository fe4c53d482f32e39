import type { RecordPlace, TableRecord } from '../log/catalogue/table-record.ts'
import type { Marker } from '../log/partition/marker.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import type { Task } from '../storage/effect.ts'
import type { CommitSet, Decision, PartitionStore } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { bytesOfRecord, inParts } from './in-parts.ts'

/** The log's own topics, in the order in which their records are applied. */
export const TABLES = ['transactions', 'offsets', 'shares', 'catalogue'] as const
export type TableName = (typeof TABLES)[number]

/** A change of the log's own topics: planned by a table, durable with the next commit, then applied and answered. */
export interface PlannedChange extends Partial<Record<TableName, readonly TableRecord[]>> {
  /** The end of a transaction in each of its partitions. */
  readonly markers?: readonly PlannedMarker[] | undefined
  readonly done: (error: unknown) => void
}

export interface PlannedMarker {
  readonly hosted: HostedPartition
  readonly marker: Marker
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

function bytesOf(change: PlannedChange): number {
  let total = (change.markers?.length ?? 0) * MARKER_BYTES
  for (const table of TABLES) {
    for (const record of change[table] ?? []) total += bytesOfRecord(record)
  }
  return total
}

/** Where a change has markers, and records before them that aren't durable yet. */
function undurableOf({ markers = [] }: PlannedChange): HostedPartition[] {
  const partitions = markers.map(({ hosted }) => hosted)
  return [...new Set(partitions)].filter(({ dead, partition }) => !dead && partition.watermarks.isUndurable)
}

/** One gathering of what waits for durability: the group commit of durability rule 1. */
export class Committer {
  readonly #store: PartitionStore
  readonly #hooks: CommitterHooks
  readonly #ceilingBlock: number
  #durable = new Set<HostedPartition>()
  #ceilings = new Set<HostedPartition>()
  #changes: PlannedChange[] = []
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
    return first !== undefined && !this.#mustWait(first)
  }

  /** A partition is being opened, or rolls: its offsets can't be given yet. */
  #mustWait({ markers = [] }: PlannedChange): boolean {
    return markers.some(({ hosted }) => !hosted.dead && hosted.queue !== undefined && !this.#held.has(hosted))
  }

  get #partitionsMost(): number {
    return Math.max(1, Math.min(PARTITIONS_MAX, Math.floor(this.#store.decisionBytesMax / (2 * EXTENT_BYTES))))
  }

  /** About what the decisions of the next set take. */
  get decisionBytes(): number {
    return this.#nextChanges().reduce((sum, change) => sum + bytesOf(change), 0)
  }

  /** As many changes as a set takes, in their order. */
  #nextChanges(): PlannedChange[] {
    if (this.#changes.length === 0) return this.#changes
    const limit = Math.min(DECISION_BYTES_MAX, this.#store.decisionBytesMax)
    const most = this.#partitionsMost
    const partitions = new Set<HostedPartition>()
    let total = 0
    const count = this.#changes.findIndex((change, index) => {
      total += bytesOf(change)
      for (const hosted of undurableOf(change)) partitions.add(hosted)
      return this.#mustWait(change) || partitions.size > most || (index > 0 && total > limit)
    })
    return count < 0 ? this.#changes : this.#changes.slice(0, count)
  }

  /**
   * The records of a transaction that ends in more partitions than a set takes go ahead of it, set by set (durability rule 9):
   * those that aren't durable yet, none where one set does.
   */
  #ahead(): HostedPartition[] {
    const first = this.#changes[0]
    if (first === undefined || this.#mustWait(first)) return []
    const ahead = undurableOf(first)
    if (ahead.length <= this.#partitionsMost) return []
    for (const { hosted } of first.markers ?? []) {
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
    this.#changes.push(change)
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
    const changes = this.#nextChanges()
    const ending = this.#hold(changes)
    const room = this.#partitionsMost - ending.filter(({ partition }) => partition.watermarks.isUndurable).length
    const due = [...new Set([...ahead, ...this.#durable])].slice(0, room)
    const wanted = ending.length === 0 ? due : [...new Set([...due, ...ending])]
    const durable = wanted.filter((partition) => !partition.dead)
    const ends = durable.map((partition) => partition.partition.watermarks.nextOffset)
    const raised = [...this.#ceilings].slice(0, PARTITIONS_MAX)
    // Of a topic that was deleted since the store knows nothing any more.
    const living = raised.filter(({ dead }) => !dead)
    const ceilings = living.map((hosted) => ({
      hosted,
      id: hosted.id,
      ceiling: hosted.partition.watermarks.nextOffset + this.#ceilingBlock,
    }))
    const producerIdsEnd = this.#producerIdsEnd
    for (const hosted of due) this.#durable.delete(hosted)
    for (const hosted of ending) this.#durable.delete(hosted)
    for (const hosted of raised) this.#ceilings.delete(hosted)
    this.#changes = this.#changes.slice(changes.length)
    this.#producerIdsEnd = undefined
    let decisions: Decision[] = []
    try {
      decisions = this.#decisions(changes)
      yield* this.#store.commit({
        durable: durable.map(({ id }) => id),
        decisions,
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
    this.#apply(changes, decisions)
    for (const change of changes) change.done(undefined)
    for (const hosted of ending) hosted.resume(undefined)
  }

  /** Others may come while one is opened. */
  *#openTables(): Task<void> {
    if (this.#changes.length === 0) return
    const opened = new Set<TableName>()
    const next = () => TABLES.find((table) => !opened.has(table) && this.#changes.some((each) => each[table]?.length))
    for (let table = next(); table !== undefined; table = next()) {
      yield* this.#hooks.open(this.#hooks.table(table))
      opened.add(table)
    }
  }

  /** Appends to a partition that gets a marker wait until it stands there (durability rule 3). */
  #hold(changes: readonly PlannedChange[]): HostedPartition[] {
    const all = new Set(changes.flatMap(({ markers = [] }) => markers.map(({ hosted }) => hosted)))
    for (const hosted of all) this.#held.delete(hosted)
    const ending = [...all].filter(({ dead }) => !dead)
    for (const hosted of ending) {
      hosted.queue ??= []
      hosted.partition.holdStable()
    }
    return ending
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

  /** One batch for each of the log's own topics that has a change, all in the order of their plans; then the markers. */
  #decisions(changes: readonly PlannedChange[]): Decision[] {
    const decisions: Decision[] = []
    if (changes.length === 0) return decisions
    for (const table of TABLES) {
      const records = changes.flatMap((change) => change[table] ?? [])
      if (records.length > 0) decisions.push(this.#decision(this.#hooks.table(table), records))
    }
    const ends = new Map<HostedPartition, number>()
    for (const { markers = [] } of changes) {
      for (const { hosted, marker } of markers) {
        if (hosted.dead) continue
        const offset = ends.get(hosted) ?? hosted.partition.watermarks.nextOffset
        ends.set(hosted, offset + 1)
        decisions.push(this.#marker(hosted, marker, offset))
      }
    }
    return decisions
  }

  #decision(hosted: HostedPartition, records: readonly TableRecord[]): Decision {
    const now = this.#hooks.now()
    const baseOffset = hosted.partition.watermarks.nextOffset
    const bytes = this.#hooks.factory.batch(records, baseOffset, this.#hooks.leaderEpoch(), now)
    // As the batch has it: a record keeps the time of its plan, and an index entry must lead to its batch.
    const maxTimestamp = records.reduce((max, { timestamp = now }) => Math.max(max, timestamp), -1)
    return { id: hosted.id, bytes, baseOffset, nextOffset: baseOffset + records.length, maxTimestamp }
  }

  #marker({ id, partition }: HostedPartition, marker: Marker, baseOffset: number): Decision {
    const now = this.#hooks.now()
    const leaderEpoch = this.#hooks.leaderEpoch()
    const bytes = this.#hooks.factory.marker(marker, baseOffset, leaderEpoch, now)
    const placed = () => partition.markerPlaced(marker, baseOffset, leaderEpoch)
    return { id, bytes, baseOffset, nextOffset: baseOffset + 1, maxTimestamp: now, placed }
  }

  #apply(changes: readonly PlannedChange[], decisions: readonly Decision[]): void {
    if (changes.length === 0) return
    for (const table of TABLES) {
      const records = changes.flatMap((change) => change[table] ?? [])
      if (records.length === 0) continue
      const hosted = this.#hooks.table(table)
      const { id, partition } = hosted
      const decision = decisions.find((each) => each.id.topicId === id.topicId)
      const baseOffset = decision?.baseOffset ?? 0
      records.forEach((record, index) => {
        this.#hooks.apply(table, record, { topic: id.topic, partition: id.partition, offset: baseOffset + index })
      })
      partition.placed(baseOffset + records.length)
      this.#hooks.advanced(hosted)
    }
  }

  fail(error: unknown): void {
    const changes = this.#changes
    this.#changes = []
    this.#durable.clear()
    this.#ceilings.clear()
    this.#held.clear()
    for (const change of changes) change.done(error)
  }
}
