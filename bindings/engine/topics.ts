import type { TopicFacts } from '../broker/topic-facts.ts'
import type { Catalogue } from '../log/catalogue/catalogue.ts'
import {
  CATALOGUE_TOPIC,
  INTERNAL_TOPIC_IDS,
  OFFSETS_TOPIC,
  SHARES_TOPIC,
  TRANSACTIONS_TOPIC,
} from '../log/catalogue/topic-ids.ts'
import type { PartitionFactory } from '../log/partition/partition-factory.ts'
import { PartitionMap } from '../log/store/partition-map.ts'
import { LogError } from '../model/errors.ts'
import { type ParsedTopicConfig, parseTopicConfig } from '../model/topic-config.ts'
import type { PartitionIdentity, StoredPartition, StoredProducer } from '../storage/partition-store.ts'
import { earliest } from './earliest.ts'
import { HostedPartition } from './hosted-partition.ts'
import type { TableName } from './planned-change.ts'
import { ProducerExpiry } from './producer-expiry.ts'

const DEFAULT_CONFIG = parseTopicConfig({})
/** Of the log's own topics, which every opening reads from their start. */
const TABLE_CONFIG = parseTopicConfig({ 'cleanup.policy': 'compact', 'segment.bytes': 16 * 1024 * 1024 })
/** A topic or two hundred bytes change at a time, and two readers wait for it at every opening. */
const CATALOGUE_SEGMENT_BYTES = 1024 * 1024
const CATALOGUE_ID = INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC]
const OWN_IDS: ReadonlySet<string> = new Set(Object.values(INTERNAL_TOPIC_IDS))
const TABLE_TOPICS: Readonly<Record<TableName, string>> = {
  transactions: TRANSACTIONS_TOPIC,
  offsets: OFFSETS_TOPIC,
  shares: SHARES_TOPIC,
  catalogue: CATALOGUE_TOPIC,
}

/** The partitions that were used since the open, by topic name and by identity; the catalogue says which there are. */
export class Topics {
  readonly producerExpiry: ProducerExpiry = new ProducerExpiry(this)
  readonly #catalogue: Catalogue
  readonly #factory: PartitionFactory
  readonly #tableConfig: ParsedTopicConfig
  readonly #catalogueConfig: ParsedTopicConfig
  readonly #stored = new PartitionMap<StoredPartition>()
  readonly #hosted = new PartitionMap<HostedPartition>()
  /** The same by the topic's name, for the calls of every record. */
  readonly #byName = new Map<string, (HostedPartition | undefined)[]>()
  readonly #configs = new Map<string, ParsedTopicConfig>()

  constructor(catalogue: Catalogue, factory: PartitionFactory, tableSegmentBytes: number = TABLE_CONFIG.segmentBytes) {
    this.#catalogue = catalogue
    this.#factory = factory
    this.#tableConfig = { ...TABLE_CONFIG, segmentBytes: tableSegmentBytes }
    this.#catalogueConfig = { ...TABLE_CONFIG, segmentBytes: Math.min(tableSegmentBytes, CATALOGUE_SEGMENT_BYTES) }
  }

  /** What recovery found; each becomes a partition in memory at its first use. */
  remember(stored: readonly StoredPartition[]): void {
    for (const partition of stored) this.#stored.set(partition.id, partition)
  }

  /** Log starts that were decided and that the store may not know yet: whoever removes, does it behind the decision. */
  startsRead(): void {
    for (const { topicId, logStartOffsets } of this.#catalogue.durable.live()) {
      for (const [partition, logStartOffset] of logStartOffsets) {
        const stored = this.#stored.get({ topicId, partition })
        if (stored === undefined || stored.logStartOffset >= logStartOffset) continue
        this.#stored.set(stored.id, { ...stored, logStartOffset })
      }
    }
  }

