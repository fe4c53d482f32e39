import { Groups } from '../coordinator/group/groups.ts'
import { ShareGroups } from '../coordinator/share/share-groups.ts'
import { Transactions } from '../coordinator/transaction/transactions.ts'
import { Catalogue } from '../log/catalogue/catalogue.ts'
import type { TableRecord, TableRecordPlace } from '../log/catalogue/table-record.ts'
import { INTERNAL_TOPICS } from '../log/catalogue/topic-ids.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import type { TailPool } from '../log/partition/tail-pool.ts'
import type { LogError } from '../model/errors.ts'
import type { PartitionSource } from '../storage/partition-source.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import { Activations } from './activations.ts'
import { Appending } from './appending.ts'
import { Background } from './background.ts'
import { Cleanup, type CleanupOptions } from './cleanup.ts'
import { CommitQueue } from './commit-queue.ts'
import { Committer } from './committer.ts'
import { DirectoryWatch } from './directory-watch.ts'
import { Fetches, type FetchHooks } from './fetches.ts'
import { isFinal } from './final-error.ts'
import { GroupMembers } from './group-members.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { type PlannedChange, TABLES, type TableName } from './planned-change.ts'
import { ProducerIds } from './producer-ids.ts'
import { RecordLookup } from './record-lookup.ts'
import { ShareMembers } from './share-members.ts'
import { StoredFacts } from './stored-facts.ts'
import { TaskRunner } from './task-runner.ts'
import { TopicCommands } from './topic-commands.ts'
import { TopicTombstones } from './topic-tombstones.ts'
import { Topics } from './topics.ts'
import { Transacting } from './transacting.ts'
import { UnwrittenAppends } from './unwritten-appends.ts'

export interface EngineOptions extends CleanupOptions {
  /** Makes the store and the factory of partitions over it. The store asks `source` for what its files don't tell. */
  readonly compose: (source: PartitionSource) => { readonly store: PartitionStore; readonly factory: PartitionFactory }
  /** How far ahead an offset ceiling is raised (durability rule 5): offsets that an unclean end may leave unused. */
  readonly ceilingBlock: number
  /**
   * A transaction's records are made durable ahead of its commit each time that this many bytes were written
   * (durability rule 9).
   */
  readonly transactionBufferBytes: number
}

/** What the engine tells its parts, and what it does when one of them fails. */
export interface EngineHooks {
  readonly now: () => number
  readonly leaderEpoch: () => number
  /** LOG_CLOSED, or why the log failed for good. */
  readonly assertOpen: () => void
  /** Ends the log with this error (durability rule 10). */
  readonly failed: (error: unknown) => void
}

/**
 * Puts the engine together. Each part names in its hooks what it needs of the others, and this file says who gives it:
 * so it shows who calls whom. Only the engine itself knows the present moment and whether the log goes on.
 */
export class EngineParts {
  readonly catalogue: Catalogue = new Catalogue()
  readonly groups: Groups = new Groups()
  readonly shares: ShareGroups = new ShareGroups()
  readonly transactions: Transactions = new Transactions()
  readonly topics: Topics
  readonly store: PartitionStore
  readonly topicCommands: TopicCommands
  readonly tombstones: TopicTombstones
  readonly runner: TaskRunner = new TaskRunner()
  readonly commits: CommitQueue
  readonly committer: Committer
  readonly activations: Activations
  readonly appending: Appending
  readonly unwritten: UnwrittenAppends
  readonly fetches: Fetches
  readonly lookup: RecordLookup
  readonly members: GroupMembers
  readonly shareMembers: ShareMembers
  readonly background: Background
  readonly directoryWatch: DirectoryWatch
  readonly cleanup: Cleanup
  readonly transacting: Transacting
  /** What finds no memory beside the tails is tried again with fewer of them. */
  readonly tails: TailPool
  readonly producerIds: ProducerIds = new ProducerIds((from) => this.commits.wantProducerIds(from))
  readonly #hooks: EngineHooks

  constructor(options: EngineOptions, hooks: EngineHooks) {
    this.#hooks = hooks
    const source = new StoredFacts(() => this.topics)
    const { store, factory } = options.compose(source)
    this.store = store
    this.tails = factory.tails
    this.directoryWatch = new DirectoryWatch(store)
    this.activations = new Activations({
      ...{ runner: this.runner, store, tails: this.tails },
      assertOpen: hooks.assertOpen,
      failed: hooks.failed,
    })
    this.topics = new Topics(this.catalogue, factory, options.tableSegmentBytes)
    this.background = new Background(this.runner, store, hooks.failed)
    this.commits = new CommitQueue(store, (name) => this.topics.table(name))
    this.committer = this.#newCommitter(factory, options.ceilingBlock)
    this.cleanup = this.#newCleanup(factory, source, options)
    const reads = this.#newReads(factory)
    this.fetches = new Fetches(reads)
    this.lookup = new RecordLookup(reads)
    this.members = new GroupMembers(this.groups, {
      change: (records, done) => this.commits.changeInParts('offsets', records, done),
      topicOf: (topicId) => this.#liveTopic(topicId),
      now: hooks.now,
    })
    this.shareMembers = new ShareMembers(this.shares, {
      facts: (topic) => this.topics.facts(topic),
      partition: (topic, partition) => this.topics.partition(topic, partition),
      partitionOf: (id) => this.topics.hostedById(id),
      topicOf: (topicId) => this.#liveTopic(topicId),
      change: (records, done) => this.commits.changeInParts('shares', records, done),
    })
    this.tombstones = new TopicTombstones({
      ...{ groups: this.groups, shares: this.shares, store },
      start: (task, done) => this.runner.start(task, done),
    })
    this.topicCommands = this.#newTopicCommands()
    this.transacting = this.#newTransacting(options.transactionBufferBytes)
    this.unwritten = new UnwrittenAppends({
      ...{ runner: this.runner, store },
      advanced: (hosted) => this.#advanced(hosted),
      failed: hooks.failed,
    })
    this.appending = this.#newAppending(options.ceilingBlock)
  }

