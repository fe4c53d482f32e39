import type { StoredProducer } from '../storage/stored-state.ts'
import type { HostedPartition } from './hosted-partition.ts'

/** Kafka's producer.id.expiration.ms, and its check interval (kafka.md 3.6). */
const EXPIRATION_MS = 24 * 3_600_000
const SWEEP_INTERVAL_MS = 600_000
/**
 * Nobody knows when a producer that was found at the open was last used. It is kept for at least this long, longer than
 * any retry takes.
 */
const GRACE_MS = 3_600_000

/** The partitions whose producers are looked through. */
export interface RememberedProducers {
  /** Partitions that were used since the open. */
  hosted(): Iterable<HostedPartition>
  /** Drops those producers of the other partitions for which `isOver` returns true. */
  expireStored(isOver: (producer: StoredProducer) => boolean): void
}

/**
 * Which producers a partition may forget: those that nobody used for a day of passing time. Timestamps of records don't
 * count, as their senders choose them. A producer with an open transaction stays.
 */
export class ProducerExpiry {
  readonly #topics: RememberedProducers
  /** For partitions in use, when each producer was last used. */
  readonly #uses = new WeakMap<HostedPartition, Map<number, number>>()
  /** By how much the wall clock was put forward since the open. */
  #movedMs = 0
  #openedAt = 0
  #sweepAt: number | undefined

  constructor(topics: RememberedProducers) {
    this.#topics = topics
  }

  /** When `sweep` must come next. */
  get sweepAt(): number | undefined {
    return this.#sweepAt
  }

  opened(now: number): void {
    this.#openedAt = this.#passed(now)
    this.#sweepAt = now + SWEEP_INTERVAL_MS
  }

  used(hosted: HostedPartition, producerId: number, now: number): void {
    this.#usesOf(hosted).set(producerId, this.#passed(now))
  }

  clockMoved(byMs: number): void {
    this.#movedMs += byMs
    if (this.#sweepAt !== undefined) this.#sweepAt += byMs
  }

  sweep(now: number): void {
    if (this.#sweepAt === undefined || now < this.#sweepAt) return
    this.#sweepAt = now + SWEEP_INTERVAL_MS
    const before = this.#passed(now) - EXPIRATION_MS
    for (const hosted of this.#topics.hosted()) {
      const uses = this.#usesOf(hosted)
      for (const [producerId, usedAt] of uses) {
        if (usedAt <= before && hosted.partition.forgetProducer(producerId)) uses.delete(producerId)
      }
    }
    this.#topics.expireStored((producer) => this.#lastUseBeforeOpen(producer) <= before)
  }

  #passed(now: number): number {
    return now - this.#movedMs
  }

  #usesOf(hosted: HostedPartition): Map<number, number> {
    let uses = this.#uses.get(hosted)
    if (uses === undefined) {
      uses = new Map()
      for (const producer of hosted.partition.producers())
        uses.set(producer.producerId, this.#lastUseBeforeOpen(producer))
      this.#uses.set(hosted, uses)
    }
    return uses
  }

  /** The time of its newest batch is the best that is known, though its sender may have chosen it. */
  #lastUseBeforeOpen({ batches, markerTimestamp }: StoredProducer): number {
    const earliest = this.#openedAt + GRACE_MS - EXPIRATION_MS
    return Math.min(this.#openedAt, Math.max(earliest, batches.at(-1)?.timestamp ?? markerTimestamp ?? earliest))
  }
}
