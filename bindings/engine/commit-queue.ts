import type { TableRecord } from '../log/catalogue/table-record.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { bytesOfChange, endedIn, type PlannedChange, TABLES, type TableName } from './planned-change.ts'
import { splitForFrames } from './split-for-frames.ts'

interface WaitingChange {
  readonly change: PlannedChange
  /** About how many bytes the decisions of the change take in a frame. */
  readonly sizeBytes: number
}

/** The content of one commit set. */
export interface TakenSet {
  readonly changes: readonly PlannedChange[]
  /** Partitions that get a marker. Until it stands, readers see no further than now, and appends wait in the queue. */
  readonly ending: readonly HostedPartition[]
  /** Partitions to make durable up to their present end. */
  readonly durable: readonly HostedPartition[]
  readonly ceilings: readonly HostedPartition[]
  readonly producerIdsEnd: number | undefined
}

/** Producer ids are reserved in blocks of this many (Kafka's ProducerIdManager). */
const PRODUCER_ID_BLOCK = 1000

/** The most bytes of decisions in a set, not counting the first one; the store may bound them further. */
const DECISION_BYTES_MAX = 64 * 1024
/** The most partitions in a set. The next set takes the rest. */
const PARTITIONS_MAX = 128
/**
 * Bytes of a frame that one partition may need: if all of them go by extents, the frame has to hold two sectors of
 * each, beside decisions that may take as many bytes.
 */
const EXTENT_BYTES = 1280

const NOWHERE: readonly HostedPartition[] = []

/** Adds the partitions that the change ends a transaction in and whose records before the marker aren't durable yet. */
function addUndurable(change: PlannedChange, to: Set<HostedPartition>): void {
  for (const hosted of endedIn(change)) {
    if (!hosted.isDead && hosted.partition.watermarks.isUndurable) to.add(hosted)
  }
}

/**
 * What waits for durability, in order. The queue decides how much of it the next commit set takes: as much as a frame
 * holds.
 */
export class CommitQueue {
  readonly #store: Pick<PartitionStore, 'decisionBytesMax'>
  readonly #table: (name: TableName) => HostedPartition
  readonly #durable = new Set<HostedPartition>()
  readonly #ceilings = new Set<HostedPartition>()
  #changes: WaitingChange[] = []
  /**
   * Partitions of a transaction whose records are made durable ahead of its decision, over several sets. Their appends
   * are paused until their markers stand.
   */
  readonly #pausedAhead = new Set<HostedPartition>()
  #producerIdsEnd: number | undefined
  /** Changes of the commit under way aren't durable yet. */
  #isDeciding = false

  constructor(store: Pick<PartitionStore, 'decisionBytesMax'>, table: (name: TableName) => HostedPartition) {
    this.#store = store
    this.#table = table
  }

  /** Whether nothing waits, not even for a partition. */
  get isIdle(): boolean {
    return !this.isWanted && this.#changes.length === 0
  }

  get isWanted(): boolean {
    if (this.#durable.size > 0 || this.#ceilings.size > 0 || this.#producerIdsEnd !== undefined) return true
    const first = this.#changes[0]
    return first !== undefined && !this.#mustWait(first.change)
  }

  /** Whether a partition of the change is being opened or rolls, so that its marker can't get an offset yet. */
  #mustWait(change: PlannedChange): boolean {
    return endedIn(change).some(
      (hosted) => !hosted.isDead && hosted.queue !== undefined && !this.#pausedAhead.has(hosted),
    )
  }

