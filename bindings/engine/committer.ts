import type { TableRecord, TableRecordPlace } from '../log/catalogue/table-record.ts'
import { LogError } from '../model/errors.ts'
import type { Task } from '../storage/effect.ts'
import type { CommitSet, PartitionStore } from '../storage/partition-store.ts'
import type { CommitQueue } from './commit-queue.ts'
import { DecisionBatches, type DecisionHooks, type TableChange } from './decision-batches.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { TABLES, type TableName } from './planned-change.ts'

export interface CommitterHooks extends DecisionHooks {
  open(partition: HostedPartition): Task<void>
  apply(name: TableName, record: TableRecord, place: TableRecordPlace): void
  /** Tells the engine that the partition is durable up to its `durableOffset` now: readers may see more. */
  advanced(partition: HostedPartition): void
  /** Tells the engine that changes of the log's own topics are durable, and that those who asked for them know. */
  decided(): void
  /** Tells the engine that ids below `end` may be handed out. */
  producerIds(end: number): void
}

/**
 * Takes what waits for durability, makes it durable, shows it to readers and answers its callers: the group commit of
 * durability rule 1.
 */
export class Committer {
  readonly #store: PartitionStore
  readonly #queue: CommitQueue
  readonly #hooks: CommitterHooks
  readonly #batches: DecisionBatches
  readonly #ceilingBlock: number

  constructor(store: PartitionStore, queue: CommitQueue, hooks: CommitterHooks, ceilingBlock: number) {
    this.#store = store
    this.#queue = queue
    this.#hooks = hooks
    this.#batches = new DecisionBatches(hooks)
    this.#ceilingBlock = ceilingBlock
  }

  /** Commits one set, which is what waits at this moment; nothing if the journal has no room for it. */
  *commit(): Task<void> {
    const hasWaited = yield* this.#openTables()
    // What came meanwhile may need more room than there is. It is for the commit after the next checkpoint.
    if (hasWaited && !this.#store.canCommit(this.#queue.decisionBytes)) return
    const { changes, ending, durable, ceilings: raised, producerIdsEnd } = this.#queue.take()
    const ends = durable.map((hosted) => hosted.partition.watermarks.nextOffset)
    const ceilings = raised.map((hosted) => {
      return { hosted, id: hosted.id, ceiling: hosted.partition.watermarks.nextOffset + this.#ceilingBlock }
    })
    const tables = this.#batches.tableChanges(changes)
    try {
      yield* this.#store.commit({
        durable: durable.map(({ id }) => id),
        decisions: [...tables.map((each) => this.#batches.decision(each)), ...this.#batches.markers(changes)],
        ceilings,
        producerIdsEnd,
      } satisfies CommitSet)
    } catch (error) {
      for (const hosted of [...durable, ...raised]) hosted.fail(error)
      for (const change of changes) change.done(error)
      throw error
    }
    if (producerIdsEnd !== undefined) this.#hooks.producerIds(producerIdsEnd)
    for (const { hosted, ceiling } of ceilings) this.#raised(hosted, ceiling)
    // Readers see the end of a transaction from the same moment on in all of its partitions.
    for (const hosted of ending) hosted.partition.releaseStable()
    durable.forEach((hosted, index) => {
      hosted.partition.watermarks.advanceDurable(ends[index] ?? 0)
      this.#advanced(hosted)
    })
    for (const each of tables) this.#apply(each)
    this.#queue.decided()
    for (const change of changes) change.done(undefined)
    if (changes.length > 0) this.#hooks.decided()
    for (const hosted of ending) hosted.resume(undefined)
  }

  /**
   * Opens the tables that waiting changes need. While one is being opened, changes of another one may come. Returns
   * whether there were any.
   */
  *#openTables(): Task<boolean> {
    if (!this.#queue.hasChanges) return false
    const opened: TableName[] = []
    const isShut = (table: TableName) => !this.#store.isActive(this.#hooks.table(table).id)
    const next = () => TABLES.find((each) => this.#queue.hasChangeOf(each) && !opened.includes(each) && isShut(each))
    for (let table = next(); table !== undefined; table = next()) {
      yield* this.#open(this.#hooks.table(table))
      opened.push(table)
    }
    return opened.length > 0
  }

  /** Only its indexes ask for memory, and decisions are placed without these. */
  *#open(table: HostedPartition): Task<void> {
    try {
      yield* this.#hooks.open(table)
    } catch (error) {
      if (!LogError.is(error, 'MEMORY_CAP_REACHED')) throw error
    }
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

  #apply({ table, hosted, records, baseOffset }: TableChange): void {
    const { id, partition } = hosted
    records.forEach((record, index) => {
      this.#hooks.apply(table, record, { topic: id.topic, partition: id.partition, offset: baseOffset + index })
    })
    partition.placed(baseOffset + records.length)
    this.#hooks.advanced(hosted)
  }
}
