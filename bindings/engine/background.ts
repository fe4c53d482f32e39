import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { Done } from './commands.ts'
import type { TaskRunner } from './task-runner.ts'

/**
 * What the store does beside commits, one thing at a time: its maintenance, and the removal of deleted topics' files,
 * which a checkpoint under way may hold.
 */
export class Background {
  readonly #runner: TaskRunner
  readonly #store: PartitionStore
  readonly #failed: (error: unknown) => void
  readonly #removals: { readonly task: Task<void>; readonly done: Done<void> }[] = []
  #isRunning = false
  #failure: unknown

  constructor(runner: TaskRunner, store: PartitionStore, failed: (error: unknown) => void) {
    this.#runner = runner
    this.#store = store
    this.#failed = failed
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Nothing runs and no removal waits: the log may close. */
  get isIdle(): boolean {
    return !this.#isRunning && this.#removals.length === 0
  }

  get isDue(): boolean {
    return !this.#isRunning && (this.#removals.length > 0 || this.#store.maintenanceIsDue())
  }

  /** A commit that was under way when the log failed may still ask for it: its caller hears of the failure. */
  remove(task: Task<void>, done: Done<void>): void {
    if (this.#failure !== undefined) return done(this.#failure)
    this.#removals.push({ task, done })
  }

  /** Starts what is due, unless something runs. */
  start(): void {
    if (this.#isRunning) return
    const removal = this.#removals.shift()
    const task = removal?.task ?? this.#store.maintenance()
    if (task === undefined) return
    this.#isRunning = true
    this.#runner.start(task, (error) => {
      this.#isRunning = false
      removal?.done(error)
      if (error !== undefined) this.#failed(error)
    })
  }

  fail(error: unknown): void {
    this.#failure = error
    for (const { done } of this.#removals.splice(0)) done(error)
  }
}
