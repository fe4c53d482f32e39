import type { Broker } from '../../broker/broker.ts'
import type { ReaderSession } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { AbortSignalLike } from '../../model/platform.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { type KeyValue, Layer, SentValues, type StateStore, StateView } from './keyed-state.ts'
import { losesValues } from './lost-values.ts'
import { type PartitionValues, readValues } from './partition-values.ts'

type NamedStore = readonly [name: string, store: StateStore]

/** The stores of one partition, and what the batch at hand changed in them. */
export class Stores {
  readonly #stores: readonly NamedStore[]
  readonly #values: readonly SentValues[]
  /** What state was read from. */
  readonly changelogs: readonly Pick<PartitionValues, 'topic' | 'topicId'>[]
  readonly #partition: number
  /** Records that are handled at once change what the others read. */
  readonly #isConcurrent: boolean
  #batch: Layer[]

  constructor(
    stores: readonly NamedStore[],
    values: readonly PartitionValues[],
    partition: number,
    isConcurrent: boolean,
  ) {
    this.#isConcurrent = isConcurrent
    this.#stores = stores
    this.changelogs = values
    this.#values = values.map((each) => new SentValues(each))
    this.#partition = partition
    this.#batch = this.#begin()
  }

  #begin(): Layer[] {
    return this.#values.map((values) => new Layer(values, false))
  }

  /** For one try of one record. */
  layers(): Layer[] {
    return this.#batch.map((layer) => new Layer(layer, this.#isConcurrent))
  }

  views(layers: readonly Layer[]): Record<string, KeyValue<never, never>> {
    const views: Record<string, KeyValue<never, never>> = {}
    this.#stores.forEach(([name, { changelog }], index) => {
      views[name] = new StateView(changelog, this.#partition, layers[index] as Layer)
    })
    return views
  }

  /** Another record changed what this try read, since it did. */
  areStale(layers: readonly Layer[]): boolean {
    return this.#isConcurrent && layers.some((layer) => layer.isStale)
  }

  /** The try succeeded, on what still holds. */
  take(layers: readonly Layer[]): void {
    layers.forEach((layer, index) => {
      this.#batch[index]?.take(layer)
    })
  }

  /** Of the whole batch, or of one try, as records of their changelogs. */
  changes(layers: readonly Layer[] = this.#batch): ProducerRecord[] {
    const records: ProducerRecord[] = []
    for (const layer of layers) layer.addRecords(records)
    return records
  }

  /** The batch is in a transaction whose commit is under way; the next one goes on from it. */
  sent(): void {
    this.#values.forEach((values, index) => {
      values.sent = this.#batch[index]
    })
    this.#batch = this.#begin()
  }

  /** What was sent holds. */
  committed(): void {
    for (const values of this.#values) values.committed()
  }
}

/** State by partition: restored from the changelogs when a partition is first worked on, forgotten when it is given up. */
export class StatePartitions {
  readonly #broker: Broker
  readonly #stores: readonly NamedStore[]
  readonly #isConcurrent: boolean
  readonly #partitions: Map<number, Stores> = new Map()
  /** Knows topics without a question as long as none changed. */
  readonly #topics: Pick<ReaderSession, 'topic'>

  constructor(broker: Broker, stores: readonly NamedStore[], isConcurrent: boolean) {
    this.#isConcurrent = isConcurrent
    this.#broker = broker
    this.#topics = broker.openReader()
    this.#stores = stores
  }

  /**
   * INVALID_CONFIG for inputs with different numbers of partitions, whose equal keys and partitions would not meet in one
   * member, and for a changelog with fewer partitions than they have, or from which values go by their age alone.
   */
  async check(topics: readonly string[]): Promise<void> {
    if (this.#stores.length === 0) return
    const facts = await Promise.all(topics.map((topic) => this.#broker.admin.describeTopic(topic)))
    const needed = Math.max(...facts.map(({ partitions }) => partitions))
    for (const { topic, partitions } of facts) {
      if (partitions === needed) continue
      const message = `the topic "${topic}" has ${partitions} partitions, another input of the same state ${needed}`
      throw new LogError('INVALID_CONFIG', message, { topic, partitions, needed })
    }
    for (const [name, { changelog }] of this.#stores) {
      const { partitions, config } = await this.#broker.admin.describeTopic(changelog.name)
      if (partitions < needed) {
        const message = `the changelog of state "${name}" has ${partitions} partitions, its input ${needed}`
        throw new LogError('INVALID_CONFIG', message, { topic: changelog.name, partitions, needed })
      }
      if (!losesValues(config)) continue
      const message = `the changelog of state "${name}" would lose it by retention: "${changelog.name}" needs cleanup.policy compact`
      throw new LogError('INVALID_CONFIG', message, { topic: changelog.name, key: 'cleanup.policy' })
    }
  }

  /**
   * INVALID_CONFIG where this member has a partition of one input without the same one of the others: they were shared while
   * their numbers of partitions differed, or by a member that reads other topics.
   */
  checkShare(topics: readonly string[], assigned: readonly TopicPartition[]): void {
    if (this.#stores.length === 0) return
    for (const { partition } of assigned) {
      const topic = topics.find((each) => !assigned.some((at) => at.topic === each && at.partition === partition))
      if (topic === undefined) continue
      const message = `partition ${partition} of "${topic}" and of another input of the same state are with two members`
      throw new LogError('INVALID_CONFIG', message, { topic, partition })
    }
  }

  /** Waits for transactions that anybody has open in the changelogs: behind their first record state is committed too. */
  async of(partition: number, signal: AbortSignalLike): Promise<Stores> {
    const known = this.#partitions.get(partition)
    if (known !== undefined) return known
    const values: PartitionValues[] = []
    for (const [, { changelog }] of this.#stores)
      values.push(...(await readValues(this.#broker, changelog.name, [partition], 'highWatermark', signal)))
    const stores = new Stores(this.#stores, values, partition, this.#isConcurrent)
    this.#partitions.set(partition, stores)
    return stores
  }

  /** Asked once all is sent. UNKNOWN_TOPIC_ID where a changelog was made again since state was read: it has none of that. */
  async assertThere(stores: Stores): Promise<void> {
    for (const { topic, topicId } of stores.changelogs) {
      if ((await this.#topics.topic(topic)).topicId === topicId) continue
      const message = `the changelog "${topic}" of state was deleted: one that has its name now is another`
      throw new LogError('UNKNOWN_TOPIC_ID', message, { topic, topicId })
    }
  }

  /** It is another's from now on, or what is known of it may be wrong. */
  forget(partitions: readonly number[]): void {
    for (const partition of partitions) this.#partitions.delete(partition)
  }
}
