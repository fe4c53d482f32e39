import type { Groups } from '../coordinator/group/groups.ts'
import type { ShareGroups } from '../coordinator/share/share-groups.ts'
import type { Catalogue } from '../log/catalogue/catalogue.ts'
import type { TableRecord } from '../log/catalogue/table-record.ts'
import { LogError } from '../model/errors.ts'
import { parseTopicConfig, type TopicConfig } from '../model/topic-config.ts'
import { letOthersRun, type Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { CommandOf, ConfigChanges, Done } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import { inParts } from './in-parts.ts'
import type { PlannedChange, TableName } from './planned-change.ts'
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

  /**
   * The delete alone decides: what groups keep of the topic ends with its id. Their tombstones follow at once, as many frames as they
   * take, before anything that is planned later (durability rule 7).
   */
  delete({ name, done }: CommandOf<'deleteTopic'>): void {
    const { groups, shares, store } = this.#hooks
    const { topicId = '', partitions = 0 } = this.#hooks.catalogue.planned.byName(name) ?? {}
    const changes: Partial<Record<TableName, readonly TableRecord[]>>[] = [
      { catalogue: this.#hooks.catalogue.planDelete(name) },
      ...inParts(groups.planTopicDelete(topicId), store.decisionBytesMax).map((offsets) => ({ offsets })),
      ...inParts(shares.planTopicDelete(topicId), store.decisionBytesMax).map((part) => ({ shares: part })),
    ]
    let forgotten: readonly HostedPartition[] = []
    changes.forEach((change, index) => {
      this.#hooks.change({
        ...change,
        done: (error) => {
          if (error === undefined && index === 0) forgotten = this.#gone(topicId, name, partitions)
          if (index < changes.length - 1) return
          if (error !== undefined) return done(error)
          this.#remove({ topicId, name, partitions, forgotten }, done)
        },
      })
    })
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

function withChanges(config: TopicConfig, changes: ConfigChanges): TopicConfig {
  const kept = Object.entries({ ...config, ...changes }).filter(([, value]) => value !== null)
  return Object.fromEntries(kept) as TopicConfig
}
