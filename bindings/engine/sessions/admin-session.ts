import type {
  AdminSession,
  DeletedRecords,
  PartitionOffsets,
  RecordsToDelete,
  Unread,
} from '../../broker/admin-session.ts'
import type {
  GroupDescription,
  GroupDetails,
  PartitionProducers,
  ShareGroupDescription,
  TransactionDescription,
} from '../../broker/descriptions.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { OffsetToCommit } from '../../coordinator/group/commit-request.ts'
import { INTERNAL_TOPIC_IDS } from '../../log/catalogue/topic-ids.ts'
import { LogError } from '../../model/errors.ts'
import type { IsolationLevel, Position, TopicPartition } from '../../model/positions.ts'
import { type ConfigChanges, checkTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import type { Engine } from '../engine.ts'
import { describeGroup, listGroups, listShareGroups, readFrom, sharePlaces, withLag } from './group-descriptions.ts'
import type { SessionHost } from './session-host.ts'
import { describeProducers, listTransactions } from './transaction-descriptions.ts'

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

  #look<T>(look: (engine: Engine) => T): Promise<T> {
    return this.#broker.tell(() => look(this.#opened()))
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

  listTopics({ internal }: { internal: boolean }): Promise<readonly string[]> {
    return this.#look(({ catalogue, topics }) => {
      const own = Object.keys(INTERNAL_TOPIC_IDS).filter((name) => internal && topics.partition(name, 0).exists)
      return [...own, ...catalogue.durable.live().map((topic) => topic.name)].sort()
    })
  }

  describeTopic(name: string): Promise<TopicFacts> {
    return this.#look(({ topics }) => topics.facts(name))
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

  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]> {
    return this.#look(({ topics }) =>
      at.map(({ topic, partition }) => {
        const { watermarks, lastStableOffset } = topics.partition(topic, partition).partition
        const { logStartOffset, highWatermark } = watermarks
        return { topic, partition, logStartOffset, highWatermark, lastStableOffset }
      }),
    )
  }

  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly (number | undefined)[]> {
    return this.#broker.ask((done) => ({ kind: 'offsetsForTimestamp', at, timestamp, done }))
  }

  unread(at: readonly Position[], isolationLevel: IsolationLevel): Promise<readonly Unread[]> {
    return this.#broker.ask((done) => ({ kind: 'unread', at, isolationLevel, done }))
  }

  listGroups(): Promise<readonly GroupDescription[]> {
    return this.#look(listGroups)
  }

  describeGroup(groupId: string): Promise<GroupDetails> {
    return this.#whileTopicsStay(async () => {
      const { offsets, ...group } = await this.#look((engine) => describeGroup(engine, groupId))
      const unread = await this.unread(offsets.map(readFrom), 'read_committed')
      return { ...group, offsets: offsets.map((each, index) => withLag(each, unread[index] as Unread)) }
    })
  }

  /** What is read of partitions takes time: where a topic is deleted meanwhile, `describe` begins anew without it. */
  async #whileTopicsStay<T>(describe: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await describe()
      } catch (error) {
        if (!LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
      }
    }
  }

  async setOffsets(groupId: string, positions: readonly TopicPosition[]): Promise<void> {
    const offsets = this.#byTopicId(positions)
    await this.#broker.ask<void>((done) => ({ kind: 'setOffsets', groupId, offsets, done }))
  }

  #byTopicId(positions: readonly TopicPosition[]): OffsetToCommit[] {
    const { topics } = this.#opened()
    return positions.map(({ topic, topicId, partition, nextOffset }) => {
      return { topicId: topicId ?? topics.facts(topic).topicId, topic, partition, nextOffset }
    })
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#broker.ask<void>((done) => ({ kind: 'deleteGroup', groupId, done }))
  }

  listShareGroups(): Promise<readonly ShareGroupDescription[]> {
    return this.#whileTopicsStay(async () => {
      const places = await this.#look(sharePlaces)
      const at = places.map(({ place }) => place)
      const groups = listShareGroups(places, await this.unread(at, 'read_committed'))
      // What members have done since the last commit is in memory already.
      await this.#broker.ask<void>((done) => ({ kind: 'awaitDecisions', done }))
      return groups
    })
  }

  async startShareGroup(groupId: string, positions: readonly TopicPosition[]): Promise<void> {
    const at = this.#byTopicId(positions)
    await this.#broker.ask<void>((done) => ({ kind: 'startShareGroup', groupId, at, done }))
  }

  async deleteShareGroup(groupId: string): Promise<void> {
    await this.#broker.ask<void>((done) => ({ kind: 'deleteShareGroup', groupId, done }))
  }

  listTransactions(): Promise<readonly TransactionDescription[]> {
    return this.#look(listTransactions)
  }

  describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]> {
    return this.#look((engine) => describeProducers(engine, at))
  }

  async abortTransaction(transactionalId: string): Promise<void> {
    await this.#broker.ask((done) => ({ kind: 'abortTransaction', transactionalId, done }))
  }

  async fenceProducer(transactionalId: string): Promise<void> {
    await this.#broker.ask((done) => ({ kind: 'fenceProducer', transactionalId, done }))
  }
}