  get #partitionsMost(): number {
    return Math.max(1, Math.min(PARTITIONS_MAX, Math.floor(this.#store.decisionBytesMax / (2 * EXTENT_BYTES))))
  }

  /** About how many bytes the decisions of the next set take. */
  get decisionBytes(): number {
    return this.#nextChanges().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** Returns as many changes as a set takes, in their order. */
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

  /** The number of partitions that waiting changes end a transaction in. One partition may be counted several times. */
  get #endingsCount(): number {
    let count = 0
    for (const { change } of this.#changes) count += endedIn(change).length
    return count
  }

  /**
   * Returns partitions whose records become durable ahead of the decision of their transaction, set by set, because it
   * ends in more partitions than one set takes (durability rule 9). There are none where one set is enough.
   */
  #ahead(): Iterable<HostedPartition> {
    const first = this.#changes[0]?.change
    if (first === undefined || endedIn(first).length <= this.#partitionsMost || this.#mustWait(first)) return NOWHERE
    const ahead = new Set<HostedPartition>()
    addUndurable(first, ahead)
    if (ahead.size <= this.#partitionsMost) return NOWHERE
    for (const hosted of endedIn(first)) {
      if (hosted.isDead || hosted.queue !== undefined) continue
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

  /** Adds a change. Calls back with LOG_READ_ONLY if one of the log's own topics that it changes is damaged. */
  change(change: PlannedChange): void {
    try {
      for (const table of TABLES) if (change[table]?.length) this.#table(table).partition.assertWritable()
    } catch (error) {
      return change.done(error)
    }
    this.#changes.push({ change, sizeBytes: bytesOfChange(change) })
  }

  /** Calls back once everything is durable that was planned before; at once if it is. */
  whenDecided(done: PlannedChange['done']): void {
    if (this.#isDeciding || this.hasChanges) this.change({ done })
    else done(undefined)
  }

  /** Calls back with the refusal once everything is durable that was planned before, which may be its reason. */
  refuse(refusal: unknown, done: PlannedChange['done']): void {
    this.whenDecided((failure) => done(failure ?? refusal))
  }

  /** The changes that were taken are durable. */
  decided(): void {
    this.#isDeciding = false
  }

  /**
   * Adds records that needn't become durable together. Calls back when the last of them is durable, at once if there
   * are none.
   */
  changeInParts(table: TableName, records: readonly TableRecord[], done: PlannedChange['done']): void {
    const parts = splitForFrames(records, this.#store.decisionBytesMax)
    if (parts.length === 0) return done(undefined)
    for (const part of parts) this.change({ [table]: part, done: part === parts.at(-1) ? done : () => {} })
  }

  get hasChanges(): boolean {
    return this.#changes.length > 0
  }

  /** Whether a change of the table waits. */
  hasChangeOf(table: TableName): boolean {
    return this.#changes.some(({ change }) => change[table]?.length)
  }

  /** Takes what waits at this moment, as much as a set holds. What comes later is for the next set. */
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

  /**
   * Pauses appends to the partitions that get a marker until the marker stands (durability rule 3). Returns these
   * partitions.
   */
  #pauseAppends(changes: readonly PlannedChange[]): readonly HostedPartition[] {
    const ending: HostedPartition[] = []
    for (const change of changes) {
      for (const hosted of endedIn(change)) {
        if (this.#pausedAhead.size > 0) this.#pausedAhead.delete(hosted)
        if (hosted.isDead || hosted.partition.isStableHeld) continue
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
    this.#isDeciding = taken.length > 0
    return taken.map(({ change }) => change)
  }

  /**
   * Takes the partitions that get markers, and as many of those ahead of a decision, then of the others that wait, as
   * the set has room for.
   */
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
        if (hosted.isDead) continue
        due.push(hosted)
        room--
      }
    }
    return due
  }

  /**
   * Takes offset ceilings that must be raised, except those of deleted topics, which the store doesn't know any more.
   */
  #takeCeilings(): readonly HostedPartition[] {
    const ceilings: HostedPartition[] = []
    for (const hosted of this.#ceilings) {
      if (ceilings.length === PARTITIONS_MAX) break
      this.#ceilings.delete(hosted)
      if (hosted.isDead) continue
      ceilings.push(hosted)
    }
    return ceilings
  }

  /** Empties the queue after the log has failed: every change is called back with the reason. */
  fail(error: unknown): void {
    const changes = this.#changes
    this.#changes = []
    this.#isDeciding = false
    this.#durable.clear()
    this.#ceilings.clear()
    this.#pausedAhead.clear()
    for (const { change } of changes) change.done(error)
  }
}
