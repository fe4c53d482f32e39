import { LogError } from '../../model/errors.ts'
import { PARTITIONS_MAX } from '../../model/limits.ts'
import { assertTopicName } from '../../model/names.ts'
import type { ConfigChanges, TopicConfig } from '../../model/topic-config.ts'
import {
  damaged,
  decodeCatalogueRecord,
  encodeCatalogueEntry,
  isTopicConfig,
  isWholeNumber,
} from './catalogue-codec.ts'
import type { CatalogueEntry } from './catalogue-entry.ts'
import { PlannedTable } from './planned-table.ts'
import type { TableRecord, TableRecordPlace } from './table-record.ts'
import { isInternalTopic, isUserTopicId } from './topic-ids.ts'
import { type CatalogueTopic, EntryConflict, TopicTable, type TopicView } from './topic-table.ts'

/**
 * The topics of a log, which the records of `__oncelog_catalogue` tell. Pure: `plan...` checks a change and returns its
 * record (or throws a LogError and changes nothing), `apply` takes the record once its commit is durable, and each
 * record again at open. The log's own topics aren't in it: their ids are constants (topic-ids.ts).
 */
export class Catalogue {
  readonly #tables: PlannedTable<CatalogueEntry, TopicTable> = new PlannedTable(new TopicTable(), new TopicTable())
  /** Topics whose creation is missing, with the place of the first record of each. */
  readonly #unknownAt: Map<string, TableRecordPlace> = new Map()

  /** The topics as committed. */
  get durable(): TopicView {
    return this.#tables.durable
  }

  /** The topics including changes whose commit is under way: requests are checked against it. */
  get planned(): TopicView {
    return this.#tables.planned
  }

  /** `topicId`: 16 random bytes as text; the caller draws them. TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS and others. */
  planCreate(topicId: string, name: string, partitions: number, config: TopicConfig): readonly TableRecord[] {
    assertTopicName(name)
    if (isInternalTopic(name)) {
      throw new LogError('INVALID_TOPIC_EXCEPTION', `topic "${name}" belongs to the log itself`, { topic: name })
    }
    if (!isUserTopicId(topicId) || this.planned.byId(topicId) !== undefined) {
      throw new LogError('INVALID_REQUEST', `topic "${name}" needs an unused topic id`, { topic: name, topicId })
    }
    if (this.planned.byName(name) !== undefined) {
      throw new LogError('TOPIC_ALREADY_EXISTS', `topic "${name}" exists already`, { topic: name })
    }
    assertPartitions(name, partitions, 1)
    assertConfig(name, config)
    return this.#plan({ kind: 'topic-created', topicId, name, partitions, config: { ...config } })
  }

  /** Right after it must come `Groups.planTopicDelete` of this topic id (durability rule 7). */
  planDelete(name: string): readonly TableRecord[] {
    const { topicId, partitions } = this.#existing(name)
    return this.#plan({ kind: 'topic-deleted', topicId, name, partitions })
  }

  planAddPartitions(name: string, totalCount: number): readonly TableRecord[] {
    const { topicId, partitions } = this.#existing(name)
    assertPartitions(name, totalCount, partitions + 1)
    return this.#plan({ kind: 'partitions-added', topicId, partitions: totalCount })
  }

  /** Replaces the named keys; `null` resets a key. No record if nothing changes. */
  planAlterConfig(name: string, changes: ConfigChanges): readonly TableRecord[] {
    const { topicId, config } = this.#existing(name)
    const kept = Object.entries({ ...config, ...changes }).filter(([, value]) => value !== null)
    const changed = Object.fromEntries(kept) as TopicConfig
    assertConfig(name, changed)
    if (sameConfig(config, changed)) return []
    return this.#plan({ kind: 'config-changed', topicId, config: changed })
  }

