import type { Groups } from '../coordinator/group/groups.ts'
import type { Catalogue } from '../log/catalogue/catalogue.ts'
import { LogError } from '../model/errors.ts'
import { parseTopicConfig, type TopicConfig } from '../model/topic-config.ts'
import { letOthersRun, type Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { CommandOf, ConfigChanges, Done } from './commands.ts'
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
  change(change: PlannedChange): void
  /** Its partitions are no more: whoever waits for them hears of it. */
  forgotten(hosted: HostedPartition): void
  /** It came, went or grew: groups that read it share its partitions anew, readers hear of others. */
  changed(topic: string): void
  /** Removes files beside no checkpoint, then calls back. */
  remove(task: Task<void>, done: Done<void>): void
}

interface GoneTopic {
  readonly topicId: string
  readonly name: string
  readonly partitions: number
  /** Those of its partitions that were in use. */
  readonly forgotten: readonly HostedPartition[]
}

/** Commands that create, change and delete topics. */
export class TopicCommands {
  readonly #hooks: TopicHooks
  #version = 0

  constructor(hooks: TopicHooks) {
    this.#hooks = hooks
  }

  /** Goes up with every change of a topic: what was read of them before may be wrong. */
  get version(): number {
    return this.#version
  }

  create(command: CommandOf<'createTopic'>): void {
    const { topicId, name, partitions, config, done } = command
    if (this.#hooks.tombstones.holds(name, (failure) => this.#createNow(command, failure))) return
    const catalogue = this.#hooks.catalogue.planCreate(topicId, name, partitions, config)
    this.#hooks.change({ catalogue, done: this.#thenTell(name, done) })
  }

  #createNow(command: CommandOf<'createTopic'>, failure: unknown): void {
    if (failure !== undefined) return command.done(failure)
    try {
      this.create(command)
    } catch (error) {
      command.done(error)
    }
  }

  createPartitions({ name, totalCount, done }: CommandOf<'createPartitions'>): void {
    const catalogue = this.#hooks.catalogue.planAddPartitions(name, totalCount)
    this.#hooks.change({ catalogue, done: this.#thenTell(name, done) })
  }

  #thenTell(name: string, done: Done<void>): Done<void> {
    return (error) => {
      this.#version++
      if (error === undefined) this.#hooks.changed(name)
      done(error)
    }
  }

  alterConfig({ name, changes, done }: CommandOf<'alterConfig'>): void {
    const { catalogue, topics } = this.#hooks
    const { topicId, config } = topics.facts(name)
    parseTopicConfig(withChanges(config, changes))
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
   * The delete alone decides: what groups keep of the topic ends with its id. Their tombstones follow at once, as many frames as they
   * take, before anything that is planned for its name (durability rule 7); behind the last of them it is answered.
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

  #remove({ topicId, name, partitions, forgotten }: GoneTopic, done: Done<void>): void {
    this.#hooks.remove(this.#removeAll(topicId, name, partitions, forgotten), (failure) => {
      if (failure === undefined) this.#hooks.catalogue.forget(topicId)
      done(failure)
    })
  }

  #forget(topicId: string, name: string, partitions: number): readonly HostedPartition[] {
    const gone = new LogError('UNKNOWN_TOPIC_OR_PARTITION', `topic "${name}" was deleted`, { topic: name })
    const forgotten = this.#hooks.topics.forget(topicId, partitions)
    for (const hosted of forgotten) {
      hosted.dead = true
      hosted.fail(gone)
      hosted.partition.close()
      this.#hooks.forgotten(hosted)
    }
    return forgotten
  }

  *#removeAll(topicId: string, topic: string, partitions: number, forgotten: readonly HostedPartition[]): Task<void> {
    // What opens one of them ends at its next step: until then it may make files.
    while (forgotten.some(({ openings }) => openings > 0)) yield* letOthersRun()
    for (let partition = 0; partition < partitions; partition++) {
      yield* this.#hooks.store.remove({ topicId, topic, partition })
    }
  }
}

/** Gives what each part of something calls when it ends: the last of them answers, or the first that fails. */
function lastOf(done: Done<void>): () => Done<void> {
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

function withChanges(config: TopicConfig, changes: ConfigChanges): TopicConfig {
  const kept = Object.entries({ ...config, ...changes }).filter(([, value]) => value !== null)
  return Object.fromEntries(kept) as TopicConfig
}
