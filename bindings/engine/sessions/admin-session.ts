import type { AdminSession, GroupDescription, PartitionOffsets, TopicFacts } from '../../broker/broker.ts'
import { INTERNAL_TOPIC_IDS } from '../../log/catalogue/topic-ids.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import { parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import type { ConfigChanges } from '../commands.ts'
import type { Engine } from '../engine.ts'
import type { SessionHost } from './session-host.ts'

/** Topics, offsets and groups of the log in this process. */
export class EmbeddedAdmin implements AdminSession {
  readonly #broker: SessionHost

  constructor(broker: SessionHost) {
    this.#broker = broker
  }

  /** What is answered from memory is refused like everything else once the log is closed. */
  #opened(): Engine {
    const { engine } = this.#broker
    engine.assertOpen()
    return engine
  }

  async createTopic(name: string, options: { partitions: number; config: TopicConfig }): Promise<void> {
    parseTopicConfig(options.config)
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
    const { groups, catalogue } = this.#opened()
    return groups.list().map(({ groupId, state, generation, members, offsets }) => ({
      groupId,
      state,
      generation,
      members: members.length,
      offsets: offsets.flatMap(({ topicId, partition, nextOffset }) => {
        const topic = catalogue.durable.liveById(topicId)?.name
        return topic === undefined ? [] : [{ topic, partition, nextOffset }]
      }),
    }))
  }

  async setOffsets(groupId: string, positions: readonly Position[]): Promise<void> {
    const offsets = positions.map(({ topic, partition, nextOffset }) => {
      return { topicId: this.#broker.engine.topics.facts(topic).topicId, partition, nextOffset }
    })
    await this.#broker.ask<void>((done) => ({ kind: 'setOffsets', groupId, offsets, done }))
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#broker.ask<void>((done) => ({ kind: 'deleteGroup', groupId, done }))
  }
}
