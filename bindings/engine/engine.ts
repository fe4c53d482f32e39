import type { Groups } from '../coordinator/group/groups.ts'
import type { ShareGroups } from '../coordinator/share/share-groups.ts'
import type { Transactions } from '../coordinator/transaction/transactions.ts'
import type { Catalogue } from '../log/catalogue/catalogue.ts'
import { LogError, storageFailed } from '../model/errors.ts'
import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { RecoveryReport } from '../storage/recovery-report.ts'
import type { StoredState } from '../storage/stored-state.ts'
import type { Background } from './background.ts'
import type { Callback, Command } from './commands.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { Committer } from './committer.ts'
import { Deadlines } from './deadlines.ts'
import { dispatch } from './dispatch.ts'
import { type EngineOptions, EngineParts } from './engine-parts.ts'
import { isFinal } from './final-error.ts'
import { type LeftOfTopics, replayTables } from './replay.ts'
import type { EffectResult, IssuedEffect, TaskRunner } from './task-runner.ts'
import type { TopicCommands } from './topic-commands.ts'
import type { Topics } from './topics.ts'
import { openUndecided } from './undecided.ts'

/**
 * The log as a state machine: `step` takes a command, `complete` the result of an effect, `turn` starts the group
 * commit of what the steps since the last one asked for. It reads no clock and awaits nothing; effects to run come from
 * `take`.
 */
export class Engine {
  readonly catalogue: Catalogue
  readonly groups: Groups
  readonly shares: ShareGroups
  readonly transactions: Transactions
  readonly topics: Topics
  readonly store: PartitionStore
  readonly topicCommands: TopicCommands
  readonly #parts: EngineParts
  readonly #deadlines: Deadlines
  readonly #runner: TaskRunner
  readonly #commits: CommitQueue
  readonly #committer: Committer
  readonly #background: Background
  #now = 0
  #leaderEpoch = 0
  #isCommitting = false
  #closing: Callback<void> | undefined
  #closed: LogError | undefined
  /** The log ended by an error, and the directory is still locked. */
  #hasFailed = false
  /**
   * What the opening found; `undefined` while it runs. Until then the opening commits by itself, one set after the
   * other.
   */
  report: RecoveryReport | undefined

  constructor(options: EngineOptions) {
    const parts = new EngineParts(options, {
      now: () => this.#now,
      leaderEpoch: () => this.#leaderEpoch,
      assertOpen: () => this.assertOpen(),
      failed: (error) => this.#fail(error),
    })
    this.#parts = parts
    this.#deadlines = new Deadlines(parts)
    this.#runner = parts.runner
    this.#commits = parts.commits
    this.#committer = parts.committer
    this.#background = parts.background
    this.catalogue = parts.catalogue
    this.groups = parts.groups
    this.shares = parts.shares
    this.transactions = parts.transactions
    this.topics = parts.topics
    this.store = parts.store
    this.topicCommands = parts.topicCommands
  }

