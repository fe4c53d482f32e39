import type { Partition } from '../log/partition/partition.ts'
import { LogError } from '../model/errors.ts'
import type { ParsedTopicConfig } from '../model/topic-config.ts'
import type { PartitionIdentity } from '../storage/partition-store.ts'

interface Waiter {
  readonly nextOffset: number
  readonly done: (error: unknown) => void
}

/** Callbacks in offset order, answered up to an offset. */
class Waiters {
  #waiting: Waiter[] = []

  add(nextOffset: number, done: (error: unknown) => void): void {
    this.#waiting.push({ nextOffset, done })
  }

  /** A retry may wait for less than those before it, so the order is by arrival and each is looked at. */
  answer(upTo: number): void {
    if (this.#waiting.length === 0) return
    const ready = this.#waiting.filter((waiter) => waiter.nextOffset <= upTo)
    if (ready.length === 0) return
    this.#waiting = this.#waiting.filter((waiter) => waiter.nextOffset > upTo)
    for (const { done } of ready) done(undefined)
  }

  fail(error: unknown): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { done } of waiting) done(error)
  }
}

/** A partition in the engine's care: who waits for what of it. */
export class HostedPartition {
  readonly id: PartitionIdentity
  readonly partition: Partition
  /** As parsed from the topic: replaced when the topic's config changes. */
  config: ParsedTopicConfig
  /** The store has a place for it; else its first use makes one. */
  exists: boolean
  /** Commands that wait until the store has opened it, or has its marker, in order; `undefined` while none need to. */
  queue: ((error: unknown) => void)[] | undefined
  /** The topic was deleted: nothing more is accepted. */
  dead = false
  /** How often the store is giving it a place or opening it at this moment. */
  openings = 0
  /** What waited for it heard an error: nothing is answered without the engine any more. */
  hasFailed = false
  /** Waiting for stable storage (`acks: 'all'`). */
  readonly durable: Waiters = new Waiters()
  /** Waiting for a higher ceiling (`acks: 1`). */
  readonly shown: Waiters = new Waiters()

  constructor(partition: Partition, config: ParsedTopicConfig, exists: boolean) {
    this.id = partition.id
    this.partition = partition
    this.config = config
    this.exists = exists
  }

  /** UNKNOWN_TOPIC_OR_PARTITION once the topic was deleted. */
  assertAlive(): void {
    if (!this.dead) return
    const { topic, partition } = this.id
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `topic "${topic}" was deleted`, { topic, partition })
  }

  /** What waited goes on, in its order. */
  resume(error: unknown): void {
    const queue = this.queue ?? []
    this.queue = undefined
    while (queue.length > 0) {
      queue.shift()?.(error)
      // One of them needs the partition opened again: those behind it stay behind it.
      if (this.queue !== undefined) {
        ;(this.queue as typeof queue).push(...queue)
        return
      }
    }
  }

  fail(error: unknown): void {
    this.hasFailed = true
    this.durable.fail(error)
    this.shown.fail(error)
    const queue = this.queue
    this.queue = undefined
    for (const resume of queue ?? []) resume(error)
  }
}
