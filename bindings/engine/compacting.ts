import { catalogueKeys } from '../log/catalogue/catalogue-keys.ts'
import { CATALOGUE_TOPIC, INTERNAL_TOPIC_IDS } from '../log/catalogue/topic-ids.ts'
import { type DirtyPart, dirtyPart } from '../log/compaction/dirty-part.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import { LogError } from '../model/errors.ts'
import type { Effect, Task } from '../storage/effect.ts'
import type { PartitionIdentity } from '../storage/partition-identity.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import { isReadFailure } from '../storage/read-failure.ts'
import type { ClockGuard } from './clock-guard.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'
import type { UpkeepJob } from './upkeep.ts'

/**
 * How many turns of the event loop one step takes. A turn works through 64 KiB of batches, or through some records of a
 * large one.
 */
const TURNS_AT_ONCE = 32
/** No pass would get through the partition before the log is opened again. */
const NEVER_DONE = ['CORRUPT_MESSAGE', 'CORRUPT_LOG', 'RECORD_LIST_TOO_LARGE'] as const
/** These errors, and a failure to read, give up the pass and leave the partition as it is; the log goes on. */
const GIVEN_UP = ['STORAGE_FULL', 'MEMORY_CAP_REACHED', 'UNKNOWN_TOPIC_OR_PARTITION', ...NEVER_DONE] as const

export interface CompactingParts {
  readonly topics: Topics
  readonly store: PartitionStore
  readonly factory: PartitionFactory
  readonly guard: ClockGuard
}

/** Compaction by key of all partitions whose topic wants it, one after the other, the dirtiest first (kafka.md 2.8). */
export class Compacting implements UpkeepJob {
  readonly intervalMs: number
  readonly #topics: Topics
  readonly #store: PartitionStore
  readonly #factory: PartitionFactory
  readonly #guard: ClockGuard
  #waiting: PartitionIdentity[] = []
  #pass: { readonly id: PartitionIdentity; readonly task: Task<unknown> } | undefined
  /** How many tails there were when the pass that is under way, or that of `#again`, found no memory. */
  #tailsBefore = Number.POSITIVE_INFINITY
  /** The partition whose pass found no memory, now that there is more. */
  #again: PartitionIdentity | undefined
  /** Partitions in which a pass met damage, what the device can't read, or what would pass Kafka's greatest segment. */
  readonly #damaged = new Set<string>()

  constructor(intervalMs: number, { topics, store, factory, guard }: CompactingParts) {
    this.intervalMs = intervalMs
    this.#topics = topics
    this.#store = store
    this.#factory = factory
    this.#guard = guard
  }

  begin(now: number): void {
    const due: { readonly id: PartitionIdentity; readonly ratio: number }[] = []
    for (const id of [...this.#topics.ids()]) {
      const dirty = this.#dirtyPart(id, now)
      if (dirty?.isDue === true) due.push({ id, ratio: dirty.ratio })
    }
    this.#waiting = due.sort((a, b) => b.ratio - a.ratio).map(({ id }) => id)
  }

  /** A close may leave a pass in the middle: the next opening finds what it wrote and drops it. */
  next(now: number): Task<void> | undefined {
    while (this.#pass === undefined) {
      const id = this.#again ?? this.#waiting.shift()
      if (id === undefined) return undefined
      if (this.#again === undefined) this.#tailsBefore = Number.POSITIVE_INFINITY
      this.#again = undefined
      const dirty = this.#dirtyPart(id, now)
      const hosted = this.#topics.hostedIfRoom(id)
      if (dirty !== undefined && hosted !== undefined) this.#pass = { id, task: this.#begin(hosted, dirty, now) }
    }
    return this.#step(this.#pass.id, this.#pass.task)
  }

  #isWanted(id: PartitionIdentity): boolean {
    return this.#topics.config(id.topicId).cleanupPolicy.includes('compact') && !this.#damaged.has(keyOf(id))
  }

  #dirtyPart(id: PartitionIdentity, now: number): DirtyPart | undefined {
    if (!this.#isWanted(id)) return undefined
    const config = this.#topics.config(id.topicId)
    const compactable = this.#store.compactable(id)
    const hosted = compactable.segments.length === 0 ? undefined : this.#topics.hostedIfRoom(id)
    if (hosted === undefined || hosted.isDead) return undefined
    const { lastStableOffset, watermarks } = hosted.partition
    const trustedNow = this.#guard.trustedNow(config.minCompactionLagMs, now)
    return dirtyPart(compactable, Math.min(lastStableOffset, watermarks.durableOffset), config, { now, trustedNow })
  }

  #begin({ partition, id }: HostedPartition, dirty: DirtyPart, now: number): Task<unknown> {
    const config = this.#topics.config(id.topicId)
    const { watermarks } = partition
    return this.#factory.compact({
      id,
      dirty,
      logStartOffset: watermarks.logStartOffset,
      limits: config,
      deleteRetentionMs: config.deleteRetentionMs,
      now,
      trustedNow: this.#guard.trustedNow(config.deleteRetentionMs, now),
      producers: () => partition.producers(),
      keysOf: id.topicId === INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC] ? catalogueKeys : undefined,
      rewritten: (nextOffset) => partition.rewritten(nextOffset),
    })
  }

  /**
   * Runs the pass for some turns, or to its end, which comes early once the topic isn't to be compacted any more, as in
   * Kafka's LogManager.updateTopicConfig, also after a flush: it may take long, and what was rewritten counts next.
   * Effects that the pass yields are handed on to the runner of this task.
   */
  *#step(id: PartitionIdentity, pass: Task<unknown>): Task<void> {
    let turns = 0
    try {
      let step = this.#isWanted(id) ? pass.next() : pass.return(undefined)
      while (step.done !== true) {
        if (isTurn(step.value) && ++turns > TURNS_AT_ONCE) return
        const isFlush = 'kind' in step.value && step.value.kind === 'flush'
        step = yield* passOn(pass, step.value, () => !isFlush || this.#isWanted(id))
      }
    } catch (error) {
      const isUnreadable = isReadFailure(error)
      if (!isUnreadable && !LogError.is(error, ...GIVEN_UP)) throw error
      if (isUnreadable || LogError.is(error, ...NEVER_DONE)) this.#damaged.add(keyOf(id))
      if (LogError.is(error, 'MEMORY_CAP_REACHED')) this.#makeRoom(id)
    }
    this.#pass = undefined
  }

  /** Frees tails and begins the pass anew, unless it has already failed with as few. */
  #makeRoom(id: PartitionIdentity): void {
    const tails = this.#factory.tails.makeRoom(this.#tailsBefore)
    if (tails === undefined) return
    this.#tailsBefore = tails
    this.#again = id
  }
}

function isTurn(asked: Effect | readonly Effect[]): boolean {
  return 'kind' in asked && asked.kind === 'yield'
}

function* passOn(
  pass: Task<unknown>,
  asked: Effect | readonly Effect[],
  goesOn: () => boolean,
): Generator<Effect | readonly Effect[], IteratorResult<Effect | readonly Effect[], unknown>, unknown> {
  let result: unknown
  try {
    result = yield asked
  } catch (error) {
    return pass.throw(error)
  }
  return goesOn() ? pass.next(result) : pass.return(undefined)
}

function keyOf({ topicId, partition }: PartitionIdentity): string {
  return `${topicId}/${partition}`
}
