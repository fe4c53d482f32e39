import type { Broker } from '../../broker/broker.ts'
import type { ReaderSession } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { AbortSignalLike } from '../../model/platform.ts'
import { placeKey, type TopicPartition } from '../../model/positions.ts'
import { abortable } from '../signals.ts'
import { losesValues } from './lost-values.ts'
import { type NamedStore, PartitionState } from './partition-state.ts'
import { type PartitionValues, readValues } from './partition-values.ts'

/**
 * The state of each partition: restored from the changelogs when the partition is first worked on, forgotten when it is
 * given up.
 */
export class RestoredStates {
  readonly #broker: Broker
  readonly #stores: readonly NamedStore[]
  readonly #isConcurrent: boolean
  readonly #partitions: Map<number, PartitionState> = new Map()
  /** Answers from memory as long as no topic has changed. */
  readonly #topics: Pick<ReaderSession, 'topic'>
  /** How many partitions the inputs have. */
  #needed = 0

  constructor(broker: Broker, stores: readonly NamedStore[], isConcurrent: boolean) {
    this.#isConcurrent = isConcurrent
    this.#broker = broker
    this.#topics = broker.openReader()
    this.#stores = stores
  }

  /**
   * INVALID_CONFIG for inputs with different numbers of partitions, as equal keys would not meet in one member; and for
   * a changelog with fewer partitions than the inputs have, or one that loses values by their age alone.
   */
  async check(topics: readonly string[]): Promise<void> {
    if (this.#stores.length === 0) return
    const facts = await Promise.all(topics.map((topic) => this.#broker.admin.describeTopic(topic)))
    const needed = Math.max(...facts.map(({ partitions }) => partitions))
    this.#needed = needed
    for (const { topic, partitions } of facts) {
      if (partitions === needed) continue
      const message = `the topic "${topic}" has ${partitions} partitions, another input of the same state ${needed}`
      throw new LogError('INVALID_CONFIG', message, { topic, partitions, needed })
    }
    await this.#checkChangelogs()
  }

  async #checkChangelogs(): Promise<void> {
    const needed = this.#needed
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
   * INVALID_CONFIG where this member has a partition of one input without the same partition of the others: they were
   * assigned while their numbers of partitions differed, or with a member that reads other topics. `revoked`: what it
   * is about to give up of `assigned`.
   */
  checkShare(
    topics: readonly string[],
    assigned: readonly TopicPartition[],
    revoked: readonly TopicPartition[] = [],
  ): void {
    if (this.#stores.length === 0) return
    const held = new Map(assigned.map((each) => [placeKey(each), each]))
    for (const each of revoked) held.delete(placeKey(each))
    for (const { partition } of held.values()) {
      const topic = topics.find((each) => !held.has(placeKey({ topic: each, partition })))
      if (topic === undefined) continue
      const message = `partition ${partition} of "${topic}" and of another input of the same state are with two members`
      throw new LogError('INVALID_CONFIG', message, { topic, partition })
    }
  }

  /** Whether it was restored, and not forgotten since. */
  has(partition: number): boolean {
    return this.#partitions.has(partition)
  }

  /**
   * The partition's state, restored at its first use. Waits for all open transactions in the changelogs: committed
   * state may lie after their first record.
   */
  async of(partition: number, signal: AbortSignalLike): Promise<PartitionState> {
    const known = this.#partitions.get(partition)
    if (known !== undefined) return known
    // One that was made again since the last check is another topic.
    await abortable(this.#checkChangelogs(), signal)
    const values: PartitionValues[] = []
    for (const [, { changelog }] of this.#stores)
      values.push(...(await readValues(this.#broker, changelog.name, [partition], 'highWatermark', signal)))
    const state = new PartitionState(this.#stores, values, partition, this.#isConcurrent)
    this.#partitions.set(partition, state)
    return state
  }

  /**
   * Called once all is sent. Rejects with UNKNOWN_TOPIC_ID where a changelog was deleted and created again since the
   * state was read: the new one has none of that state.
   */
  async assertThere(state: PartitionState): Promise<void> {
    for (const { topic, topicId } of state.changelogs) {
      if ((await this.#topics.topic(topic)).topicId === topicId) continue
      const message = `the changelog "${topic}" of state was deleted: one that has its name now is another`
      throw new LogError('UNKNOWN_TOPIC_ID', message, { topic, topicId })
    }
  }

  /** Another member has these partitions from now on, or what is known of their state may be wrong. */
  forget(partitions: readonly number[]): void {
    for (const partition of partitions) this.#partitions.delete(partition)
  }
}