  /** Takes the lock, recovers, reads catalogue and committed offsets. `step` may be called once it has called back. */
  open(now: number, done: Callback<RecoveryReport>): void {
    this.#now = now
    this.topics.producerExpiry.opened(now)
    this.#runner.start(this.#open(), (error, report) => {
      this.report = report
      if (error === undefined) this.#deadlines.opened(this.#now)
      done(error, report)
    })
  }

  *#open(): Task<RecoveryReport> {
    const state = yield* this.store.open()
    this.#leaderEpoch = state.leaderEpoch
    this.#parts.producerIds.recovered(state.nextProducerId)
    this.topics.remember(state.partitions)
    try {
      const left = yield* replayTables(this, state)
      if (state.partitions.some(({ readOnly }) => !readOnly)) yield* this.#finishOpening(state, left)
    } catch (error) {
      // The log is left as clean or unclean as it was found. If it was closed cleanly and can't be read, the next open
      // must not skip to the offset ceilings; if it wasn't, the next open must not take transactions for whole that the
      // crash cut short.
      yield* state.report.clean ? this.store.close() : this.store.abandon()
      throw error
    }
    return state.report
  }

  /** All of it comes before the first acknowledgement (durability rules 7 and 9). */
  *#finishOpening({ partitions, report }: StoredState, left: LeftOfTopics): Task<void> {
    for (const table of ['offsets', 'shares'] as const) this.#commits.changeInParts(table, left[table], () => {})
    const undecided = yield* openUndecided(partitions, this.topics, (hosted) => this.#parts.activations.run(hosted))
    this.#parts.transacting.recover(undecided, report.clean)
    while (this.#commits.isWanted) {
      const maintenance = this.store.maintenance()
      if (maintenance !== undefined) yield* maintenance
      yield* this.#committer.commit()
    }
  }

  /** Throws LOG_CLOSED, or the error that ended the log. */
  assertOpen(): void {
    if (this.#closed !== undefined) throw this.#closed
  }

  step(now: number, command: Command): void {
    this.#now = now
    if (this.#closed !== undefined && command.kind !== 'wake') {
      this.#refuse(command, this.#closed)
      return
    }
    try {
      if (command.kind === 'close') this.#beginClose(command.done)
      else dispatch(this.#parts, command, now)
    } catch (error) {
      if (command.kind === 'wake') throw error
      command.done(error)
      if (isFinal(error)) this.#fail(error)
    }
  }

  /** An effect may have taken long: what follows from it begins at `now`. */
  complete(now: number, issued: IssuedEffect, result: EffectResult): void {
    this.#now = now
    this.#runner.complete(issued, result)
  }

  /** Effects to run since the last call. */
  take(): readonly IssuedEffect[] {
    return this.#runner.take()
  }

  /** Whether `turn` has something to start. */
  get wantsTurn(): boolean {
    if (this.#closed !== undefined || this.report === undefined) return false
    if (this.#background.isDue) return true
    // The journal has no room before a checkpoint has freed some, and the end of that checkpoint brings the next turn.
    if (this.#isCommitting || (this.#background.isRunning && !this.store.canCommit(this.#commits.decisionBytes)))
      return false
    return this.#commits.isWanted || this.#mayClose || this.#hasUnwritten
  }

  /** Committed batches that are in no segment yet: the next turn that has nothing to commit writes them. */
  get #hasUnwritten(): boolean {
    return this.store.hasUnwritten?.() === true
  }

  turn(now: number): void {
    this.#now = now
    this.#background.start()
    if (this.#isCommitting || this.#closed !== undefined || !this.store.canCommit(this.#commits.decisionBytes)) return
    if (this.#commits.isWanted) this.#commit(this.#committer.commit())
    else if (this.#mayClose && this.#closing !== undefined) this.#close(this.#closing)
    else if (this.#hasUnwritten && this.store.writeOut !== undefined) this.#commit(this.store.writeOut())
  }

  /** Runs one commit at a time. */
  #commit(task: Task<void>): void {
    this.#isCommitting = true
    this.#runner.start(task, (error) => {
      this.#isCommitting = false
      if (error !== undefined) this.#fail(error)
    })
  }

  get #mayClose(): boolean {
    const { tombstones } = this.#parts
    return this.#closing !== undefined && this.#background.isIdle && this.#commits.isIdle && tombstones.isIdle
  }

  /** When `tick` must come next, in milliseconds since 1970; never, once it is closed. */
  nextDeadline(): number | undefined {
    return this.#closed === undefined ? this.#deadlines.next : undefined
  }

  /** The clock of `now` was set forward by `byMs` (back, if negative) while no time passed: deadlines move with it. */
  clockMoved(byMs: number): void {
    this.#deadlines.clockMoved(byMs)
  }

  /** What is due by `nextDeadline`. */
  tick(now: number): void {
    this.#now = now
    if (this.#closed !== undefined) return
    try {
      this.#deadlines.tick(now)
    } catch (error) {
      // No caller waits for a tick, so nobody else would hear of its failure.
      this.#fail(error)
    }
  }

  // ---- ending --------------------------------------------------------------------------------------------------------

  #beginClose(done: Callback<void>): void {
    this.#commits.changeInParts('transactions', this.#parts.transacting.planClose(this.#now), () => {})
    this.#parts.cleanup.stop()
    this.#closing = done
  }

  #close(done: Callback<void>): void {
    this.#closed = new LogError('LOG_CLOSED', 'the log is closed')
    this.#parts.close(this.#closed)
    this.#runner.start(this.store.close(), (error) => {
      for (const hosted of this.topics.hosted()) hosted.partition.close()
      done(error)
    })
  }

  /** After a failure `close` still releases the directory, so that the next process can have it. */
  #refuse(command: Exclude<Command, { kind: 'wake' }>, failure: LogError): void {
    if (command.kind !== 'close' || !this.#hasFailed) command.done(failure)
    else this.#abandon(command.done, failure)
  }

  #abandon(done: Callback<void>, failure: LogError): void {
    this.#hasFailed = false
    this.#runner.start(this.store.abandon(), () => done(failure))
  }

  /** The storage failed: nothing is acknowledged any more, and every waiting call is told why (durability rule 10). */
  #fail(error: unknown): void {
    if (this.#closed !== undefined) return
    const failure = LogError.is(error) && error.code !== 'STORAGE_FULL' ? (error as LogError) : storageFailed(error)
    const closing = this.#closing
    this.#closing = undefined
    this.#closed = failure
    this.#parts.fail(failure)
    this.#hasFailed = true
    if (closing !== undefined) this.#abandon(closing, failure)
  }
}
