import { letOthersAsk, nothing, type Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { TaskRunner } from './task-runner.ts'

export interface UnwrittenHooks {
  readonly runner: TaskRunner
  readonly store: PartitionStore
  /** Readers may see more. */
  advanced(hosted: HostedPartition): void
  /** A write failed and the log ends: nobody knows what the segments hold. */
  failed(error: unknown): void
}

/**
 * Appends of one moment that wait for each other, to be one write for each partition. Until that write nobody is told
 * of them or sees them, because a kill loses what waits (docs/decisions/015-batches-wait-for-their-commit.md).
 */
export class UnwrittenAppends {
  readonly #hooks: UnwrittenHooks
  readonly #partitions = new Set<HostedPartition>()
  readonly #answers: ((error: unknown) => void)[] = []
  #isRunning = false

  constructor(hooks: UnwrittenHooks) {
    this.#hooks = hooks
  }

  /** Adds an append that has its place in the partition while its bytes are in no file yet. */
  add(hosted: HostedPartition, answer: (error: unknown) => void): void {
    this.#partitions.add(hosted)
    this.#answers.push(answer)
    if (this.#isRunning) return
    this.#isRunning = true
    this.#hooks.runner.start(this.#writeAll(), (error) => {
      this.#isRunning = false
      if (error !== undefined) this.#hooks.failed(error)
    })
  }

  *#writeAll(): Task<void> {
    while (this.#answers.length > 0) {
      yield* letOthersAsk()
      const count = this.#answers.length
      const partitions = [...this.#partitions]
      this.#partitions.clear()
      yield* this.#hooks.store.writeOut?.(partitions.map(({ id }) => id)) ?? nothing()
      for (const hosted of partitions) if (!this.#partitions.has(hosted)) hosted.partition.watermarks.allWritten()
      for (const answer of this.#answers.splice(0, count)) answer(undefined)
      for (const hosted of partitions) this.#hooks.advanced(hosted)
    }
  }

  fail(error: unknown): void {
    this.#partitions.clear()
    for (const answer of this.#answers.splice(0)) answer(error)
  }
}
