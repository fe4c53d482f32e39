import type { AdminSession, DeletedRecords, PartitionOffsets, RecordsToDelete } from '../../broker/admin-session.ts'
import type {
  GroupDescription,
  GroupDetails,
  GroupOffset,
  PartitionProducers,
  ShareGroupDescription,
  ShareGroupOffset,
  TransactionDescription,
} from '../../broker/descriptions.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { OffsetToCommit } from '../../coordinator/group/commit-request.ts'
import type { GroupFacts } from '../../coordinator/group/groups.ts'
import type { ShareFacts } from '../../coordinator/share/share-groups.ts'
import { INTERNAL_TOPIC_IDS } from '../../log/catalogue/topic-ids.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import { type ConfigChanges, checkTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { Engine } from '../engine.ts'
import type { HostedPartition } from '../hosted-partition.ts'
import type { SessionHost } from './session-host.ts'

/** Topics, offsets, groups and transactions of the log in this process. */
export class EmbeddedAdmin implements AdminSession {
  readonly #broker: SessionHost

  constructor(broker: SessionHost) {
    this.#broker = broker
  }

  /** Throws after a close, also where the answer is in memory. */
  #opened(): Engine {
    const { engine } = this.#broker
    engine.assertOpen()
    return engine
  }

  async backup(directory: string): Promise<void> {
    this.#opened()
    const target = this.#broker.backupTarget(directory)
    try {
      await this.#broker.ask<void>((done) => ({ kind: 'backup', target, done }))
    } finally {
      await target.store.close()
    }
  }

  async createTopic(name: string, options: { partitions: number; config: TopicConfig }): Promise<void> {
    checkTopicConfig(options.config)
    const topicId = this.#broker.newTopicId()
    await this.#broker.ask<void>((done) => ({ kind: 'createTopic', topicId, name, ...options, done }))
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#broker.ask<void>((done) => ({ kind: 'deleteTopic', name, done }))
  }

  async listTopics({ internal }: { internal: boolean }): Promise<readonly string[]> {
    const { catalogue, topics } = this.#opened()
    const own = Object.keys(INTERNAL_TOPIC_IDS).filter((name) => internal && topics.partition(name, 0).exists)
    return [...own, ...catalogue.durable.live().map((topic) => topic.name)].sort()
  }

  async describeTopic(name: string): Promise<TopicFacts> {
    return this.#opened().topics.facts(name)
  }

  async createPartitions(name: string, totalCount: number): Promise<void> {
    await this.#broker.ask<void>((done) => ({ kind: 'createPartitions', name, totalCount, done }))
  }

  async alterConfig(name: string, changes: ConfigChanges): Promise<void> {
    await this.#broker.ask<void>((done) => ({ kind: 'alterConfig', name, changes, done }))
  }

  async deleteRecords(at: readonly RecordsToDelete[]): Promise<readonly DeletedRecords[]> {
    const starts = await this.#broker.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
    return at.map(({ topic, partition }, index) => ({ topic, partition, lowWatermark: starts[index] as number }))
  }

  async offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]> {
    const { topics } = this.#opened()
    return at.map(({ topic, partition }) => {
      const hosted = topics.partition(topic, partition)
      const { watermarks, lastStableOffset } = hosted.partition
      const { logStartOffset, highWatermark } = watermarks
      return { topic, partition, logStartOffset, highWatermark, lastStableOffset }
    })
  }

  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly (number | undefined)[]> {
    return this.#broker.ask((done) => ({ kind: 'offsetsForTimestamp', at, timestamp, done }))
  }

  async listGroups(): Promise<readonly GroupDescription[]> {
    const { groups } = this.#opened()
    return groups.list().map(({ groupId, state, generation, members, offsets }) => {
      return { groupId, state, generation, members: members.length, offsets: this.#positions(offsets) }
    })
  }

  /** The offsets of topics that still exist, by each topic's present name. */
  #positions(offsets: GroupFacts['offsets']): Position[] {
    const { catalogue } = this.#broker.engine
    return offsets.flatMap(({ topicId, partition, nextOffset }) => {
      const topic = catalogue.durable.liveById(topicId)?.name
      return topic === undefined ? [] : [{ topic, partition, nextOffset }]
    })
  }

  async describeGroup(groupId: string): Promise<GroupDetails> {
    const group = this.#opened().groups.describe(groupId)
    if (group === undefined) throw new LogError('GROUP_ID_NOT_FOUND', `no group "${groupId}"`, { groupId })
    const { state, generation, members, offsets } = group
    return {
      ...{ groupId, state, generation },
      members: members.map(({ memberId, topics, assignment }) => ({ memberId, topics, partitions: assignment })),
      offsets: this.#groupOffsets(
        this.#positions(offsets),
        members.flatMap(({ topics }) => topics),
      ),
    }
  }

  /**
   * All partitions of these topics, and those of committed offsets. A partition that the group hasn't begun to read has
   * all of its records as lag.
   */
  #groupOffsets(committed: readonly Position[], subscribed: readonly string[]): GroupOffset[] {
    const { catalogue, topics } = this.#broker.engine
    const isThere = (name: string) =>
      catalogue.durable.byName(name) !== undefined || Object.hasOwn(INTERNAL_TOPIC_IDS, name)
    const names = new Set([...committed.map(({ topic }) => topic), ...subscribed.filter(isThere)])
    const nextOffsets = new Map(committed.map((at) => [`${at.topic}/${at.partition}`, at.nextOffset]))
    return [...names].sort().flatMap((topic) => {
      return topics.partitionsOf(topic).map((hosted) => {
        return this.#groupOffset(hosted, nextOffsets.get(`${topic}/${hosted.id.partition}`))
      })
    })
  }

  #groupOffset(hosted: HostedPartition, nextOffset: number | undefined): GroupOffset {
    const { lastStableOffset, oldestOpenProducer, watermarks } = hosted.partition
    const { topic, partition } = hosted.id
    const isHeld = oldestOpenProducer !== undefined
    return {
      ...{ topic, partition, nextOffset },
      lag: Math.max(0, this.#stableEnd(hosted) - (nextOffset ?? watermarks.logStartOffset)),
      heldBack: isHeld ? watermarks.nextOffset - lastStableOffset : 0,
      heldBackBy: isHeld ? this.#broker.engine.transactions.idOf(oldestOpenProducer) : undefined,
    }
  }

  /**
   * The offset after the last batch below the last stable offset: above it may be offsets that an unclean end left
   * unused, which nobody reads (durability rule 5).
   */
  #stableEnd({ id, partition }: HostedPartition): number {
    const { lastStableOffset, watermarks } = partition
    const last = this.#broker.engine.store.ranges(id).at(-1)
    return Math.min(lastStableOffset, last?.nextOffset ?? watermarks.logStartOffset)
  }

  async setOffsets(groupId: string, positions: readonly Position[]): Promise<void> {
    const offsets = this.#byTopicId(positions)
    await this.#broker.ask<void>((done) => ({ kind: 'setOffsets', groupId, offsets, done }))
  }

  #byTopicId(positions: readonly Position[]): OffsetToCommit[] {
    const { topics } = this.#opened()
    return positions.map(({ topic, partition, nextOffset }) => {
      return { topicId: topics.facts(topic).topicId, topic, partition, nextOffset }
    })
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#broker.ask<void>((done) => ({ kind: 'deleteGroup', groupId, done }))
  }

  async listShareGroups(): Promise<readonly ShareGroupDescription[]> {
    const byGroup = new Map<string, ShareGroupOffset[]>()
    for (const facts of this.#opened().shares.facts()) {
      const offsets = byGroup.get(facts.groupId) ?? []
      offsets.push(...this.#shareOffset(facts))
      byGroup.set(facts.groupId, offsets)
    }
    return [...byGroup]
      .map(([groupId, offsets]) => ({ groupId, offsets: offsets.sort(byPlace) }))
      .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
  }

  /** `undefined` if the topic is gone. */
  #shareOffset({ topicId, partition, ...facts }: ShareFacts): ShareGroupOffset[] {
    const { catalogue, topics } = this.#broker.engine
    const topic = catalogue.durable.liveById(topicId)?.name
    if (topic === undefined) return []
    const hosted = topics.partition(topic, partition)
    // Deleted records count as finished, though the group may notice only when it looks the next time.
    const startOffset = Math.max(facts.startOffset, hosted.partition.watermarks.logStartOffset)
    const lag = facts.unfinishedBetween(startOffset, this.#stableEnd(hosted))
    return [{ topic, partition, startOffset, lag, acquired: facts.acquiredCount }]
  }

  async startShareGroup(groupId: string, positions: readonly Position[]): Promise<void> {
    const at = this.#byTopicId(positions)
    await this.#broker.ask<void>((done) => ({ kind: 'startShareGroup', groupId, at, done }))
  }

  async deleteShareGroup(groupId: string): Promise<void> {
    await this.#broker.ask<void>((done) => ({ kind: 'deleteShareGroup', groupId, done }))
  }

  async listTransactions(): Promise<readonly TransactionDescription[]> {
    const { topics, transactions } = this.#opened()
    // Another topic may have the name of a deleted one: its partition would be named twice.
    const isThere = (id: PartitionIdentity) => topics.find(id) !== undefined || topics.stored(id) !== undefined
    return transactions.list().map(({ startMs, partitions, ...facts }) => ({
      ...facts,
      startTimestamp: startMs < 0 ? undefined : startMs,
      partitions: partitions
        .filter(isThere)
        .map(({ topic, partition }) => ({ topic, partition }))
        .sort(byPlace),
    }))
  }

  async describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]> {
    const { topics, transactions } = this.#opened()
    return at.map(({ topic, partition }) => {
      const producers = [...topics.partition(topic, partition).partition.producers()]
      return {
        ...{ topic, partition },
        producers: producers.map(
          ({ producerId, producerEpoch, batches, currentTransactionFirstOffset, markerTimestamp = -1 }) => ({
            ...{ producerId, producerEpoch },
            lastSequence: batches.at(-1)?.lastSequence ?? -1,
            lastTimestamp: batches.at(-1)?.timestamp ?? markerTimestamp,
            currentTransactionStartOffset:
              currentTransactionFirstOffset < 0 ? undefined : currentTransactionFirstOffset,
            transactionalId: transactions.idOf(producerId),
          }),
        ),
      }
    })
  }

  async abortTransaction(transactionalId: string): Promise<void> {
    await this.#broker.ask((done) => ({ kind: 'abortTransaction', transactionalId, done }))
  }

  async fenceProducer(transactionalId: string): Promise<void> {
    await this.#broker.ask((done) => ({ kind: 'fenceProducer', transactionalId, done }))
  }
}

function byPlace(a: TopicPartition, b: TopicPartition): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
}
