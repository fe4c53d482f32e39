import type { Partition } from '../log/partition/partition.ts'
import { LogError } from '../model/errors.ts'
import type { ParsedTopicConfig } from '../model/topic-config.ts'
import type { PartitionIdentity } from '../storage/partition-identity.ts'

interface Waiter {
  readonly nextOffset: number
  readonly done: (error: unknown) => void
}

/** Callbacks that wait for an offset, answered up to it. */
class Waiters {
  #waiting: Waiter[] = []

  add(nextOffset: number, done: (error: unknown) => void): void {
    this.#waiting.push({ nextOffset, done })
  }

  /**
   * Waiters stand in the order of their arrival. A retry may wait for a lower offset than those before it, so each is
   * looked at.
   */
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

/** A partition that is in use, with the calls that wait for it. */
export class HostedPartition {
  readonly id: PartitionIdentity
  readonly partition: Partition
  /** As parsed from the topic: replaced when the topic's config changes. */
  config: ParsedTopicConfig
  /** Whether the store has it; if not, the store makes it at its first use. */
  exists: boolean
  /**
   * Commands that wait, in order, until the store has opened the partition or its marker stands; `undefined` if nothing
   * has to wait.
   */
  queue: ((error: unknown) => void)[] | undefined
  /** The topic was deleted: nothing is accepted any more. */
  isDead = false
  /** How many tasks are making it in the store or opening it right now. */
  openings = 0
  /** The log ended with an error: nothing is answered any more without asking the engine. */
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
    if (!this.isDead) return
    const { topic, partition } = this.id
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `topic "${topic}" was deleted`, { topic, partition })
  }

  /** Runs the commands that waited, in order. */
  resume(error: unknown): void {
    const queue = this.queue ?? []
    this.queue = undefined
    while (queue.length > 0) {
      queue.shift()?.(error)
      // It found the partition closed again: the commands after it wait on, after what it waits for.
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
