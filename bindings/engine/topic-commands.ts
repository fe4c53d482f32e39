import type { Groups } from '../coordinator/group/groups.ts'
import type { ShareGroups } from '../coordinator/share/share-groups.ts'
import type { Catalogue } from '../log/catalogue/catalogue.ts'
import { LogError } from '../model/errors.ts'
import { parseTopicConfig, type TopicConfig } from '../model/topic-config.ts'
import { letOthersRun, type Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { CommandOf, ConfigChanges, Done } from './commands.ts'
import type { PlannedChange } from './committer.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

export interface TopicHooks {
  readonly catalogue: Catalogue
  readonly groups: Groups
  readonly shares: ShareGroups
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

  create({ topicId, name, partitions, config, done }: CommandOf<'createTopic'>): void {
    const catalogue = this.#hooks.catalogue.planCreate(topicId, name, partitions, config)
    this.#hooks.change({ catalogue, done: this.#thenTell(name, done) })
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

  /** The frame that deletes a topic also holds tombstones for all that groups keep of it (durability rule 7). */
  delete({ name, done }: CommandOf<'deleteTopic'>): void {
    const { groups, shares } = this.#hooks
    const topic = this.#hooks.catalogue.planned.byName(name)
    const catalogue = this.#hooks.catalogue.planDelete(name)
    const { topicId, partitions } = topic ?? { topicId: '', partitions: 0 }
    this.#hooks.change({
      catalogue,
      offsets: groups.planTopicDelete(topicId),
      shares: shares.planTopicDelete(topicId),
      done: (error) => {
        if (error !== undefined) return done(error)
        this.#version++
        const forgotten = this.#forget(topicId, name, partitions)
        this.#hooks.changed(name)
        this.#hooks.remove(this.#removeAll(topicId, name, partitions, forgotten), (failure) => {
          if (failure === undefined) this.#hooks.catalogue.forget(topicId)
          done(failure)
        })
      },
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

function withChanges(config: TopicConfig, changes: ConfigChanges): TopicConfig {
  const kept = Object.entries({ ...config, ...changes }).filter(([, value]) => value !== null)
  return Object.fromEntries(kept) as TopicConfig
}
