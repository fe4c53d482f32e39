import { Groups } from '../coordinator/group/groups.ts'
import { ShareGroups } from '../coordinator/share/share-groups.ts'
import { Transactions } from '../coordinator/transaction/transactions.ts'
import { Catalogue } from '../log/catalogue/catalogue.ts'
import type { RecordPlace, TableRecord } from '../log/catalogue/table-record.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import { LogError, storageFailed } from '../model/errors.ts'
import type { Task } from '../storage/effect.ts'
import type { PartitionSource, PartitionStore, RecoveryReport, StoredState } from '../storage/partition-store.ts'
import { activate } from './activate.ts'
import { Appending } from './appending.ts'
import { backUp } from './back-up.ts'
import { Background } from './background.ts'
import type { Command, Done } from './commands.ts'
import { Committer, type PlannedChange, TABLES, type TableName } from './committer.ts'
import { DirectoryWatch } from './directory-watch.ts'
import { earliest } from './earliest.ts'
import { Fetches } from './fetches.ts'
import { isFinal } from './final-error.ts'
import { GroupMembers } from './group-members.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { Keeping, type KeepingOptions } from './keeping.ts'
import { Openings } from './openings.ts'
import { ProducerIds } from './producer-ids.ts'
import { type LeftOfTopics, replayTables } from './replay.ts'
import { ShareMembers } from './share-members.ts'
import { StoredFacts } from './stored-facts.ts'
import { type EffectResult, type IssuedEffect, TaskRunner } from './task-runner.ts'
import { offsetsForTimestamp } from './timestamp-lookup.ts'
import { TopicCommands } from './topic-commands.ts'
import { Topics } from './topics.ts'
import { Transacting } from './transacting.ts'
import { openUndecided } from './undecided.ts'
import { UnwrittenAppends } from './unwritten-appends.ts'
import { writtenTables } from './written-tables.ts'

export interface EngineOptions extends KeepingOptions {
  /** Makes the store, which may ask the engine what bytes don't tell, and what makes partitions over it. */
  readonly compose: (source: PartitionSource) => { readonly store: PartitionStore; readonly factory: PartitionFactory }
  /** How far ahead an offset ceiling is raised (durability rule 5): offsets that an unclean end may leave unused. */
  readonly ceilingBlock: number
  /** What a transaction wrote is made durable ahead of its commit, each time it comes to so much (durability rule 9). */
  readonly transactionBufferBytes: number
}

/**
 * The log as a state machine: `step` takes a command, `complete` the result of an effect, `turn` starts the group commit
 * of what the steps since the last one asked for. It reads no clock and awaits nothing; effects to run come from `take`.
 */
export class Engine {
  readonly catalogue: Catalogue = new Catalogue()
  readonly groups: Groups = new Groups()
  readonly shares: ShareGroups = new ShareGroups()
  readonly transactions: Transactions = new Transactions()
  readonly topics: Topics
  readonly store: PartitionStore
  readonly topicCommands: TopicCommands
  readonly #runner = new TaskRunner()
  readonly #openings: Openings = new Openings(this.#runner)
  readonly #committer: Committer
  readonly #appending: Appending
  readonly #unwritten: UnwrittenAppends
  readonly #fetches: Fetches
  readonly #members: GroupMembers
  readonly #shareMembers: ShareMembers
  readonly #background: Background
  readonly #keeping: Keeping
  readonly #directoryWatch: DirectoryWatch
  readonly #transacting: Transacting
  #now = 0
  readonly #producerIds: ProducerIds = new ProducerIds((from) => this.#committer.wantProducerIds(from))
  #leaderEpoch = 0
  #committing = false
  #closing: Done<void> | undefined
  #closed: LogError | undefined
  /** It ended by an error, and its directory is still held. */
  #hasFailed = false
  /** What opening found. Before it is over the opening itself commits, one set after the other. */
  report: RecoveryReport | undefined

