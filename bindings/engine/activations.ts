import type { TailPool } from '../log/partition/tail-pool.ts'
import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import { isFinal } from './final-error.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { Openings } from './openings.ts'
import type { TaskRunner } from './task-runner.ts'

export interface ActivationHooks {
  readonly runner: TaskRunner
  readonly store: PartitionStore
  readonly tails: TailPool
  readonly assertOpen: () => void
  readonly failed: (error: unknown) => void
}

/** Has the store make and open a partition before something is appended to it, once for all who ask meanwhile. */
export class Activations {
  readonly #hooks: ActivationHooks
  readonly #openings: Openings

  constructor(hooks: ActivationHooks) {
    this.#hooks = hooks
    this.#openings = new Openings(hooks.runner)
  }

  whenActive(hosted: HostedPartition, then: (error: unknown) => void): void {
    if (hosted.queue !== undefined) {
      hosted.queue.push(then)
      return
    }
    hosted.queue = [then]
    this.#openings.start(this.run(hosted), (error) => {
      if (isFinal(error)) this.#hooks.failed(error)
      else hosted.resume(error)
    })
  }

  *run(hosted: HostedPartition): Task<void> {
    this.#hooks.assertOpen()
    yield* this.#hooks.tails.makingRoomFor(() => activate(hosted, this.#hooks.store))
  }
}

/**
 * Makes the partition in the store if the store doesn't have it, and opens it. Nothing begins for a deleted topic; the
 * removal of its files waits for what has begun (`openings`).
 */
function* activate(hosted: HostedPartition, store: PartitionStore): Task<void> {
  hosted.assertAlive()
  hosted.openings++
  try {
    if (!hosted.exists) {
      yield* store.create(hosted.id)
      hosted.exists = true
      hosted.assertAlive()
    }
    if (!store.isActive(hosted.id)) yield* store.activate(hosted.id)
  } finally {
    hosted.openings--
  }
}
