import type { AdminSession, PartitionOffsets, Unread } from '../../bindings/broker/admin-session.ts'
import type { GroupDescription } from '../../bindings/broker/descriptions.ts'
import type { TopicFacts } from '../../bindings/broker/topic-facts.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { IsolationLevel, Position, TopicPartition } from '../../bindings/model/positions.ts'
import type { TopicConfig } from '../../bindings/model/topic-config.ts'
import type { FakeBroker } from './fake-broker.ts'
import { FakePartition } from './fake-partition.ts'
import { keyOf } from './fake-readers.ts'

export class FakeAdmin implements AdminSession {
  readonly #broker: FakeBroker

  constructor(broker: FakeBroker) {
    this.#broker = broker
  }

  async backup(): Promise<void> {}

  async createTopic(name: string, { partitions, config }: { partitions: number; config: TopicConfig }): Promise<void> {
    this.#broker.create(name, partitions, config)
  }

  async deleteTopic(name: string): Promise<void> {
    this.#broker.facts(name)
    this.#broker.topics.delete(name)
    this.#broker.moved()
  }

  async listTopics(): Promise<readonly string[]> {
    return [...this.#broker.topics.keys()].sort()
  }

  async describeTopic(name: string): Promise<TopicFacts> {
    return this.#broker.facts(name)
  }

  async createPartitions(name: string, totalCount: number): Promise<void> {
    const topic = this.#broker.topics.get(name)
    if (topic === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `no topic "${name}"`)
    while (topic.partitions.length < totalCount) topic.partitions.push(new FakePartition())
    topic.facts = { ...topic.facts, partitions: totalCount }
  }

  async alterConfig(
    name: string,
    changes: { readonly [key: string]: string | number | boolean | null },
  ): Promise<void> {
    const topic = this.#broker.topics.get(name)
    if (topic === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `no topic "${name}"`)
    topic.facts = { ...topic.facts, config: { ...topic.facts.config, ...changes } as TopicConfig }
  }

  async offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]> {
    return at.map((place) => {
      const { logStartOffset, endOffset, lastStableOffset } = this.#broker.partition(place)
      return { ...place, logStartOffset, highWatermark: endOffset, lastStableOffset: lastStableOffset ?? endOffset }
    })
  }

  async unread(at: readonly Position[], isolationLevel: IsolationLevel): Promise<readonly Unread[]> {
    const ends = await this.offsets(at)
    return at.map(({ nextOffset }, index) => {
      const { highWatermark = 0, lastStableOffset = 0 } = ends[index] ?? {}
      const endOffset = isolationLevel === 'read_committed' ? lastStableOffset : highWatermark
      return { nextOffset: Math.min(nextOffset, endOffset), endOffset }
    })
  }

  async offsetsForTimestamp(
    at: readonly TopicPartition[],
    timestamp: number,
  ): Promise<readonly (number | undefined)[]> {
    return at.map((place) => {
      for (const batch of this.#broker.partition(place).batches) {
        for (let index = 0; index < batch.recordCount; index++) {
          if (batch.timestampOf(index) >= timestamp) return batch.offsetOf(index)
        }
      }
      return undefined
    })
  }

  async listGroups(): Promise<readonly GroupDescription[]> {
    return [...this.#broker.groups].map(([groupId, { generation, member, offsets }]) => ({
      groupId,
      state: member === undefined ? ('Empty' as const) : ('Stable' as const),
      generation,
      members: member === undefined ? 0 : 1,
      offsets: [...offsets.values()],
    }))
  }

  async setOffsets(groupId: string, positions: readonly Position[]): Promise<void> {
    for (const position of positions) this.#broker.group(groupId).offsets.set(keyOf(position), position)
  }

  async deleteGroup(groupId: string): Promise<void> {
    this.#broker.groups.delete(groupId)
  }

  async deleteRecords(): Promise<never> {
    throw new Error('not faked')
  }

  // Of these the fake knows nothing: they are tested over the engine (admin-transactions.test.ts, share-admin.test.ts).
  async describeGroup(): Promise<never> {
    throw this.#unknown()
  }

  async listShareGroups(): Promise<never> {
    throw this.#unknown()
  }

  async startShareGroup(): Promise<never> {
    throw this.#unknown()
  }

  async deleteShareGroup(): Promise<never> {
    throw this.#unknown()
  }

  async listTransactions(): Promise<never> {
    throw this.#unknown()
  }

  async describeProducers(): Promise<never> {
    throw this.#unknown()
  }

  async abortTransaction(): Promise<never> {
    throw this.#unknown()
  }

  async fenceProducer(): Promise<never> {
    throw this.#unknown()
  }

  #unknown(): LogError {
    return new LogError('INVALID_REQUEST', 'the fake broker knows no transactions')
  }
}
