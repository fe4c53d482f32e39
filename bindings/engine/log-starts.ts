import type { Catalogue } from '../log/catalogue/catalogue.ts'
import type { TableRecord } from '../log/catalogue/table-record.ts'
import { LogError } from '../model/errors.ts'
import type { Callback, CommandOf } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { outOfRange } from './out-of-range.ts'
import type { PlannedChange } from './planned-change.ts'
import type { Topics } from './topics.ts'

export interface LogStartHooks {
  readonly catalogue: Catalogue
  readonly topics: Topics
  /** Makes the change durable after all that was planned before it, even if it holds no record. */
  change(change: PlannedChange): void
  /** The start has moved: readers below it are told, and files may be removed. */
  moved(hosted: HostedPartition): void
}

export interface LogStartMove {
  readonly hosted: HostedPartition
  readonly logStartOffset: number
}

/** Bounded, because the decisions of one change go into one frame. */
const MOVES_AT_ONCE = 8
/** Kafka's number for the high watermark. */
const UP_TO_HIGH_WATERMARK = -1

/**
 * Where partitions begin. A start only moves forward: first the decision is durable, then readers are told, and files
 * are removed last (durability rule 11).
 */
export class LogStarts {
  readonly #hooks: LogStartHooks

  constructor(hooks: LogStartHooks) {
    this.#hooks = hooks
  }

  /**
   * Deletes in all of these partitions, or in none if one is refused; calls back with where each begins now. Source:
   * Kafka's DeleteRecords (kafka.md 2.5).
   */
  deleteRecords({ at, done }: CommandOf<'deleteRecords'>): void {
    const moves = at.map(({ topic, partition, beforeOffset }) => {
      const hosted = this.#hooks.topics.partition(topic, partition)
      assertDeletes(hosted)
      this.#assertNotDeleted(hosted)
      hosted.partition.assertWritable()
      const { highWatermark, logStartOffset } = hosted.partition.watermarks
      if (beforeOffset < UP_TO_HIGH_WATERMARK || beforeOffset > highWatermark) {
        throw outOfRange({ topic, partition, nextOffset: beforeOffset }, logStartOffset, highWatermark)
      }
      return { hosted, logStartOffset: beforeOffset === UP_TO_HIGH_WATERMARK ? highWatermark : beforeOffset }
    })
    this.move(moves, (error) => {
      if (error !== undefined) return done(error)
      done(
        undefined,
        moves.map(({ hosted }) => hosted.partition.watermarks.logStartOffset),
      )
    })
  }

  /**
   * Checked before anything is planned: a topic whose delete is under way takes no more changes, and what was planned
   * for the others could not be undone.
   */
  #assertNotDeleted({ id: { topicId, topic, partition } }: HostedPartition): void {
    if (this.#hooks.catalogue.planned.liveById(topicId) !== undefined) return
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `topic "${topic}" is being deleted`, { topic, partition })
  }

  move(moves: readonly LogStartMove[], done: Callback<void>): void {
    const ahead = moves.filter(
      ({ hosted, logStartOffset }) => logStartOffset > hosted.partition.watermarks.logStartOffset,
    )
    if (ahead.length === 0) return done(undefined)
    let left = ahead.length
    let failure: unknown
    for (let at = 0; at < ahead.length; at += MOVES_AT_ONCE) {
      const moved = ahead.slice(at, at + MOVES_AT_ONCE)
      this.#hooks.change({
        catalogue: moved.flatMap((move) => this.#plan(move)),
        done: (error) => {
          if (error === undefined) for (const move of moved) this.#moved(move)
          failure ??= error
          left -= moved.length
          if (left === 0) done(failure)
        },
      })
    }
  }

  #plan({ hosted: { id }, logStartOffset }: LogStartMove): readonly TableRecord[] {
    return this.#hooks.catalogue.planMoveLogStart(id.topicId, id.partition, logStartOffset)
  }

  #moved({ hosted, logStartOffset }: LogStartMove): void {
    if (hosted.isDead) return
    const { watermarks } = hosted.partition
    watermarks.logStartOffset = Math.max(watermarks.logStartOffset, logStartOffset)
    this.#hooks.moved(hosted)
  }
}

/** Refuses a compacted topic: it keeps the newest record of each key, wherever that stands. */
function assertDeletes({ id, config }: HostedPartition): void {
  if (config.cleanupPolicy !== 'compact') return
  const { topic, partition } = id
  const message = `topic "${topic}" has cleanup.policy compact: its records go by their key alone`
  throw new LogError('POLICY_VIOLATION', message, { topic, partition, cleanupPolicy: config.cleanupPolicy })
}