  facts(name: string): TopicFacts {
    const internalId = INTERNAL_TOPIC_IDS[name]
    if (internalId !== undefined) return { topic: name, topicId: internalId, partitions: 1, config: {} }
    const topic = this.#catalogue.durable.byName(name)
    if (topic === undefined) {
      throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`, { topic: name })
    }
    return { topic: name, topicId: topic.topicId, partitions: topic.partitions, config: topic.config }
  }

  /** UNKNOWN_TOPIC_OR_PARTITION when the catalogue doesn't have it. */
  partition(name: string, partition: number): HostedPartition {
    const named = this.#byName.get(name)?.[partition]
    if (named !== undefined) return named
    const facts = this.facts(name)
    const hosted = this.#hosted.get({ topicId: facts.topicId, partition })
    if (hosted !== undefined && partition < facts.partitions) return hosted
    if (!Number.isInteger(partition) || partition < 0 || partition >= facts.partitions) {
      const message = `topic "${name}" has partitions 0 to ${facts.partitions - 1}, not ${partition}`
      throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, {
        topic: name,
        partition,
        partitions: facts.partitions,
      })
    }
    return this.#host({ topicId: facts.topicId, topic: name, partition })
  }

  /** In their order. UNKNOWN_TOPIC_OR_PARTITION. */
  partitionsOf(name: string): HostedPartition[] {
    return Array.from({ length: this.facts(name).partitions }, (_, partition) => this.partition(name, partition))
  }

  /** One of the log's own topics. */
  table(name: TableName): HostedPartition {
    return this.partition(TABLE_TOPICS[name], 0)
  }

  /** As `partition`, of a topic id: `undefined` if that is gone. */
  hostedById(id: Pick<PartitionIdentity, 'topicId' | 'partition'>): HostedPartition | undefined {
    const hosted = this.#hosted.get(id)
    if (hosted !== undefined) return hosted
    const stored = this.#stored.get(id)
    return stored === undefined ? undefined : this.#host(stored.id)
  }

  #host(id: PartitionIdentity): HostedPartition {
    const stored = this.#stored.get(id)
    const partition = this.#factory.partition(stored ?? emptyPartition(id))
    const hosted = new HostedPartition(partition, this.config(id.topicId), stored !== undefined)
    this.#hosted.set(id, hosted)
    this.#stored.delete(id)
    const named = this.#byName.get(id.topic) ?? []
    named[id.partition] = hosted
    this.#byName.set(id.topic, named)
    return hosted
  }

  config(topicId: string): ParsedTopicConfig {
    const known = this.#configs.get(topicId)
    if (known !== undefined) return known
    if (topicId === CATALOGUE_ID) return this.#catalogueConfig
    if (OWN_IDS.has(topicId)) return this.#tableConfig
    const topic = this.#catalogue.durable.byId(topicId)
    // Recovery asks before the catalogue is read: what is answered then must not stay.
    if (topic === undefined) return DEFAULT_CONFIG
    const parsed = parseTopicConfig(topic.config)
    this.#configs.set(topicId, parsed)
    return parsed
  }

  /** In memory, or as recovery found it. */
  find(id: PartitionIdentity): HostedPartition | undefined {
    return this.#hosted.get(id)
  }

  stored(id: PartitionIdentity): StoredPartition | undefined {
    return this.#stored.get(id)
  }

  configChanged(topicId: string): void {
    this.#configs.delete(topicId)
    for (const hosted of this.#hosted.values()) {
      if (hosted.id.topicId === topicId) hosted.config = this.config(topicId)
    }
  }

  /** Forgets a deleted topic; answers the partitions of it that were in use. */
  forget(topicId: string, partitions: number): HostedPartition[] {
    const forgotten: HostedPartition[] = []
    for (let partition = 0; partition < partitions; partition++) {
      const id = { topicId, partition }
      const hosted = this.#hosted.get(id)
      if (hosted !== undefined) {
        forgotten.push(hosted)
        this.#byName.delete(hosted.id.topic)
      }
      this.#hosted.delete(id)
      this.#stored.delete(id)
    }
    this.#configs.delete(topicId)
    return forgotten
  }

  /** When `sweep` must come next. */
  get sweepAt(): number | undefined {
    return earliest(this.#factory.tails.sweepAt, this.producerExpiry.lookAt)
  }

  /** The clock was put forward by so much. */
  clockMoved(byMs: number): void {
    this.#factory.tails.clockMoved(byMs)
    this.producerExpiry.clockMoved(byMs)
  }

  /** Idle partitions give up memory, and producers that nobody uses. */
  sweep(now: number): void {
    this.#factory.tails.sweep(now)
    this.producerExpiry.sweep(now)
  }

  /** Of partitions that nobody used since the open; a producer with an open transaction stays. */
  expireStored(isOld: (producer: StoredProducer) => boolean): void {
    for (const partition of this.#stored.values()) {
      const kept = partition.producers.filter((each) => each.currentTransactionFirstOffset >= 0 || !isOld(each))
      if (kept.length < partition.producers.length) this.#stored.set(partition.id, { ...partition, producers: kept })
    }
  }

  hosted(): Iterable<HostedPartition> {
    return this.#hosted.values()
  }

  /** Of all that the store has a place for, those found at the open and not used since too. */
  *ids(): Iterable<PartitionIdentity> {
    for (const { id, exists } of this.#hosted.values()) if (exists) yield id
    for (const { id } of this.#stored.values()) yield id
  }
}

function emptyPartition(id: PartitionIdentity): StoredPartition {
  return { id, logStartOffset: 0, nextOffset: 0, ceiling: 0, producers: [], maxTimestamp: -1, readOnly: false }
}
