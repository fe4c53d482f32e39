import type { Groups } from '../coordinator/group/groups.ts'
import type { Catalogue } from '../log/catalogue/catalogue.ts'
import { LogError } from '../model/errors.ts'
import { assertConfigKeys, type ConfigChanges, checkTopicConfig, type TopicConfig } from '../model/topic-config.ts'
import { letOthersRun, type Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { Callback, CommandOf } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { PlannedChange } from './planned-change.ts'
import type { TopicTombstones } from './topic-tombstones.ts'
import type { Topics } from './topics.ts'

export interface TopicHooks {
  readonly catalogue: Catalogue
  readonly groups: Pick<Groups, 'topicDeleted'>
  readonly tombstones: TopicTombstones
  readonly topics: Topics
  readonly store: PartitionStore
  /**
   * Makes the change durable after all that was planned before it, even if it holds no record: what changes nothing was
   * asked for already, and perhaps isn't durable yet.
   */
  change(change: PlannedChange): void
  /** Calls back with the refusal once everything is durable that was planned before. */
  refuse(refusal: unknown, done: Callback<void>): void
  /** The partition is gone: fetches that wait for it are answered. */
  forgotten(hosted: HostedPartition): void
  /**
   * The topic was created, deleted or got more partitions: groups that read it rebalance, readers learn of new
   * partitions, and members of share groups of its end.
   */
  changed(topic: string): void
  /** Runs the task, which removes files, while no checkpoint does; then calls back. */
  remove(task: Task<void>, done: Callback<void>): void
}

interface GoneTopic {
  readonly topicId: string
  readonly name: string
  readonly partitions: number
  /** Those of its partitions that were used since the open. */
  readonly forgotten: readonly HostedPartition[]
}

/** Commands that create, change and delete topics. */
export class TopicCommands {
  readonly #hooks: TopicHooks
  #version = 0

  constructor(hooks: TopicHooks) {
    this.#hooks = hooks
  }

  /** Goes up with every change of a topic: what was read about topics before may be wrong. */
  get version(): number {
    return this.#version
  }

  create(command: CommandOf<'createTopic'>): void {
    const { topicId, name, partitions, config, done } = command
    if (this.#hooks.tombstones.holds(name, (failure) => this.#createNow(command, failure))) return
    const catalogue = this.#hooks.catalogue.planCreate(topicId, name, partitions, config)
    this.#hooks.change({ catalogue, done: this.#announceThen(name, done) })
  }

  #createNow(command: CommandOf<'createTopic'>, failure: unknown): void {
    if (failure !== undefined) return command.done(failure)
    try {
      this.create(command)
    } catch (error) {
      this.#hooks.refuse(error, command.done)
    }
  }

  createPartitions({ name, totalCount, done }: CommandOf<'createPartitions'>): void {
    const catalogue = this.#hooks.catalogue.planAddPartitions(name, totalCount)
    this.#hooks.change({ catalogue, done: this.#announceThen(name, done) })
  }

  #announceThen(name: string, done: Callback<void>): Callback<void> {
    return (error) => {
      this.#version++
      if (error === undefined) this.#hooks.changed(name)
      done(error)
    }
  }

  alterConfig({ name, changes, done }: CommandOf<'alterConfig'>): void {
    const { catalogue, topics } = this.#hooks
    // What was asked for before counts already: values that two ask for at once may contradict each other.
    const { topicId, config } = catalogue.planned.byName(name) ?? topics.facts(name)
    assertChanges(config, changes)
    this.#hooks.change({
      catalogue: catalogue.planAlterConfig(name, changes),
      done: (error) => {
        this.#version++
        if (error === undefined) topics.configChanged(topicId)
        done(error)
      },
    })
  }

  /**
   * The delete alone decides: what groups keep for the topic ends with its id. The tombstones for that are written
   * right after it, in as many frames as they need, and before anything is planned for a new topic of the name
   * (durability rule 7). The caller is answered after the last of them.
   */
  delete({ name, done }: CommandOf<'deleteTopic'>): void {
    const { tombstones } = this.#hooks
    const { topicId = '', partitions = 0 } = this.#hooks.catalogue.planned.byName(name) ?? {}
    const catalogue = this.#hooks.catalogue.planDelete(name)
    let forgotten: readonly HostedPartition[] = []
    const part = lastOf((error) => {
      if (error === undefined) this.#remove({ topicId, name, partitions, forgotten }, done)
      else done(error)
    })
    const [deleted, planned] = [part(), part()]
    this.#hooks.change({
      catalogue,
      done: (error) => {
        if (error === undefined) forgotten = this.#gone(topicId, name, partitions)
        deleted(error)
      },
    })
    tombstones.begin(name, topicId, (some) => this.#hooks.change({ ...some, done: part() }), planned)
  }

  #gone(topicId: string, name: string, partitions: number): readonly HostedPartition[] {
    this.#version++
    this.#hooks.groups.topicDeleted(topicId)
    const forgotten = this.#forget(topicId, name, partitions)
    this.#hooks.changed(name)
    return forgotten
  }

  #remove({ topicId, name, partitions, forgotten }: GoneTopic, done: Callback<void>): void {
    this.#hooks.remove(this.#removeAll(topicId, name, partitions, forgotten), (failure) => {
      if (failure === undefined) this.#hooks.catalogue.forget(topicId)
      done(failure)
    })
  }

  #forget(topicId: string, name: string, partitions: number): readonly HostedPartition[] {
    const gone = new LogError('UNKNOWN_TOPIC_OR_PARTITION', `topic "${name}" was deleted`, { topic: name })
    const forgotten = this.#hooks.topics.forget(topicId, partitions)
    for (const hosted of forgotten) {
      hosted.isDead = true
      hosted.fail(gone)
      hosted.partition.close()
      this.#hooks.forgotten(hosted)
    }
    return forgotten
  }

  *#removeAll(topicId: string, topic: string, partitions: number, forgotten: readonly HostedPartition[]): Task<void> {
    // A task that is opening one of the partitions ends at its next step; until then it may still make files.
    while (forgotten.some(({ openings }) => openings > 0)) yield* letOthersRun()
    for (let partition = 0; partition < partitions; partition++) {
      yield* this.#hooks.store.remove({ topicId, topic, partition })
    }
  }
}

/**
 * Gives each part of some work its own callback. `done` is called with the last of them, or with the first that fails.
 */
function lastOf(done: Callback<void>): () => Callback<void> {
  let open = 0
  let isAnswered = false
  return () => {
    open++
    return (error) => {
      open--
      if (isAnswered || (error === undefined && open > 0)) return
      isAnswered = true
      done(error)
    }
  }
}

/** Keys that are to be reset are checked, too: a misspelt one would silently leave the key as it is. */
function assertChanges(config: TopicConfig, changes: ConfigChanges): void {
  const reset = Object.entries(changes).flatMap(([key, value]) => (value === null ? [key] : []))
  assertConfigKeys(reset.filter((key) => !Object.hasOwn(config, key)))
  const kept = Object.entries({ ...config, ...changes }).filter(([, value]) => value !== null)
  checkTopicConfig(Object.fromEntries(kept) as TopicConfig)
}
