import type { TableRecord } from '../log/catalogue/table-record.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { bytesOfChange, endedIn, type PlannedChange, TABLES, type TableName } from './planned-change.ts'
import { splitForFrames } from './split-for-frames.ts'

interface WaitingChange {
  readonly change: PlannedChange
  /** About what its decisions take in a frame. */
  readonly sizeBytes: number
}

/** What one commit set takes. */
export interface TakenSet {
  readonly changes: readonly PlannedChange[]
  /** Where a change gives markers: readers see no more than now, and appends wait in its queue. */
  readonly ending: readonly HostedPartition[]
  /** Up to their ends of now. */
  readonly durable: readonly HostedPartition[]
  readonly ceilings: readonly HostedPartition[]
  readonly producerIdsEnd: number | undefined
}

/** Producer ids are reserved in blocks of this many (Kafka's ProducerIdManager). */
const PRODUCER_ID_BLOCK = 1000

/** A set takes no more decisions than this, or than the store does, besides its first one. */
const DECISION_BYTES_MAX = 64 * 1024
/** Nor more partitions. The next set takes the rest. */
const PARTITIONS_MAX = 128
/**
 * If all of them go by extents, a frame has to hold two sectors of each beside its decisions, which may take as much as
 * they do.
 */
const EXTENT_BYTES = 1280

const NOWHERE: readonly HostedPartition[] = []

/** Adds where the change gives markers, and records before them aren't durable yet. */
function addUndurable(change: PlannedChange, to: Set<HostedPartition>): void {
  for (const hosted of endedIn(change)) {
    if (!hosted.dead && hosted.partition.watermarks.isUndurable) to.add(hosted)
  }
}

/** What waits for durability, in its order, and how much of it the next commit set takes: as much as a frame holds. */
export class CommitQueue {
  readonly #store: Pick<PartitionStore, 'decisionBytesMax'>
  readonly #table: (name: TableName) => HostedPartition
  readonly #durable = new Set<HostedPartition>()
  readonly #ceilings = new Set<HostedPartition>()
  #changes: WaitingChange[] = []
  /**
   * Partitions of a transaction whose records go ahead of its decision, over several sets. Their appends are paused
   * until they have their markers.
   */
  readonly #pausedAhead = new Set<HostedPartition>()
  #producerIdsEnd: number | undefined

  constructor(store: Pick<PartitionStore, 'decisionBytesMax'>, table: (name: TableName) => HostedPartition) {
    this.#store = store
    this.#table = table
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
    return endedIn(change).some(
      (hosted) => !hosted.dead && hosted.queue !== undefined && !this.#pausedAhead.has(hosted),
    )
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
    const areMany = this.#endingsCount > most
    const partitions = new Set<HostedPartition>()
    let total = 0
    const count = this.#changes.findIndex(({ change, sizeBytes }, index) => {
      total += sizeBytes
      if (areMany) addUndurable(change, partitions)
      return this.#mustWait(change) || partitions.size > most || (index > 0 && total > limit)
    })
    return count < 0 ? this.#changes : this.#changes.slice(0, count)
  }

  /** One partition may be counted several times. */
  get #endingsCount(): number {
    let count = 0
    for (const { change } of this.#changes) count += endedIn(change).length
    return count
  }

  /**
   * The records of a transaction that ends in more partitions than a set takes go ahead of it, set by set (durability
   * rule 9): those that aren't durable yet, none where one set does.
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
      this.#pausedAhead.add(hosted)
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
      for (const table of TABLES) if (change[table]?.length) this.#table(table).partition.assertWritable()
    } catch (error) {
      return change.done(error)
    }
    this.#changes.push({ change, sizeBytes: bytesOfChange(change) })
  }

  /** Records that needn't be durable together; the last of them answers, or none at once. */
  changeInParts(table: TableName, records: readonly TableRecord[], done: PlannedChange['done']): void {
    const parts = splitForFrames(records, this.#store.decisionBytesMax)
    if (parts.length === 0) return done(undefined)
    for (const part of parts) this.change({ [table]: part, done: part === parts.at(-1) ? done : () => {} })
  }

  get hasChanges(): boolean {
    return this.#changes.length > 0
  }

  /** Whether a change of it waits. */
  hasChangeOf(table: TableName): boolean {
    return this.#changes.some(({ change }) => change[table]?.length)
  }

  /** What waits at this moment, as much as a set takes; what comes later is for the next one. */
  take(): TakenSet {
    const ahead = this.#ahead()
    const changes = this.#takeChanges()
    const ending = this.#pauseAppends(changes)
    const durable = this.#takeDue(ahead, ending)
    const ceilings = this.#takeCeilings()
    const producerIdsEnd = this.#producerIdsEnd
    this.#producerIdsEnd = undefined
    return { changes, ending, durable, ceilings, producerIdsEnd }
  }

  /** Appends to a partition that gets a marker wait until it stands there (durability rule 3). */
  #pauseAppends(changes: readonly PlannedChange[]): readonly HostedPartition[] {
    const ending: HostedPartition[] = []
    for (const change of changes) {
      for (const hosted of endedIn(change)) {
        if (this.#pausedAhead.size > 0) this.#pausedAhead.delete(hosted)
        if (hosted.dead || hosted.partition.isStableHeld) continue
        hosted.queue ??= []
        hosted.partition.holdStable()
        ending.push(hosted)
      }
    }
    return ending
  }

  #takeChanges(): readonly PlannedChange[] {
    const taken = this.#nextChanges()
    this.#changes = this.#changes.slice(taken.length)
    return taken.map(({ change }) => change)
  }

  /** Where something ends, and as much of what goes ahead or waits as the set has room for. */
  #takeDue(ahead: Iterable<HostedPartition>, ending: readonly HostedPartition[]): readonly HostedPartition[] {
    const due = [...ending]
    let room = this.#partitionsMost
    for (const hosted of ending) {
      this.#durable.delete(hosted)
      if (hosted.partition.watermarks.isUndurable) room--
    }
    for (const waiting of [ahead, this.#durable]) {
      for (const hosted of waiting) {
        if (room === 0) break
        this.#durable.delete(hosted)
        if (hosted.dead) continue
        due.push(hosted)
        room--
      }
    }
    return due
  }

  /** Of a topic that was deleted since the store knows nothing any more. */
  #takeCeilings(): readonly HostedPartition[] {
    const ceilings: HostedPartition[] = []
    for (const hosted of this.#ceilings) {
      if (ceilings.length === PARTITIONS_MAX) break
      this.#ceilings.delete(hosted)
      if (hosted.dead) continue
      ceilings.push(hosted)
    }
    return ceilings
  }

  /** The log failed: every change hears why. */
  fail(error: unknown): void {
    const changes = this.#changes
    this.#changes = []
    this.#durable.clear()
    this.#ceilings.clear()
    this.#pausedAhead.clear()
    for (const { change } of changes) change.done(error)
  }
}
