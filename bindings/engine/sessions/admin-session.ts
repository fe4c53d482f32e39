import type { AdminSession, DeletedRecords, PartitionOffsets, RecordsToDelete } from '../../broker/admin-session.ts'
import type {
  GroupDescription,
  GroupDetails,
  PartitionProducers,
  ShareGroupDescription,
  TransactionDescription,
} from '../../broker/descriptions.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { OffsetToCommit } from '../../coordinator/group/commit-request.ts'
import { INTERNAL_TOPIC_IDS } from '../../log/catalogue/topic-ids.ts'
import { byPlace, type Position, type TopicPartition } from '../../model/positions.ts'
import { type ConfigChanges, checkTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { Engine } from '../engine.ts'
import { describeGroup, listGroups, listShareGroups } from './group-descriptions.ts'
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
    return listGroups(this.#opened())
  }

  async describeGroup(groupId: string): Promise<GroupDetails> {
    return describeGroup(this.#opened(), groupId)
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
    return listShareGroups(this.#opened())
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
