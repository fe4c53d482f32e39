import type { Groups } from '../coordinator/group/groups.ts'
import type { ShareGroups } from '../coordinator/share/share-groups.ts'
import type { TableRecord } from '../log/catalogue/table-record.ts'
import { letOthersRun, type Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { Callback } from './commands.ts'
import type { TableName } from './planned-change.ts'
import { splitForFrames } from './split-for-frames.ts'

type Tombstones = Partial<Record<TableName, readonly TableRecord[]>>

export interface TombstoneHooks {
  readonly groups: Pick<Groups, 'planTopicDelete'>
  readonly shares: Pick<ShareGroups, 'planTopicDelete'>
  readonly store: Pick<PartitionStore, 'decisionBytesMax'>
  /** Starts the task, which has its first turn at once. */
  start(task: Task<void>, done: Callback<void>): void
}

/** How many are planned and encoded in one turn of the event loop, which takes some hundred microseconds. */
const RECORDS_A_TURN = 128

/**
 * The tombstones for what groups keep for a deleted topic. They are planned right after its delete, some in each turn
 * of the event loop. Until the last one is planned nobody gets the topic's name, so that all of them stand before every
 * offset of the next topic of that name (durability rule 7, docs/decisions/028-offsets-end-with-their-topic.md).
 */
export class TopicTombstones {
  readonly #hooks: TombstoneHooks
  /** By topic name: who is told once the last ones are planned. */
  readonly #underWay: Map<string, Callback<void>[]> = new Map()
  #failure: unknown

  constructor(hooks: TombstoneHooks) {
    this.#hooks = hooks
  }

  get isIdle(): boolean {
    return this.#underWay.size === 0
  }

  /**
   * Call it right after the delete. `plan` is called with as many as a frame takes; `planned` is called once that was
   * all of them.
   */
  begin(name: string, topicId: string, plan: (part: Tombstones) => void, planned: Callback<void>): void {
    const { groups, shares, start } = this.#hooks
    const [offsets, places] = [groups.planTopicDelete(topicId), shares.planTopicDelete(topicId)]
    this.#underWay.set(name, [planned])
    start(this.#planAll({ offsets, shares: places }, plan), () => {
      const heard = this.#underWay.get(name) ?? []
      this.#underWay.delete(name)
      for (const hear of heard) hear(this.#failure)
    })
  }

  *#planAll(tables: Partial<Record<TableName, Iterable<TableRecord>>>, plan: (part: Tombstones) => void): Task<void> {
    for (const [table, tombstones] of Object.entries(tables)) {
      const left = tombstones[Symbol.iterator]()
      for (let some = firstOf(left); some.length > 0; some = firstOf(left)) {
        for (const part of splitForFrames(some, this.#hooks.store.decisionBytesMax)) plan({ [table]: part })
        if (some.length < RECORDS_A_TURN) break
        yield* letOthersRun()
        if (this.#failure !== undefined) return
      }
    }
  }

  /** Whether the name is still taken; if so, `then` is called once it is free. */
  holds(name: string, then: Callback<void>): boolean {
    const heard = this.#underWay.get(name)
    heard?.push(then)
    return heard !== undefined
  }

  fail(failure: unknown): void {
    this.#failure = failure
    for (const heard of this.#underWay.values()) for (const hear of heard.splice(0)) hear(failure)
  }
}

/** Takes no more from the iterator than one turn plans: it must not yield a record that isn't planned. */
function firstOf(records: Iterator<TableRecord>): readonly TableRecord[] {
  const first: TableRecord[] = []
  while (first.length < RECORDS_A_TURN) {
    const { done, value } = records.next()
    if (done === true) break
    first.push(value)
  }
  return first
}
