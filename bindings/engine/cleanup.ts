import type { Catalogue } from '../log/catalogue/catalogue.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import type { PartitionSource } from '../storage/partition-source.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { Background } from './background.ts'
import { ClockGuard } from './clock-guard.ts'
import { Compacting } from './compacting.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { LogStarts } from './log-starts.ts'
import type { PlannedChange } from './planned-change.ts'
import { Removals } from './removals.ts'
import { Retention } from './retention.ts'
import type { Topics } from './topics.ts'
import { Upkeep } from './upkeep.ts'

/** Kafka's log.retention.check.interval.ms. */
const CHECK_INTERVAL_MS = 300_000
/** Kafka's log.cleaner.backoff.ms. */
const COMPACTION_INTERVAL_MS = 15_000

export interface CleanupOptions {
  /** How often the log looks for records that may be removed, in milliseconds. */
  readonly retentionCheckIntervalMs?: number | undefined
  /** Records are removed by their age even after the wall clock was set far ahead. */
  readonly retentionTrustsClock?: boolean | undefined
  /** How often the log looks for partitions to compact, in milliseconds. */
  readonly compactionIntervalMs?: number | undefined
  /** segment.bytes of the log's own topics. */
  readonly tableSegmentBytes?: number | undefined
  /** Warns the user of the program of something that no call would report. */
  readonly warn?: ((code: string, message: string) => void) | undefined
}

export interface CleanupParts {
  readonly topics: Topics
  readonly store: PartitionStore
  readonly factory: PartitionFactory
  readonly source: PartitionSource
  readonly catalogue: Catalogue
  readonly background: Background
  now(): number
  /** Makes the change durable after all that was planned before it, even if it holds no record. */
  change(change: PlannedChange): void
  /** The partition starts at a higher offset now: readers of the removed records are told. */
  startMoved(hosted: HostedPartition): void
  /** Opens the partition for appends again. */
  whenActive(hosted: HostedPartition, then: (error: unknown) => void): void
}

/**
 * What `cleanup.policy` of the topics and `deleteRecords` ask for: the log starts that were decided, and the upkeep
 * jobs that move them, remove files below them, and compact.
 */
export class Cleanup {
  readonly starts: LogStarts
  readonly upkeep: Upkeep
  readonly #guard: ClockGuard
  readonly #background: Background

  constructor(parts: CleanupParts, options: CleanupOptions) {
    const { topics, store, factory, source, catalogue, background } = parts
    const intervalMs = options.retentionCheckIntervalMs ?? CHECK_INTERVAL_MS
    const guard = new ClockGuard(options.retentionTrustsClock ?? false, options.warn ?? (() => {}))
    this.#guard = guard
    this.#background = background
    const removals = new Removals(intervalMs, topics, store, source)
    const retention = new Retention(intervalMs, {
      ...{ topics, store, catalogue, guard },
      move: (moves) => this.starts.move(moves, () => {}),
      seal: (hosted) => {
        store.seal(hosted.id)
        // The next append meets the same failure and reports it.
        parts.whenActive(hosted, () => {})
      },
    })
    this.starts = new LogStarts({
      catalogue,
      topics,
      change: (change) => parts.change(change),
      moved: (hosted) => {
        parts.startMoved(hosted)
        removals.add(hosted.id)
        this.upkeep.soon(removals)
      },
    })
    const compactionMs = options.compactionIntervalMs ?? COMPACTION_INTERVAL_MS
    const compacting = new Compacting(compactionMs, { topics, store, factory, guard })
    this.upkeep = new Upkeep([retention, removals, compacting], {
      now: () => parts.now(),
      run: (step, done) => background.run(step, done),
    })
  }

  /** The log is about to close. */
  stop(): void {
    this.upkeep.stop()
    this.#background.closing()
  }

  /** The wall clock was set forward by `byMs` while no time passed. */
  clockMoved(byMs: number): void {
    this.#guard.clockMoved(byMs)
    this.upkeep.clockMoved(byMs)
  }
}
