import type { TopicConfig } from '../../model/topic-config.ts'
import type { CatalogueEntry } from './catalogue-entry.ts'
import type { Table } from './planned-table.ts'

/** A topic from its creation to its delete. Another topic of the same name is another one, with another id. */
export interface CatalogueTopic {
  readonly topicId: string
  readonly name: string
  readonly partitions: number
  readonly config: TopicConfig
  /** Log starts that a decision moved; the other partitions begin at 0. */
  readonly logStartOffsets: ReadonlyMap<number, number>
  /** A deleted topic is kept, so that files and offsets that are left of it are recognised. */
  readonly isDeleted: boolean
}

/** A topic as the table has it: log starts move in place, as a topic may have a hundred thousand of them. */
interface KeptTopic extends CatalogueTopic {
  readonly logStartOffsets: Map<number, number>
}

/** What others see of the table. */
export interface TopicView {
  /** The live topic of this name. */
  byName(name: string): CatalogueTopic | undefined
  /** Live or dead. */
  byId(topicId: string): CatalogueTopic | undefined
  /** The topic of this id, if it is live. */
  liveById(topicId: string): CatalogueTopic | undefined
  /** Live ones, by name. */
  live(): readonly CatalogueTopic[]
  /** Dead ones, in no order. */
  dead(): readonly CatalogueTopic[]
}

/** Says why an entry can't follow the state that it finds. */
export class EntryConflict extends Error {}

/**
 * Every topic that there was, by id, and the live ones by name; a name has at most one live topic. Of a deleted topic
 * compaction removes the creation first, then the other records, and the delete last: so until a replay reaches the
 * delete, the other records speak of a topic that isn't known.
 */
export class TopicTable implements Table<CatalogueEntry>, TopicView {
  readonly #byId: Map<string, KeptTopic> = new Map()
  readonly #liveIdByName: Map<string, string> = new Map()
  /** Topics whose creation is missing and that no delete has explained so far. */
  readonly unknown: Set<string> = new Set()

  byName(name: string): CatalogueTopic | undefined {
    const topicId = this.#liveIdByName.get(name)
    return topicId === undefined ? undefined : this.#byId.get(topicId)
  }

  byId(topicId: string): CatalogueTopic | undefined {
    return this.#byId.get(topicId)
  }

  liveById(topicId: string): CatalogueTopic | undefined {
    const topic = this.#byId.get(topicId)
    return topic?.isDeleted === false ? topic : undefined
  }

  live(): readonly CatalogueTopic[] {
    return [...this.#byId.values()].filter((topic) => !topic.isDeleted).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  dead(): readonly CatalogueTopic[] {
    return [...this.#byId.values()].filter((topic) => topic.isDeleted)
  }

  /** Forgets a deleted topic once none of its files and offsets are left. */
  forget(topicId: string): void {
    if (this.#byId.get(topicId)?.isDeleted === true) this.#byId.delete(topicId)
  }

  apply(entry: CatalogueEntry): void {
    const { topicId, kind } = entry
    const isOfUnknown = !this.#byId.has(topicId) && kind !== 'topic-created' && kind !== 'topic-deleted'
    if (isOfUnknown) this.unknown.add(topicId)
    else this.#applyKnown(entry)
  }

  #applyKnown(entry: CatalogueEntry): void {
    switch (entry.kind) {
      case 'topic-created':
        this.#create(entry)
        break
      case 'topic-deleted':
        this.#delete(entry)
        break
      case 'partitions-added':
        this.#addPartitions(entry.topicId, entry.partitions)
        break
      case 'config-changed':
        this.#put({ ...this.#liveTopic(entry.topicId), config: entry.config })
        break
      case 'log-start-moved':
        this.#moveLogStart(entry)
        break
    }
  }

  #create(entry: CatalogueEntry & { kind: 'topic-created' }): void {
    const { topicId, name, partitions, config } = entry
    if (this.#byId.has(topicId)) throw new EntryConflict('the topic id is taken')
    if (this.#liveIdByName.has(name)) throw new EntryConflict('the topic exists')
    this.unknown.delete(topicId)
    this.#liveIdByName.set(name, topicId)
    this.#put({ topicId, name, partitions, config, logStartOffsets: new Map(), isDeleted: false })
  }

  /**
   * The creation may be missing: compaction removes it first, and a snapshot names nothing but the delete of a dead
   * topic.
   */
  #delete(entry: CatalogueEntry & { kind: 'topic-deleted' }): void {
    const { topicId, name, partitions } = entry
    const topic = this.#byId.get(topicId)
    this.unknown.delete(topicId)
    if (topic !== undefined) {
      if (topic.isDeleted) throw new EntryConflict('the topic is deleted already')
      if (topic.name !== name || topic.partitions !== partitions) throw new EntryConflict('it deletes another topic')
      this.#liveIdByName.delete(name)
    }
    this.#put({ topicId, name, partitions, config: {}, logStartOffsets: new Map(), isDeleted: true })
  }

  #addPartitions(topicId: string, partitions: number): void {
    const topic = this.#liveTopic(topicId)
    if (partitions <= topic.partitions) throw new EntryConflict('the number of partitions does not grow')
    this.#put({ ...topic, partitions })
  }

  #moveLogStart(entry: CatalogueEntry & { kind: 'log-start-moved' }): void {
    const topic = this.#liveTopic(entry.topicId)
    if (entry.partition >= topic.partitions) throw new EntryConflict('the topic has no such partition')
    if (entry.logStartOffset <= (topic.logStartOffsets.get(entry.partition) ?? 0)) {
      throw new EntryConflict('the log start does not move forward')
    }
    topic.logStartOffsets.set(entry.partition, entry.logStartOffset)
  }

  #liveTopic(topicId: string): KeptTopic {
    const topic = this.#byId.get(topicId)
    if (topic === undefined || topic.isDeleted) throw new EntryConflict('the topic is deleted')
    return topic
  }

  #put(topic: KeptTopic): void {
    this.#byId.set(topic.topicId, topic)
  }
}
