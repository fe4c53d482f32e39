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
import type { PartitionIdentity } from '../storage/partition-identity.ts'
import type { StoredPartition, StoredProducer } from '../storage/stored-state.ts'
import { earlierDeadline } from './earlier-deadline.ts'
import { HostedPartition } from './hosted-partition.ts'
import type { TableName } from './planned-change.ts'
import { ProducerExpiry } from './producer-expiry.ts'

const DEFAULT_CONFIG = parseTopicConfig({})
/** For the log's own topics, which every open reads from their start. */
const TABLE_CONFIG = parseTopicConfig({ 'cleanup.policy': 'compact', 'segment.bytes': 16 * 1024 * 1024 })
/** Smaller than the others: each change is of one topic, or two hundred bytes, and an open reads it twice. */
const CATALOGUE_SEGMENT_BYTES = 1024 * 1024
const CATALOGUE_ID = INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC]
const OWN_IDS: ReadonlySet<string> = new Set(Object.values(INTERNAL_TOPIC_IDS))
const TABLE_TOPICS: Readonly<Record<TableName, string>> = {
  transactions: TRANSACTIONS_TOPIC,
  offsets: OFFSETS_TOPIC,
  shares: SHARES_TOPIC,
  catalogue: CATALOGUE_TOPIC,
}

/**
 * The partitions that were used since the open, by topic name and by identity. Which partitions exist the catalogue
 * says.
 */
export class Topics {
  readonly producerExpiry: ProducerExpiry = new ProducerExpiry(this)
  readonly #catalogue: Catalogue
  readonly #factory: PartitionFactory
  readonly #tableConfig: ParsedTopicConfig
  readonly #catalogueConfig: ParsedTopicConfig
  readonly #stored = new PartitionMap<StoredPartition>()
  readonly #hosted = new PartitionMap<HostedPartition>()
  /** The same partitions by topic name: every call of a producer looks here. */
  readonly #byName = new Map<string, (HostedPartition | undefined)[]>()
  readonly #configs = new Map<string, ParsedTopicConfig>()

  constructor(catalogue: Catalogue, factory: PartitionFactory, tableSegmentBytes: number = TABLE_CONFIG.segmentBytes) {
    this.#catalogue = catalogue
    this.#factory = factory
    this.#tableConfig = { ...TABLE_CONFIG, segmentBytes: tableSegmentBytes }
    this.#catalogueConfig = { ...TABLE_CONFIG, segmentBytes: Math.min(tableSegmentBytes, CATALOGUE_SEGMENT_BYTES) }
  }

  /** Takes what recovery found. Each partition comes into memory at its first use. */
  remember(stored: readonly StoredPartition[]): void {
    for (const partition of stored) this.#stored.set(partition.id, partition)
  }

  /**
   * Takes over the log starts that the catalogue decided: the store may not know them yet, because files are removed
   * only after the decision.
   */
  takeLogStarts(): void {
    for (const { topicId, logStartOffsets } of this.#catalogue.durable.live()) {
      for (const [partition, logStartOffset] of logStartOffsets) {
        const stored = this.#stored.get({ topicId, partition })
        if (stored === undefined || stored.logStartOffset >= logStartOffset) continue
        this.#stored.set(stored.id, { ...stored, logStartOffset })
      }
    }
  }

  facts(name: string): TopicFacts {
    // Hot path: the programs' topics first, since nearly every call names one of them.
    const topic = this.#catalogue.durable.byName(name)
    if (topic !== undefined) {
      return { topic: name, topicId: topic.topicId, partitions: topic.partitions, config: topic.config }
    }
    const internalId = INTERNAL_TOPIC_IDS[name]
    if (internalId !== undefined) return { topic: name, topicId: internalId, partitions: 1, config: {} }
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`, { topic: name })
  }

  /** Throws UNKNOWN_TOPIC_OR_PARTITION if the catalogue doesn't have it. */
  partition(name: string, partition: number): HostedPartition {
    const named = this.#byName.get(name)?.[partition]
    if (named !== undefined) return named
    const topicId = this.topicIdAt(name, partition)
    return this.#hosted.get({ topicId, partition }) ?? this.#host({ topicId, topic: name, partition })
  }

  /** The id of the topic that has this partition. UNKNOWN_TOPIC_OR_PARTITION. */
  topicIdAt(topic: string, partition: number): string {
    const { topicId, partitions } = this.facts(topic)
    if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return topicId
    const message = `topic "${topic}" has partitions 0 to ${partitions - 1}, not ${partition}`
    throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic, partition, partitions })
  }

  /** All partitions of a topic, by number. UNKNOWN_TOPIC_OR_PARTITION. */
  partitionsOf(name: string): HostedPartition[] {
    return Array.from({ length: this.facts(name).partitions }, (_, partition) => this.partition(name, partition))
  }

  /** The partition of one of the log's own topics. */
  table(name: TableName): HostedPartition {
    return this.partition(TABLE_TOPICS[name], 0)
  }

  /** As `partition`, by topic id; `undefined` once the topic is gone. */
  hostedById(id: Pick<PartitionIdentity, 'topicId' | 'partition'>): HostedPartition | undefined {
    const hosted = this.#hosted.get(id)
    if (hosted !== undefined) return hosted
    const stored = this.#stored.get(id)
    return stored === undefined ? undefined : this.#host(stored.id)
  }

  /** As `hostedById`, for work that may come later: `undefined` also where there is no memory for it now. */
  hostedIfRoom(id: PartitionIdentity): HostedPartition | undefined {
    try {
      return this.hostedById(id)
    } catch (error) {
      if (!LogError.is(error, 'MEMORY_CAP_REACHED')) throw error
      return undefined
    }
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
    // Not remembered: recovery asks before the catalogue was read.
    if (topic === undefined) return DEFAULT_CONFIG
    const parsed = parseTopicConfig(topic.config)
    this.#configs.set(topicId, parsed)
    return parsed
  }

  /** The partition if it was used since the open; for the others there is `stored`. */
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

  /** Forgets a deleted topic. Returns its partitions that were in use. */
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
    return earlierDeadline(this.#factory.tails.sweepAt, this.producerExpiry.sweepAt)
  }

  /** The wall clock was set forward by `byMs`. */
  clockMoved(byMs: number): void {
    this.#factory.tails.clockMoved(byMs)
    this.producerExpiry.clockMoved(byMs)
  }

  /** Frees the memory of idle partitions, and forgets producers that nobody uses. */
  sweep(now: number): void {
    this.#factory.tails.sweep(now)
    this.producerExpiry.sweep(now)
  }

  /** Forgets old producers of partitions that nobody used since the open; one with an open transaction stays. */
  expireStored(isOld: (producer: StoredProducer) => boolean): void {
    for (const partition of this.#stored.values()) {
      const kept = partition.producers.filter((each) => each.currentTransactionFirstOffset >= 0 || !isOld(each))
      if (kept.length < partition.producers.length) this.#stored.set(partition.id, { ...partition, producers: kept })
    }
  }

  hosted(): Iterable<HostedPartition> {
    return this.#hosted.values()
  }

  /** Every partition that the store has a place for, used since the open or not. */
  *ids(): Iterable<PartitionIdentity> {
    for (const { id, exists } of this.#hosted.values()) if (exists) yield id
    for (const { id } of this.#stored.values()) yield id
  }
}

function emptyPartition(id: PartitionIdentity): StoredPartition {
  return { id, logStartOffset: 0, nextOffset: 0, ceiling: 0, producers: [], maxTimestamp: -1, readOnly: false }
}
