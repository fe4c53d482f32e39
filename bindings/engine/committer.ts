import type { RecordPlace, TableRecord } from '../log/catalogue/table-record.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import type { Task } from '../storage/effect.ts'
import type { CommitSet, Decision, PartitionStore } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'

/** A change of the log's own topics: planned by a table, durable with the next commit, then applied and answered. */
export interface PlannedChange {
  readonly catalogue: readonly TableRecord[]
  readonly offsets: readonly TableRecord[]
  readonly done: (error: unknown) => void
}

export interface CommitterHooks {
  readonly factory: PartitionFactory
  readonly leaderEpoch: () => number
  readonly now: () => number
  readonly catalogue: () => HostedPartition
  readonly offsets: () => HostedPartition
  open(partition: HostedPartition): Task<void>
  applyCatalogue(record: TableRecord, place: RecordPlace): void
  applyOffsets(record: TableRecord, place: RecordPlace): void
  /** Durable now up to `durableOffset`: readers may see more. */
  advanced(partition: HostedPartition): void
  /** Ids below `end` may be handed out. */
  producerIds(end: number): void
}

/** Producer ids are reserved in blocks of this many (Kafka's ProducerIdManager). */
const PRODUCER_ID_BLOCK = 1000

/** A set takes no more decisions than this besides its first one: a frame has to hold them. */
const DECISION_BYTES_MAX = 64 * 1024
const RECORD_OVERHEAD_BYTES = 64

function bytesOf({ catalogue, offsets }: PlannedChange): number {
  let total = 0
  for (const { key, value } of [...catalogue, ...offsets]) {
    total += RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
  }
  return total
}

/** One gathering of what waits for durability: the group commit of durability rule 1. */
export class Committer {
  readonly #store: PartitionStore
  readonly #hooks: CommitterHooks
  readonly #ceilingBlock: number
  #durable = new Set<HostedPartition>()
  #ceilings = new Set<HostedPartition>()
  #changes: PlannedChange[] = []
  #producerIdsEnd: number | undefined

  constructor(store: PartitionStore, hooks: CommitterHooks, ceilingBlock: number) {
    this.#store = store
    this.#hooks = hooks
    this.#ceilingBlock = ceilingBlock
  }

  get isWanted(): boolean {
    const { size } = this.#durable
    return size > 0 || this.#ceilings.size > 0 || this.#changes.length > 0 || this.#producerIdsEnd !== undefined
  }

  /** About what the decisions of the next set take. */
  get decisionBytes(): number {
    return this.#nextChanges().reduce((sum, change) => sum + bytesOf(change), 0)
  }

  /** As many changes as a set takes, in their order. */
  #nextChanges(): PlannedChange[] {
    let total = 0
    const count = this.#changes.findIndex((change, index) => {
      total += bytesOf(change)
      return index > 0 && total > DECISION_BYTES_MAX
    })
    return count < 0 ? this.#changes : this.#changes.slice(0, count)
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

  change(change: PlannedChange): void {
    this.#changes.push(change)
  }

  /** Everything that waits at this moment, in one set; what comes later is for the next one. */
  *commit(): Task<void> {
    if (this.#changes.some((change) => change.catalogue.length > 0)) yield* this.#hooks.open(this.#hooks.catalogue())
    if (this.#changes.some((change) => change.offsets.length > 0)) yield* this.#hooks.open(this.#hooks.offsets())
    const durable = [...this.#durable].filter((partition) => !partition.dead)
    const ends = durable.map((partition) => partition.partition.watermarks.nextOffset)
    const ceilings = [...this.#ceilings].map((hosted) => ({
      hosted,
      id: hosted.id,
      ceiling: hosted.partition.watermarks.nextOffset + this.#ceilingBlock,
    }))
    const changes = this.#nextChanges()
    const producerIdsEnd = this.#producerIdsEnd
    this.#durable = new Set()
    this.#ceilings = new Set()
    this.#changes = this.#changes.slice(changes.length)
    this.#producerIdsEnd = undefined
    const decisions = this.#decisions(changes)
    try {
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
    durable.forEach((partition, index) => {
      partition.partition.watermarks.advanceDurable(ends[index] ?? 0)
      this.#advanced(partition)
    })
    this.#place(changes, decisions)
    for (const change of changes) change.done(undefined)
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

  /** One batch for each of the log's own topics that has a change, all changes in the order of their plans. */
  #decisions(changes: readonly PlannedChange[]): Decision[] {
    const decisions: Decision[] = []
    const add = (partition: () => HostedPartition, records: readonly TableRecord[]) => {
      if (records.length > 0) decisions.push(this.#decision(partition(), records))
    }
    add(
      this.#hooks.catalogue,
      changes.flatMap((change) => change.catalogue),
    )
    add(
      this.#hooks.offsets,
      changes.flatMap((change) => change.offsets),
    )
    return decisions
  }

  #decision(hosted: HostedPartition, records: readonly TableRecord[]): Decision {
    const now = this.#hooks.now()
    const baseOffset = hosted.partition.watermarks.nextOffset
    const bytes = this.#hooks.factory.batch(records, baseOffset, this.#hooks.leaderEpoch(), now)
    return { id: hosted.id, bytes, baseOffset, nextOffset: baseOffset + records.length, maxTimestamp: now }
  }

  #place(changes: readonly PlannedChange[], decisions: readonly Decision[]): void {
    const apply = (
      hosted: () => HostedPartition,
      records: readonly TableRecord[],
      take: (record: TableRecord, place: RecordPlace) => void,
    ) => {
      if (records.length === 0) return
      const { id, partition } = hosted()
      const decision = decisions.find((each) => each.id.topicId === id.topicId)
      const baseOffset = decision?.baseOffset ?? 0
      records.forEach((record, index) => {
        take(record, { topic: id.topic, partition: id.partition, offset: baseOffset + index })
      })
      partition.placed(baseOffset + records.length)
      this.#hooks.advanced(hosted())
    }
    apply(
      this.#hooks.offsets,
      changes.flatMap((change) => change.offsets),
      this.#hooks.applyOffsets,
    )
    apply(
      this.#hooks.catalogue,
      changes.flatMap((change) => change.catalogue),
      this.#hooks.applyCatalogue,
    )
  }

  fail(error: unknown): void {
    const changes = this.#changes
    this.#changes = []
    this.#durable.clear()
    this.#ceilings.clear()
    for (const change of changes) change.done(error)
  }
}