  constructor(options: EngineOptions) {
    const source = new StoredFacts(() => this.topics)
    const { store, factory } = options.compose(source)
    this.store = store
    this.#directoryWatch = new DirectoryWatch(store)
    this.topics = new Topics(this.catalogue, factory, options.tableSegmentBytes)
    this.#background = new Background(this.#runner, store, (error) => this.#fail(error))
    this.#committer = this.#newCommitter(factory, options.ceilingBlock)
    this.#keeping = this.#newKeeping(factory, source, options)
    this.#fetches = this.#newFetches()
    this.#members = new GroupMembers(this.groups, {
      change: (records, done) => this.#committer.changeInParts('offsets', records, done),
      topicOf: (topicId) => this.catalogue.planned.liveById(topicId),
    })
    this.#shareMembers = new ShareMembers(this.shares, {
      partitionsOf: (topic) => this.topics.partitionsOf(topic),
      change: (records, done) => this.#committer.changeInParts('shares', records, done),
    })
    this.topicCommands = this.#newTopicCommands()
    this.#transacting = this.#newTransacting(options.transactionBufferBytes)
    this.#unwritten = new UnwrittenAppends({
      ...{ runner: this.#runner, store },
      advanced: (hosted) => this.#advanced(hosted),
      failed: (error) => this.#fail(error),
    })
    this.#appending = this.#newAppending(options.ceilingBlock)
  }

  // ---- what each part is told of the others ---------------------------------------------------------------------------

  #newCommitter(factory: PartitionFactory, ceilingBlock: number): Committer {
    const hooks = {
      factory,
      leaderEpoch: () => this.#leaderEpoch,
      now: () => this.#now,
      table: (name: TableName) => this.topics.table(name),
      open: (hosted: HostedPartition) => this.#activate(hosted),
      apply: (name: TableName, record: TableRecord, place: RecordPlace) => this.#tableOf(name).apply(record, place),
      advanced: (hosted: HostedPartition) => this.#advanced(hosted),
      producerIds: (end: number) => this.#producerIds.reserved(end),
    }
    return new Committer(this.store, hooks, ceilingBlock)
  }

  #newKeeping(factory: PartitionFactory, source: PartitionSource, options: KeepingOptions): Keeping {
    const { topics, store, catalogue } = this
    const parts = {
      ...{ topics, store, factory, source, catalogue, background: this.#background },
      now: () => this.#now,
      change: (change: PlannedChange) => this.#committer.change(change),
      startMoved: (hosted: HostedPartition) => this.#advanced(hosted),
      whenActive: (hosted: HostedPartition, then: (error: unknown) => void) => this.#whenActive(hosted, then),
    }
    return new Keeping(parts, options)
  }

  #newFetches(): Fetches {
    return new Fetches({
      topics: this.topics,
      prepare: ({ hosted, offset, abortedUpTo }, then) =>
        this.#runner.start(this.store.prepareRead(hosted.id, offset, abortedUpTo), then),
      wantShown: (hosted) => this.#committer.wantCeiling(hosted),
    })
  }

  #newTopicCommands(): TopicCommands {
    const { catalogue, groups, shares, topics, store } = this
    return new TopicCommands({
      ...{ catalogue, groups, shares, topics, store },
      change: (change) => this.#change(change),
      forgotten: (hosted) => {
        this.#fetches.forgotten(hosted)
        this.#shareMembers.advanced(hosted, this.#now)
      },
      changed: (topic) => {
        this.#members.topicChanged(topic, this.#now)
        this.#fetches.grown(topic)
      },
      remove: (task, done) => this.#background.run(task, done),
    })
  }

  #newTransacting(transactionBufferBytes: number): Transacting {
    const { transactions, groups, topics, store } = this
    return new Transacting({
      ...{ transactions, groups, topics, store, transactionBufferBytes },
      wantDurable: (hosted) => this.#committer.wantDurable(hosted),
      now: () => this.#now,
      change: (change) => this.#change(change),
      newProducerId: (done) => this.#producerIds.take(done),
      whenActive: (hosted, then) => this.#whenActive(hosted, then),
      liveTopic: (topicId) => this.catalogue.planned.liveById(topicId),
    })
  }

  #newAppending(ceilingBlock: number): Appending {
    const { topics, store } = this
    return new Appending({
      ...{ topics, store, committer: this.#committer, transacting: this.#transacting, ceilingBlock },
      unwritten: this.#unwritten,
      leaderEpoch: () => this.#leaderEpoch,
      now: () => this.#now,
      assertOpen: () => this.assertOpen(),
      whenActive: (hosted, then) => this.#whenActive(hosted, then),
      advanced: (hosted) => this.#advanced(hosted),
      failed: (error) => {
        if (isFinal(error)) this.#fail(error)
      },
    })
  }

  #tableOf(name: TableName): Pick<Catalogue, 'apply'> {
    const { transactions, groups: offsets, shares, catalogue } = this
    return { transactions, offsets, shares, catalogue }[name]
  }

  /** Readers may see more. */
  #advanced(hosted: HostedPartition): void {
    this.#fetches.advanced(hosted)
    this.#shareMembers.advanced(hosted, this.#now)
  }

  // ---- the machine's own interface: open, step, complete, turn, tick -------------------------------------------------

  /** Takes the lock, recovers, reads catalogue and committed offsets. Steps may come once it is done. */
  open(now: number, done: Done<RecoveryReport>): void {
    this.#now = now
    this.topics.producerExpiry.opened(now)
    this.#runner.start(this.#open(), (error, report) => {
      this.report = report
      if (error === undefined) {
        this.#keeping.upkeep.opened(this.#now)
        this.#directoryWatch.opened(this.#now)
      }
      done(error, report)
    })
  }

  *#open(): Task<RecoveryReport> {
    const state = yield* this.store.open()
    this.#leaderEpoch = state.leaderEpoch
    this.#producerIds.recovered(state.nextProducerId)
    this.topics.remember(state.partitions)
    try {
      const left = yield* replayTables(this, state)
      if (state.partitions.some(({ readOnly }) => !readOnly)) yield* this.#finishOpening(state, left)
    } catch (error) {
      // As clean as it was found: what can't be read is no reason for the next open to go on at ceilings, nor for it to take
      // transactions as whole that an unclean end cut short.
      yield* state.report.clean ? this.store.close() : this.store.abandon()
      throw error
    }
    return state.report
  }

  /** Before the first acknowledgement (durability rules 7 and 9). */
  *#finishOpening({ partitions, report }: StoredState, left: LeftOfTopics): Task<void> {
    for (const table of ['offsets', 'shares'] as const) this.#committer.changeInParts(table, left[table], () => {})
    const undecided = yield* openUndecided(partitions, this.topics, (hosted) => this.#activate(hosted))
    this.#transacting.recover(undecided, report.clean)
    while (this.#committer.isWanted) {
      const maintenance = this.store.maintenance()
      if (maintenance !== undefined) yield* maintenance
      yield* this.#committer.commit()
    }
  }

  /** LOG_CLOSED, or why it failed for good. */
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
      this.#dispatch(command)
    } catch (error) {
      if (command.kind === 'wake') throw error
      command.done(error)
      if (isFinal(error)) this.#fail(error)
    }
  }

  complete(id: number, result: EffectResult): void {
    this.#runner.complete(id, result)
  }

  /** Effects to run since the last call. */
  take(): readonly IssuedEffect[] {
    return this.#runner.take()
  }

  /** Whether `turn` has something to start. */
  get wantsTurn(): boolean {
    if (this.#closed !== undefined || this.report === undefined) return false
    if (this.#background.isDue) return true
    // Without room for a frame the end of the checkpoint brings the next turn.
    if (this.#committing || (this.#background.isRunning && !this.store.canCommit(this.#committer.decisionBytes)))
      return false
    return this.#committer.isWanted || this.#mayClose || this.#hasUnwritten
  }

  /** Nothing that was committed stays in memory alone for longer than a turn without a commit. */
  get #hasUnwritten(): boolean {
    return this.store.hasUnwritten?.() === true
  }

  turn(now: number): void {
    this.#now = now
    this.#background.start()
    if (this.#committing || this.#closed !== undefined || !this.store.canCommit(this.#committer.decisionBytes)) return
    if (this.#committer.isWanted) this.#commit(this.#committer.commit())
    else if (this.#mayClose && this.#closing !== undefined) this.#close(this.#closing)
    else if (this.#hasUnwritten && this.store.writeOut !== undefined) this.#commit(this.store.writeOut())
  }

  /** One at a time. */
  #commit(task: Task<void>): void {
    this.#committing = true
    this.#runner.start(task, (error) => {
      this.#committing = false
      if (error !== undefined) this.#fail(error)
    })
  }

  get #mayClose(): boolean {
    return this.#closing !== undefined && this.#background.isIdle && this.#committer.isIdle
  }

  /** When `tick` must come next, in milliseconds since 1970; never, once it is closed. */
  nextDeadline(): number | undefined {
    if (this.#closed !== undefined) return undefined
    const ofGroups = earliest(this.groups.nextDeadline(), this.shares.nextDeadline())
    const ofTopics = earliest(this.topics.sweepAt, this.#keeping.upkeep.nextAt)
    const ofStore = earliest(ofTopics, this.#directoryWatch.nextAt)
    return earliest(earliest(ofGroups, this.transactions.nextDeadline()), ofStore)
  }

  /** The clock of `now` was put forward by so much (back, if negative) while no time passed: deadlines move with it. */
  clockMoved(byMs: number): void {
    this.groups.clockMoved(byMs)
    this.shares.clockMoved(byMs)
    this.transactions.clockMoved(byMs)
    this.topics.clockMoved(byMs)
    this.#keeping.clockMoved(byMs)
    this.#directoryWatch.clockMoved(byMs)
  }

  /** Members that took too long leave their group or lose their locks, transactions end; idle partitions and producers go. */
  tick(now: number): void {
    this.#now = now
    if (this.#closed !== undefined) return
    try {
      this.#directoryWatch.tick(now)
      this.#members.tick(now)
      this.#shareMembers.tick(now)
      this.#transacting.expire(now)
      this.topics.sweep(now)
      this.#keeping.upkeep.tick(now)
    } catch (error) {
      // Nobody asked for it, so nobody would hear of it.
      this.#fail(error)
    }
  }

  // ---- commands ------------------------------------------------------------------------------------------------------

  #dispatch(command: Command): void {
    for (const table of writtenTables(command)) this.topics.table(table).partition.assertWritable()
    switch (command.kind) {
      case 'openProducer':
        return this.#producerIds.take(command.done)
      case 'append':
        return this.#appending.append(command)
      case 'fetch':
        return this.#fetches.start(command.reader, command.request, command.done)
      case 'wake':
        return this.#fetches.wake(command.reader)
      case 'find':
        return this.#fetches.find(command)
      case 'createTopic':
        return this.topicCommands.create(command)
      case 'deleteTopic':
        return this.topicCommands.delete(command)
      case 'createPartitions':
        return this.topicCommands.createPartitions(command)
      case 'alterConfig':
        return this.topicCommands.alterConfig(command)
      case 'deleteRecords':
        return this.#keeping.starts.deleteRecords(command)
      case 'joinGroup':
      case 'syncGroup':
      case 'leaveGroup':
      case 'commitOffsets':
      case 'setOffsets':
      case 'deleteGroup':
      case 'releaseGroups':
        return this.#members.take(command, this.#now)
      case 'acquireShare':
      case 'acknowledgeShare':
      case 'wakeShare':
      case 'leaveShare':
      case 'releaseShares':
      case 'startShareGroup':
      case 'deleteShareGroup':
        return this.#shareMembers.take(command, this.#now)
      case 'offsetsForTimestamp':
        return this.#runner.start(offsetsForTimestamp(command, this.topics, this.store), command.done)
      case 'initTransactionalProducer':
      case 'beginTransaction':
      case 'sendOffsets':
      case 'awaitStableOffsets':
      case 'endTransaction':
      case 'abortTransaction':
      case 'fenceProducer':
        return this.#transacting.take(command)
      case 'backup':
        return this.#runner.start(backUp(this.store, command.target), command.done)
      case 'close':
        this.#committer.changeInParts('transactions', this.transactions.planClose(this.#now), () => {})
        this.#keeping.stop()
        this.#closing = command.done
        return
    }
  }

  #change(change: PlannedChange): void {
    const isEmpty = TABLES.every((table) => !change[table]?.length) && !change.end?.partitions.length
    if (isEmpty) change.done(undefined)
    else this.#committer.change(change)
  }

  // ---- opening partitions, background work, ending -------------------------------------------------------------------

  #whenActive(hosted: HostedPartition, then: (error: unknown) => void): void {
    if (hosted.queue !== undefined) {
      hosted.queue.push(then)
      return
    }
    hosted.queue = [then]
    this.#openings.start(this.#activate(hosted), (error) => {
      if (isFinal(error)) this.#fail(error)
      else hosted.resume(error)
    })
  }

  *#activate(hosted: HostedPartition): Task<void> {
    this.assertOpen()
    yield* activate(hosted, this.store)
  }

  #close(done: Done<void>): void {
    this.#closed = new LogError('LOG_CLOSED', 'the log is closed')
    this.#fetches.close(this.#closed)
    this.#members.fail(this.#closed)
    this.#shareMembers.fail(this.#closed)
    this.#transacting.fail(this.#closed)
    this.#runner.start(this.store.close(), (error) => {
      for (const hosted of this.topics.hosted()) hosted.partition.close()
      done(error)
    })
  }

  /** A log that failed is closed all the same: who opens the directory next finds it free. */
  #refuse(command: Exclude<Command, { kind: 'wake' }>, failure: LogError): void {
    if (command.kind !== 'close' || !this.#hasFailed) command.done(failure)
    else this.#abandon(command.done, failure)
  }

  #abandon(done: Done<void>, failure: LogError): void {
    this.#hasFailed = false
    this.#runner.start(this.store.abandon(), () => done(failure))
  }

  /** The storage failed: nothing is acknowledged any more, every waiting call hears why (durability rule 10). */
  #fail(error: unknown): void {
    if (this.#closed !== undefined) return
    const failure = LogError.is(error) && error.code !== 'STORAGE_FULL' ? (error as LogError) : storageFailed(error)
    const closing = this.#closing
    this.#closing = undefined
    this.#closed = failure
    this.#committer.fail(failure)
    this.#background.fail(failure)
    this.#unwritten.fail(failure)
    this.#transacting.fail(failure)
    this.#producerIds.fail(failure)
    for (const hosted of this.topics.hosted()) hosted.fail(failure)
    this.#fetches.close(failure)
    this.#members.fail(failure)
    this.#shareMembers.fail(failure)
    this.#hasFailed = true
    if (closing !== undefined) this.#abandon(closing, failure)
  }
}
