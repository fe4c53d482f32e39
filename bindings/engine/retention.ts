import type { Catalogue } from '../log/catalogue/catalogue.ts'
import { type DueLogStart, keptFrom, type RetentionMoment } from '../log/retention/kept-from.ts'
import type { ParsedTopicConfig } from '../model/topic-config.ts'
import { letOthersRun, type Task } from '../storage/effect.ts'
import type { PartitionIdentity } from '../storage/partition-identity.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { ClockGuard } from './clock-guard.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { LogStartMove } from './log-starts.ts'
import type { Topics } from './topics.ts'
import type { UpkeepJob } from './upkeep.ts'

export interface RetentionHooks {
  readonly topics: Topics
  readonly store: PartitionStore
  readonly catalogue: Catalogue
  readonly guard: ClockGuard
  move(moves: readonly LogStartMove[]): void
  /** Makes the next append begin a new range (over files, a new segment), so that the last one can be removed. */
  seal(hosted: HostedPartition): void
}

/**
 * Bounds of one step, so that it takes half a millisecond and one frame: the ranges that it looks at, and the
 * partitions whose start it moves.
 */
const RANGES_AT_ONCE = 1000
const MOVES_AT_ONCE = 8

/** Moves the log start of partitions whose oldest records go by time or size. The rules stand in `log/retention/`. */
export class Retention implements UpkeepJob {
  readonly intervalMs: number
  readonly #hooks: RetentionHooks
  #left: PartitionIdentity[] = []

  constructor(intervalMs: number, hooks: RetentionHooks) {
    this.intervalMs = intervalMs
    this.#hooks = hooks
  }

  begin(): void {
    this.#left = [...this.#hooks.topics.ids()]
  }

  next(now: number): Task<void> | undefined {
    return this.#left.length > 0 ? this.#step(now) : undefined
  }

  *#step(now: number): Task<void> {
    yield* letOthersRun()
    const moves: LogStartMove[] = []
    for (let looked = 0; looked < RANGES_AT_ONCE && moves.length < MOVES_AT_ONCE; ) {
      const id = this.#left.pop()
      if (id === undefined) break
      looked += 1 + this.#hooks.store.ranges(id).length
      const move = this.#moveOf(id, now)
      if (move !== undefined) moves.push(move)
    }
    if (moves.length > 0) this.#hooks.move(moves)
  }

  #moveOf(id: PartitionIdentity, now: number): LogStartMove | undefined {
    const { topics, catalogue } = this.#hooks
    // The log's own topics aren't in the catalogue: their records are removed by key alone.
    if (catalogue.planned.liveById(id.topicId) === undefined) return undefined
    const config = topics.config(id.topicId)
    if (config.cleanupPolicy === 'compact' || (config.retentionMs < 0 && config.retentionBytes < 0)) return undefined
    // The stored facts are asked first: most partitions have nothing to remove, and unused ones needn't be brought into
    // memory for that.
    const stored = topics.stored(id)
    if (stored !== undefined) {
      const { logStartOffset, nextOffset } = stored
      if (!takesAny(this.#dueLogStart(id, config, { now, logStartOffset, limitOffset: nextOffset }), logStartOffset))
        return undefined
    }
    const hosted = topics.hostedIfRoom(id)
    if (hosted === undefined || hosted.isDead || hosted.partition.readOnly) return undefined
    const { watermarks, lastStableOffset } = hosted.partition
    const { logStartOffset } = watermarks
    const due = this.#dueLogStart(id, config, { now, logStartOffset, limitOffset: lastStableOffset })
    if (!takesAny(due, logStartOffset)) return undefined
    if (due.takesActive) this.#hooks.seal(hosted)
    return { hosted, logStartOffset: due.logStartOffset }
  }

  #dueLogStart(id: PartitionIdentity, config: ParsedTopicConfig, moment: RetentionMoment): DueLogStart {
    const { store, guard } = this.#hooks
    const bySizeAlone = { ...moment, now: undefined }
    if (config.retentionMs < 0) return keptFrom(store.ranges(id), config, bySizeAlone)
    const due = keptFrom(store.ranges(id), config, moment)
    // The guard is asked only where the age of records decides, so that it doesn't warn of records that stay anyway.
    if (!takesAny(due, moment.logStartOffset) || guard.mayExpire(config.retentionMs)) return due
    return keptFrom(store.ranges(id), config, bySizeAlone)
  }
}

function takesAny(due: DueLogStart, logStartOffset: number): boolean {
  return due.takesActive || due.logStartOffset !== logStartOffset
}
