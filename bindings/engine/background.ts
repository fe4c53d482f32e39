import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { Callback } from './commands.ts'
import type { TaskRunner } from './task-runner.ts'

/**
 * What the store does beside commits, one task at a time: its maintenance (checkpoints), and whatever must not run
 * beside a checkpoint, such as steps of upkeep and the removal of deleted topics' files.
 */
export class Background {
  readonly #runner: TaskRunner
  readonly #store: PartitionStore
  readonly #failed: (error: unknown) => void
  readonly #tasks: { readonly task: Task<void>; readonly done: Callback<void> }[] = []
  #isRunning = false
  #isClosing = false
  #failure: unknown

  constructor(runner: TaskRunner, store: PartitionStore, failed: (error: unknown) => void) {
    this.#runner = runner
    this.#store = store
    this.#failed = failed
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Nothing runs and nothing waits, so the log may close. */
  get isIdle(): boolean {
    return !this.#isRunning && this.#tasks.length === 0
  }

  get isDue(): boolean {
    return !this.#isRunning && ((this.#tasks.length > 0 && this.#mayTakeAway) || this.#store.maintenanceIsDue())
  }

  /** False while a backup copies files: deleted topics, log starts and compaction would remove them under it. */
  get #mayTakeAway(): boolean {
    return this.#isClosing || this.#store.backupNeedsFiles?.() !== true
  }

  /**
   * Runs after a failure too: a commit that was under way may still ask for it, and its caller hears of the failure
   * here.
   */
  run(task: Task<void>, done: Callback<void>): void {
    if (this.#failure !== undefined) return done(this.#failure)
    this.#tasks.push({ task, done })
  }

  /** Starts what is due, unless something runs. */
  start(): void {
    if (this.#isRunning) return
    const waiting = this.#mayTakeAway ? this.#tasks.shift() : undefined
    const task = waiting?.task ?? this.#store.maintenance()
    if (task === undefined) return
    this.#isRunning = true
    this.#runner.start(task, (error) => {
      this.#isRunning = false
      waiting?.done(error)
      if (error !== undefined) this.#failed(error)
    })
  }

  /** From now on what waits runs even while a backup copies files, so that a close doesn't wait for the backup. */
  closing(): void {
    this.#isClosing = true
  }

  fail(error: unknown): void {
    this.#failure = error
    for (const { done } of this.#tasks.splice(0)) done(error)
  }
}