  /** No record if the log starts there or later already, as Kafka's DeleteRecords. */
  planMoveLogStart(topicId: string, partition: number, logStartOffset: number): readonly TableRecord[] {
    const topic = this.planned.liveById(topicId)
    if (topic === undefined) {
      throw new LogError('UNKNOWN_TOPIC_ID', `no topic has the id ${topicId}`, { topicId })
    }
    const place = { topic: topic.name, partition }
    if (!isWholeNumber(partition, 0, topic.partitions - 1)) {
      throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `topic "${topic.name}" has no partition ${partition}`, place)
    }
    if (!isWholeNumber(logStartOffset, 0)) {
      throw new LogError('INVALID_REQUEST', `${logStartOffset} is no offset of ${topic.name}-${partition}`, place)
    }
    if (logStartOffset <= (topic.logStartOffsets.get(partition) ?? 0)) return []
    return this.#plan({ kind: 'log-start-moved', topicId, partition, logStartOffset })
  }

  /**
   * Takes durable records in their order: those that `plan...` gave, as the same objects, or those that an opening
   * read.
   */
  apply(record: TableRecord, place: TableRecordPlace): void {
    try {
      const entry = this.#tables.apply(record, () => decodeCatalogueRecord(record, place))
      if (entry !== undefined && this.#tables.durable.unknown.has(entry.topicId) && !this.#unknownAt.has(entry.topicId))
        this.#unknownAt.set(entry.topicId, place)
    } catch (error) {
      throw error instanceof EntryConflict ? damaged(place, error.message, error) : error
    }
  }

  /**
   * Whether the replayed records are complete: of each topic that one speaks of, the creation or the delete is there.
   */
  get isWhole(): boolean {
    return this.#tables.durable.unknown.size === 0
  }

  /** To be called once all records were replayed. CORRUPT_LOG unless the catalogue is whole. */
  assertWhole(): void {
    const [topicId] = this.#tables.durable.unknown
    if (topicId === undefined) return
    const place = this.#unknownAt.get(topicId) as TableRecordPlace
    throw damaged(place, `it is about a topic with the id ${topicId}, which was never created`)
  }

  /** The files of a deleted topic are gone, so nothing of it needs to be known any more. */
  forget(topicId: string): void {
    this.#tables.durable.forget(topicId)
    this.#tables.planned.forget(topicId)
  }

  /** The fewest records that rebuild the committed state: dead topics first, since a name can have lived before. */
  snapshot(): readonly TableRecord[] {
    const entries: CatalogueEntry[] = this.durable.dead().map(({ topicId, name, partitions }) => {
      return { kind: 'topic-deleted', topicId, name, partitions }
    })
    for (const topic of this.durable.live()) entries.push(...entriesOf(topic))
    return entries.map(encodeCatalogueEntry)
  }

  #existing(name: string): CatalogueTopic {
    const topic = this.planned.byName(name)
    if (topic === undefined) {
      throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`, { topic: name })
    }
    return topic
  }

  #plan(entry: CatalogueEntry): readonly TableRecord[] {
    return [this.#tables.plan(entry, encodeCatalogueEntry(entry))]
  }
}

function entriesOf(topic: CatalogueTopic): CatalogueEntry[] {
  const { topicId, name, partitions, config, logStartOffsets } = topic
  const created: CatalogueEntry = { kind: 'topic-created', topicId, name, partitions, config }
  const moved = [...logStartOffsets].map(([partition, logStartOffset]): CatalogueEntry => {
    return { kind: 'log-start-moved', topicId, partition, logStartOffset }
  })
  return [created, ...moved]
}

function assertPartitions(name: string, partitions: number, from: number): void {
  if (isWholeNumber(partitions, from, PARTITIONS_MAX)) return
  const range = `a whole number from ${from} to ${PARTITIONS_MAX}`
  throw new LogError('INVALID_PARTITIONS', `topic "${name}" can have ${range} of partitions, not ${partitions}`, {
    topic: name,
    partitions,
  })
}

function assertConfig(name: string, config: TopicConfig): void {
  if (isTopicConfig(config)) return
  throw new LogError('INVALID_CONFIG', `the config of topic "${name}" must map keys to strings, numbers and booleans`, {
    topic: name,
  })
}

function sameConfig(a: TopicConfig, b: TopicConfig): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
}
