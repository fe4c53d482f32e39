import type { Task } from '../storage/effect.ts'
import type { Callback } from './commands.ts'

/** Work that recurs and that nobody waits for: retention, compaction. */
export interface UpkeepJob {
  /**
   * How often a round begins, in milliseconds. The first one comes that long after the open, but within half a minute.
   */
  readonly intervalMs: number
  /** Begins a round: looks for what there is to do. Changes no files. */
  begin(now: number): void
  /**
   * The next step of the round; `undefined` ends the round. A step keeps the event loop for about half a millisecond at
   * a time, and the disk no longer than a flush beside it can bear. No checkpoint runs beside a step. An error that a
   * step throws ends the log.
   */
  next(now: number): Task<void> | undefined
}

export interface UpkeepHooks {
  now(): number
  /** Runs a step beside commits, and beside no checkpoint. */
  run(step: Task<void>, done: Callback<void>): void
}

interface Planned {
  readonly job: UpkeepJob
  dueAt: number
}

/** Pause after each step, during which the disk is free for others. */
const PAUSE_MS = 4
/** Kafka's log.initial.task.delay.ms. */
const FIRST_MS = 30_000

/**
 * Runs the jobs in turn, one step at a time, with a pause after each step. The next job begins when the round of the
 * one before is over.
 */
export class Upkeep {
  readonly #hooks: UpkeepHooks
  readonly #planned: readonly Planned[]
  /** The job whose round is under way. */
  #current: Planned | undefined
  #isStepping = false
  #stepAt = 0
  #isStopped = true

  constructor(jobs: readonly UpkeepJob[], hooks: UpkeepHooks) {
    this.#planned = jobs.map((job) => ({ job, dueAt: 0 }))
    this.#hooks = hooks
  }

  opened(now: number): void {
    this.#isStopped = false
    for (const planned of this.#planned) planned.dueAt = now + Math.min(planned.job.intervalMs, FIRST_MS)
  }

  /** Begins no further step; the one under way ends. */
  stop(): void {
    this.#isStopped = true
  }

  /** Makes the job's next round begin now, because it has something to do. */
  soon(job: UpkeepJob): void {
    for (const planned of this.#planned) if (planned.job === job) planned.dueAt = 0
  }

  /** When `tick` must come next. */
  get nextAt(): number | undefined {
    if (this.#isStopped || this.#isStepping || this.#planned.length === 0) return undefined
    return Math.max(this.#current === undefined ? this.#firstDueAt : 0, this.#stepAt)
  }

  get #firstDueAt(): number {
    let first = Number.POSITIVE_INFINITY
    for (const { dueAt } of this.#planned) first = Math.min(first, dueAt)
    return first
  }

  /** The wall clock was set forward by `byMs` while no time passed. */
  clockMoved(byMs: number): void {
    this.#stepAt += byMs
    for (const planned of this.#planned) planned.dueAt += byMs
  }

  /** Starts the next step if it is due. */
  tick(now: number): void {
    for (let at = this.nextAt; at !== undefined && at <= now; at = this.nextAt) {
      this.#current ??= this.#begin(now)
      const step = this.#current.job.next(now)
      if (step === undefined) this.#current = undefined
      else this.#run(step)
    }
  }

  /** Begins a round of the job that has been due for longest. */
  #begin(now: number): Planned {
    const next = this.#planned.reduce((first, each) => (each.dueAt < first.dueAt ? each : first))
    next.dueAt = now + next.job.intervalMs
    next.job.begin(now)
    return next
  }

  #run(step: Task<void>): void {
    this.#isStepping = true
    this.#hooks.run(step, () => {
      this.#isStepping = false
      this.#stepAt = this.#hooks.now() + PAUSE_MS
    })
  }
}
