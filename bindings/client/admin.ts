import type { AdminSession, GroupDescription, PartitionOffsets, TopicFacts } from '../broker/broker.ts'
import { LogError } from '../model/errors.ts'
import { assertTopicName } from '../model/names.ts'
import type { Position, TopicPartition } from '../model/positions.ts'
import type { TopicConfig } from '../model/topic-config.ts'
import type { Topic } from './topic/topic.ts'

/** Topics, offsets and groups. Every call rejects with LOG_CLOSED once the log is closed. */
export interface Admin {
  /**
   * Creates a topic, with one partition unless said. Durable when it resolves. Rejects with INVALID_TOPIC_EXCEPTION,
   * TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_CONFIG. Nothing else creates topics but `open(…, { topics })`.
   */
  createTopic(
    name: string,
    options?: { partitions?: number | undefined; config?: TopicConfig | undefined },
  ): Promise<void>
  /** Deletes a topic with its records and every committed offset of it. Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  deleteTopic(name: string): Promise<void>
  /** Names of the users' topics, sorted. */
  listTopics(): Promise<readonly string[]>
  /** Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  describeTopic(name: string): Promise<TopicDescription>
  /** Adds partitions until there are `totalCount`. Keys may move to other partitions then. INVALID_PARTITIONS. */
  createPartitions(name: string, totalCount: number): Promise<void>
  /** Sets the named keys and leaves the others; `null` puts a key back to its default. INVALID_CONFIG. */
  alterConfig(name: string, changes: { readonly [key: string]: string | number | boolean | null }): Promise<void>
  /** Start and end of partitions. */
  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]>
  /** Position of the first record at or after a time, in milliseconds since 1970; the end where there is none. */
  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly Position[]>
  /** Groups that have members or committed offsets. */
  listGroups(): Promise<readonly GroupDescription[]>
}

export interface TopicDescription {
  readonly name: string
  /** Kafka's 22 characters; a topic that is created again gets another. */
  readonly topicId: string
  readonly partitions: number
  /** What was set; keys that aren't here have their defaults. */
  readonly config: TopicConfig
}

export class LogAdmin implements Admin {
  readonly #session: AdminSession

  constructor(session: AdminSession) {
    this.#session = session
  }

  async createTopic(
    name: string,
    { partitions = 1, config = {} }: { partitions?: number | undefined; config?: TopicConfig | undefined } = {},
  ): Promise<void> {
    assertTopicName(name)
    await this.#session.createTopic(name, { partitions, config })
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#session.deleteTopic(name)
  }

  listTopics(): Promise<readonly string[]> {
    return this.#session.listTopics({ internal: false })
  }

  async describeTopic(name: string): Promise<TopicDescription> {
    return described(await this.#session.describeTopic(name))
  }

  async createPartitions(name: string, totalCount: number): Promise<void> {
    await this.#session.createPartitions(name, totalCount)
  }

  async alterConfig(
    name: string,
    changes: { readonly [key: string]: string | number | boolean | null },
  ): Promise<void> {
    await this.#session.alterConfig(name, changes)
  }

  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]> {
    return this.#session.offsets(at)
  }

  async offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly Position[]> {
    const found = await this.#session.offsetsForTimestamp(at, timestamp)
    const ends = await this.#session.offsets(at)
    return ends.map(({ topic, partition, highWatermark }, index) => {
      return { topic, partition, nextOffset: found[index] ?? highWatermark }
    })
  }

  listGroups(): Promise<readonly GroupDescription[]> {
    return this.#session.listGroups()
  }
}

function described({ topic, topicId, partitions, config }: TopicFacts): TopicDescription {
  return { name: topic, topicId, partitions, config }
}

/** Creates what is missing, leaves what exists; INVALID_CONFIG where an existing topic differs from its declaration. */
export async function ensureTopics(session: AdminSession, topics: readonly Topic[]): Promise<void> {
  const existing = await session.listTopics({ internal: false })
  for (const { name, partitions, config } of topics) {
    if (!existing.includes(name)) {
      await session.createTopic(name, { partitions: partitions ?? 1, config: config ?? {} })
      continue
    }
    const facts = await session.describeTopic(name)
    const differs =
      partitions !== undefined && partitions !== facts.partitions ? 'partitions' : differingKey(config, facts)
    if (differs === undefined) continue
    const message = `topic "${name}" exists with another value of ${differs}`
    throw new LogError('INVALID_CONFIG', message, { topic: name, key: differs })
  }
}

function differingKey(config: TopicConfig | undefined, facts: TopicFacts): string | undefined {
  const asText = (value: unknown) => (value === undefined ? undefined : String(value))
  return Object.keys(config ?? {}).find((key) => asText(config?.[key]) !== asText(facts.config[key]))
}