  #newCommitter(factory: PartitionFactory, ceilingBlock: number): Committer {
    const hooks = {
      factory,
      leaderEpoch: this.#hooks.leaderEpoch,
      now: this.#hooks.now,
      table: (name: TableName) => this.topics.table(name),
      open: (hosted: HostedPartition) => this.activations.run(hosted),
      apply: (name: TableName, record: TableRecord, place: TableRecordPlace) =>
        this.#tableOf(name).apply(record, place),
      advanced: (hosted: HostedPartition) => this.#advanced(hosted),
      decided: () => this.transacting.decided(),
      producerIds: (end: number) => this.producerIds.reserved(end),
    }
    return new Committer(this.store, this.commits, hooks, ceilingBlock)
  }

  #newCleanup(factory: PartitionFactory, source: PartitionSource, options: CleanupOptions): Cleanup {
    const { topics, store, catalogue } = this
    const parts = {
      ...{ topics, store, factory, source, catalogue, background: this.background },
      now: this.#hooks.now,
      change: (change: PlannedChange) => this.commits.change(change),
      startMoved: (hosted: HostedPartition) => {
        this.shareMembers.startMoved(hosted)
        this.#advanced(hosted)
      },
      whenActive: (hosted: HostedPartition, then: (error: unknown) => void) =>
        this.activations.whenActive(hosted, then),
    }
    return new Cleanup(parts, options)
  }

  #newReads({ tails }: PartitionFactory): FetchHooks {
    return {
      topics: this.topics,
      prepare: ({ hosted, offset, abortedUpTo }, then) =>
        this.runner.start(
          tails.makingRoomFor(() => this.store.prepareRead(hosted.id, offset, abortedUpTo)),
          then,
        ),
      wantShown: (hosted) => this.commits.wantCeiling(hosted),
    }
  }

  #newTopicCommands(): TopicCommands {
    const { catalogue, groups, tombstones, topics, store } = this
    return new TopicCommands({
      ...{ catalogue, groups, tombstones, topics, store },
      change: (change) => this.commits.change(change),
      refuse: (refusal, done) => this.commits.refuse(refusal, done),
      forgotten: (hosted) => this.fetches.forgotten(hosted),
      changed: (topic) => {
        this.members.topicChanged(topic, this.#hooks.now())
        this.shareMembers.topicChanged(topic, this.#hooks.now())
        this.fetches.grown(topic)
      },
      remove: (task, done) => this.background.run(task, done),
    })
  }

  #newTransacting(transactionBufferBytes: number): Transacting {
    const { transactions, groups, topics, store } = this
    return new Transacting({
      ...{ transactions, groups, topics, store, transactionBufferBytes },
      wantDurable: (hosted) => this.commits.wantDurable(hosted),
      now: this.#hooks.now,
      change: (change) => this.#change(change),
      whenDecided: (done) => this.commits.whenDecided(done),
      refuse: (refusal, done) => this.commits.refuse(refusal, done),
      newProducerId: (done) => this.producerIds.take(done),
      whenActive: (hosted, then) => this.activations.whenActive(hosted, then),
      liveTopic: (topicId) => this.#liveTopic(topicId),
    })
  }

  #newAppending(ceilingBlock: number): Appending {
    const { topics, store } = this
    return new Appending({
      ...{ topics, store, commits: this.commits, transacting: this.transacting, ceilingBlock },
      unwritten: this.unwritten,
      leaderEpoch: this.#hooks.leaderEpoch,
      now: this.#hooks.now,
      assertOpen: this.#hooks.assertOpen,
      whenActive: (hosted, then) => this.activations.whenActive(hosted, then),
      advanced: (hosted) => this.#advanced(hosted),
      failed: (error) => {
        if (isFinal(error)) this.#hooks.failed(error)
      },
    })
  }

  /** `undefined` as soon as the topic's delete is planned. */
  #liveTopic(topicId: string): { readonly name: string; readonly partitions: number } | undefined {
    return this.catalogue.planned.liveById(topicId) ?? INTERNAL_TOPICS.get(topicId)
  }

  #tableOf(name: TableName): Pick<Catalogue, 'apply'> {
    const { transactions, groups: offsets, shares, catalogue } = this
    return { transactions, offsets, shares, catalogue }[name]
  }

  /** Readers may see more. */
  #advanced(hosted: HostedPartition): void {
    this.fetches.advanced(hosted)
    this.shareMembers.advanced(hosted, this.#hooks.now())
  }

  #change(change: PlannedChange): void {
    const isEmpty = TABLES.every((table) => !change[table]?.length) && !change.end?.partitions.length
    if (isEmpty) change.done(undefined)
    else this.commits.change(change)
  }

  close(error: LogError): void {
    this.lookup.close(error)
    this.fetches.close(error)
    this.members.fail(error)
    this.shareMembers.fail(error)
    this.transacting.fail(error)
  }

  /** Every waiting call is answered with the reason. */
  fail(failure: LogError): void {
    this.commits.fail(failure)
    this.tombstones.fail(failure)
    this.background.fail(failure)
    this.unwritten.fail(failure)
    this.transacting.fail(failure)
    this.producerIds.fail(failure)
    for (const hosted of this.topics.hosted()) hosted.fail(failure)
    this.lookup.close(failure)
    this.fetches.close(failure)
    this.members.fail(failure)
    this.shareMembers.fail(failure)
  }
}
