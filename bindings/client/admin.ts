import type { AdminSession, DeletedRecords, PartitionOffsets, RecordsToDelete } from '../broker/admin-session.ts'
import type {
  GroupDescription,
  GroupDetails,
  PartitionProducers,
  ShareGroupDescription,
  TransactionDescription,
} from '../broker/descriptions.ts'
import type { TopicFacts } from '../broker/topic-facts.ts'
import { LogError } from '../model/errors.ts'
import { assertTopicName, assertUserTopicName } from '../model/names.ts'
import type { Position, TopicPartition } from '../model/positions.ts'
import { parseTopicConfig, type TopicConfig } from '../model/topic-config.ts'
import { assertOptions, type OptionNames } from './options.ts'
import { checkPlace, checkPositions } from './places.ts'
import {
  consumerGroup,
  type OffsetReset,
  type ResetOptions,
  type ResetPoint,
  resetOffsets,
  shareGroup,
} from './reset-offsets.ts'
import { startPositions } from './start-point.ts'
import { HOW_TO_DECLARE, isDeclared, type Topic } from './topic/topic.ts'

/** Topics, offsets, groups, transactions and producers. Every call rejects with LOG_CLOSED once the log is closed. */
export interface Admin {
  /**
   * Creates a topic, with one partition unless said. Durable when it resolves. Names follow Kafka's rules; those that start
   * with __ are the log's own, here and below. Rejects with INVALID_TOPIC_EXCEPTION,
   * TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_CONFIG. Nothing else creates topics but `open(…, { topics })`.
   */
  createTopic(
    name: string,
    options?: { partitions?: number | undefined; config?: TopicConfig | undefined },
  ): Promise<void>
  /**
   * Deletes a topic with its records and every committed offset of it; durable when it resolves. Consumers and readers of it
   * reject with UNKNOWN_TOPIC_OR_PARTITION from then on. Rejects with UNKNOWN_TOPIC_OR_PARTITION.
   */
  deleteTopic(name: string): Promise<void>
  /** Names of the users' topics, sorted. */
  listTopics(): Promise<readonly string[]>
  /** The topic as it is now. Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  describeTopic(name: string): Promise<TopicDescription>
  /**
   * Adds partitions until there are `totalCount`; durable when it resolves. New records of a key may go to another
   * partition from then on. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS.
   */
  createPartitions(name: string, totalCount: number): Promise<void>
  /**
   * Sets the named keys and leaves the others; `null` puts a key back to its default. Durable when it resolves. Rejects
   * with UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG.
   */
  alterConfig(name: string, changes: { readonly [key: string]: string | number | boolean | null }): Promise<void>
  /**
   * Deletes the records before an offset in each partition named, -1 for all that are visible: in none where one is refused.
   * Durable when it resolves, with where each begins now, in the order asked. Readers below that reject with
   * OFFSET_OUT_OF_RANGE or reset, as configured; files go soon after, a whole segment at a time, and that of the newest records, as in
   * Kafka, only when a later one has begun. All are decided with one flush where a frame holds them (some 300 partitions). Rejects with OFFSET_OUT_OF_RANGE
   * beyond the high watermark, POLICY_VIOLATION for `cleanup.policy` `compact`, UNKNOWN_TOPIC_OR_PARTITION, LOG_READ_ONLY,
   * INVALID_REQUEST.
   */
  deleteRecords(records: readonly RecordsToDelete[]): Promise<readonly DeletedRecords[]>
  /** Start and ends of partitions, in the order asked. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST. */
  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]>
  /**
   * Positions of the first record at or after a time, in milliseconds since 1970, in the order asked; the end where there
   * is none. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly Position[]>
  /** Groups that have members or committed offsets, with both. */
  listGroups(): Promise<readonly GroupDescription[]>
  /**
   * Where a group goes on, set by hand, for the partitions named; durable when it resolves. Its members must have left
   * (NON_EMPTY_GROUP): they would go on from where they are. A group that isn't there begins with it. Rejects with
   * INVALID_GROUP_ID, UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  setOffsets(groupId: string, positions: readonly Position[]): Promise<void>
  /** Forgets a group, its offsets and its generations. Rejects with INVALID_GROUP_ID, NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND. */
  deleteGroup(groupId: string): Promise<void>
  /**
   * Members with what they read, and where the group goes on in each partition of its topics, committed or not: how far behind it is,
   * and which open transaction holds it back. Rejects with INVALID_GROUP_ID, GROUP_ID_NOT_FOUND.
   */
  describeGroup(groupId: string): Promise<GroupDetails>
  /**
   * Moves a group without members (NON_EMPTY_GROUP) to another place in the partitions that it has offsets of, or in all of
   * `topics`; durable when it resolves, with the places before and after, which lie within the partition. `dryRun`: resolves
   * with the same and changes nothing. Differs from Kafka: `'latest'` and the end that places are kept within are where
   * committed reads end now, so that nothing of an open transaction is skipped. Rejects with INVALID_GROUP_ID,
   * GROUP_ID_NOT_FOUND without `topics`, UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  resetOffsets(groupId: string, to: ResetPoint, options?: ResetOptions): Promise<readonly OffsetReset[]>
  /** Share groups that began in some partition, with their places, by name. */
  listShareGroups(): Promise<readonly ShareGroupDescription[]>
  /** How far a share group is, and how much of it consumers hold now. Rejects with INVALID_GROUP_ID, GROUP_ID_NOT_FOUND. */
  describeShareGroup(groupId: string): Promise<ShareGroupDescription>
  /**
   * Moves a share group, as `resetOffsets` does a consumer group: it begins there anew, and what was delivered how often is
   * forgotten. Rejects as that does, with NON_EMPTY_GROUP while consumers of it wait for records or hold some.
   */
  resetShareGroup(groupId: string, to: ResetPoint, options?: ResetOptions): Promise<readonly OffsetReset[]>
  /**
   * Forgets a share group: its next consumer begins where its `autoOffsetReset` says. Durable when it resolves. Rejects with
   * INVALID_GROUP_ID, GROUP_ID_NOT_FOUND, and NON_EMPTY_GROUP while consumers of it wait for records or hold some.
   */
  deleteShareGroup(groupId: string): Promise<void>
  /** Every transactional id with its state, by id. */
  listTransactions(): Promise<readonly TransactionDescription[]>
  /** Those of the ids named, in that order. Rejects with INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND. */
  describeTransactions(transactionalIds: readonly string[]): Promise<readonly TransactionDescription[]>
  /**
   * The producers that partitions remember, in the order asked: whose transaction holds committed reads back, and since
   * which offset. Rejects with UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST.
   */
  describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]>
  /**
   * Aborts the open transaction of an id, durably when it resolves. Its producer hears TRANSACTION_ABORTABLE at its next call
   * and goes on. Rejects with INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND, and INVALID_TXN_STATE where none is open or its
   * commit is on its way. Differs from Kafka, where no open transaction is no error.
   */
  abortTransaction(transactionalId: string): Promise<void>
  /**
   * Ends the producers of these ids: what they have open is aborted, their next call rejects with PRODUCER_FENCED, and the
   * next producer of the id works. One after the other; durable when it resolves. Rejects with INVALID_REQUEST,
   * TRANSACTIONAL_ID_NOT_FOUND, CONCURRENT_TRANSACTIONS.
   */
  fenceProducers(transactionalIds: readonly string[]): Promise<void>
}

/** A topic as it is. */
export interface TopicDescription {
  /** The topic's name. */
  readonly name: string
  /** Kafka's 22 characters; a topic that is created again gets another. */
  readonly topicId: string
  /** How many. */
  readonly partitions: number
  /** What was set; keys that aren't here have their defaults. */
  readonly config: TopicConfig
}

type CreateTopicOptions = NonNullable<Parameters<Admin['createTopic']>[1]>

const CREATE_NAMES: OptionNames<CreateTopicOptions> = { partitions: true, config: true }

export class LogAdmin implements Admin {
  readonly #session: AdminSession

  constructor(session: AdminSession) {
    this.#session = session
  }

  async createTopic(name: string, options: CreateTopicOptions = {}): Promise<void> {
    assertUserTopicName(name)
    assertOptions(options, CREATE_NAMES, 'createTopic')
    const { partitions = 1, config = {} } = options
    checkPartitions(name, partitions)
    parseTopicConfig(config)
    await this.#session.createTopic(name, { partitions, config: { ...config } })
  }

  async deleteTopic(name: string): Promise<void> {
    assertUserTopicName(name)
    await this.#session.deleteTopic(name)
  }

  listTopics(): Promise<readonly string[]> {
    return this.#session.listTopics({ internal: false })
  }

  async describeTopic(name: string): Promise<TopicDescription> {
    assertTopicName(name)
    return described(await this.#session.describeTopic(name))
  }

  async createPartitions(name: string, totalCount: number): Promise<void> {
    assertUserTopicName(name)
    checkPartitions(name, totalCount)
    await this.#session.createPartitions(name, totalCount)
  }

  async alterConfig(
    name: string,
    changes: { readonly [key: string]: string | number | boolean | null },
  ): Promise<void> {
    assertUserTopicName(name)
    await this.#session.alterConfig(name, { ...checkChanges(changes) })
  }

  async deleteRecords(records: readonly RecordsToDelete[]): Promise<readonly DeletedRecords[]> {
    return this.#session.deleteRecords(checkRecords(records))
  }

  async offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]> {
    return this.#session.offsets(checkPlaces(at))
  }

  async offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly Position[]> {
    return startPositions(this.#session, checkPlaces(at), { timestamp }, 'read_uncommitted')
  }

  listGroups(): Promise<readonly GroupDescription[]> {
    return this.#session.listGroups()
  }

  async setOffsets(groupId: string, positions: readonly Position[]): Promise<void> {
    checkGroupId(groupId)
    await this.#session.setOffsets(groupId, checkPositions(positions, 'positions'))
  }

  async deleteGroup(groupId: string): Promise<void> {
    checkGroupId(groupId)
    await this.#session.deleteGroup(groupId)
  }

  async describeGroup(groupId: string): Promise<GroupDetails> {
    checkGroupId(groupId)
    return this.#session.describeGroup(groupId)
  }

  async resetOffsets(groupId: string, to: ResetPoint, options: ResetOptions = {}): Promise<readonly OffsetReset[]> {
    checkGroupId(groupId)
    return resetOffsets(this.#session, consumerGroup(groupId), to, options)
  }

  listShareGroups(): Promise<readonly ShareGroupDescription[]> {
    return this.#session.listShareGroups()
  }

  async describeShareGroup(groupId: string): Promise<ShareGroupDescription> {
    checkGroupId(groupId)
    const found = (await this.#session.listShareGroups()).find((each) => each.groupId === groupId)
    if (found !== undefined) return found
    throw new LogError('GROUP_ID_NOT_FOUND', `no share group "${groupId}"`, { groupId })
  }

  async resetShareGroup(groupId: string, to: ResetPoint, options: ResetOptions = {}): Promise<readonly OffsetReset[]> {
    checkGroupId(groupId)
    return resetOffsets(this.#session, shareGroup(groupId), to, options)
  }

  async deleteShareGroup(groupId: string): Promise<void> {
    checkGroupId(groupId)
    await this.#session.deleteShareGroup(groupId)
  }

  listTransactions(): Promise<readonly TransactionDescription[]> {
    return this.#session.listTransactions()
  }

  async describeTransactions(transactionalIds: readonly string[]): Promise<readonly TransactionDescription[]> {
    const wanted = checkIds(transactionalIds)
    const known = new Map((await this.#session.listTransactions()).map((each) => [each.transactionalId, each]))
    return wanted.map((transactionalId) => {
      const found = known.get(transactionalId)
      if (found !== undefined) return found
      const message = `nobody had the transactional id "${transactionalId}"`
      throw new LogError('TRANSACTIONAL_ID_NOT_FOUND', message, { transactionalId })
    })
  }

  async describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]> {
    return this.#session.describeProducers(checkPlaces(at))
  }

  async abortTransaction(transactionalId: string): Promise<void> {
    const [id] = checkIds([transactionalId])
    await this.#session.abortTransaction(id as string)
  }

  async fenceProducers(transactionalIds: readonly string[]): Promise<void> {
    for (const id of checkIds(transactionalIds)) await this.#session.fenceProducer(id)
  }
}

function checkIds(transactionalIds: unknown): string[] {
  const isList = Array.isArray(transactionalIds)
  if (isList && transactionalIds.every((id) => typeof id === 'string' && id !== '')) return [...transactionalIds]
  const message = 'transactional ids are texts that are not empty'
  throw new LogError('INVALID_REQUEST', message, { argument: 'transactionalIds' })
}

function checkGroupId(groupId: unknown): void {
  if (typeof groupId === 'string' && groupId !== '') return
  throw new LogError('INVALID_GROUP_ID', 'groupId must be a non-empty string')
}

function checkChanges<T>(changes: T): T {
  if (typeof changes === 'object' && changes !== null && !Array.isArray(changes)) return changes
  throw new LogError('INVALID_REQUEST', 'changes must be an object', { argument: 'changes' })
}

function checkPartitions(name: string, partitions: unknown): void {
  if (Number.isSafeInteger(partitions) && (partitions as number) > 0) return
  const message = `the number of partitions of "${name}" must be a whole number above 0`
  throw new LogError('INVALID_PARTITIONS', message, { topic: name })
}

function checkPlaces(at: readonly TopicPartition[]): TopicPartition[] {
  if (Array.isArray(at)) return at.map(checkPlace)
  throw new LogError('INVALID_REQUEST', 'at must be a list of partitions', { argument: 'at' })
}

function checkRecords(records: readonly RecordsToDelete[]): RecordsToDelete[] {
  if (!Array.isArray(records)) {
    throw new LogError('INVALID_REQUEST', 'records must be a list of partitions with an offset', {
      argument: 'records',
    })
  }
  return records.map((each: RecordsToDelete) => {
    const place = checkPlace(each)
    assertUserTopicName(place.topic)
    if (Number.isSafeInteger(each.beforeOffset) && each.beforeOffset >= -1) {
      return { ...place, beforeOffset: each.beforeOffset }
    }
    const message = `beforeOffset of ${place.topic}-${place.partition} must be a whole number from -1 on`
    throw new LogError('INVALID_REQUEST', message, { ...place, argument: 'beforeOffset' })
  })
}

function described({ topic, topicId, partitions, config }: TopicFacts): TopicDescription {
  return { name: topic, topicId, partitions, config }
}

/**
 * Creates what is missing, leaves what exists. INVALID_CONFIG where an existing topic differs from its declaration, before
 * anything is created. A declared default is the same as none.
 */
export async function ensureTopics(session: AdminSession, topics: readonly Topic[]): Promise<void> {
  if (!Array.isArray(topics) || !topics.every(isDeclared)) {
    const message = `topics must be a list of declared topics: ${HOW_TO_DECLARE}`
    throw new LogError('INVALID_REQUEST', message, { option: 'topics' })
  }
  const existing = new Set(await session.listTopics({ internal: false }))
  const missing = new Map<string, Topic>()
  for (const topic of topics) {
    const before = missing.get(topic.name)
    if (before !== undefined) assertSame(topic, { partitions: before.partitions ?? 1, config: before.config ?? {} })
    else if (existing.has(topic.name)) assertSame(topic, await session.describeTopic(topic.name))
    else missing.set(topic.name, topic)
  }
  for (const { name, partitions, config } of missing.values()) {
    try {
      await session.createTopic(name, { partitions: partitions ?? 1, config: config ?? {} })
    } catch (error) {
      // Another process was quicker, or the holder went away over it: what there is now decides.
      if (!LogError.is(error, 'TOPIC_ALREADY_EXISTS', 'NETWORK_EXCEPTION')) throw error
      return ensureTopics(session, topics)
    }
  }
}

type Existing = Pick<TopicFacts, 'partitions' | 'config'>

function assertSame({ name, partitions, config = {} }: Topic, existing: Existing): void {
  if (partitions !== undefined && partitions !== existing.partitions) {
    const message = `topic "${name}" has ${existing.partitions} partitions, its declaration ${partitions}`
    throw new LogError('INVALID_CONFIG', message, { topic: name, key: 'partitions' })
  }
  const now = parseTopicConfig(existing.config)
  for (const [key, value] of Object.entries(config)) {
    const declared = parseTopicConfig({ ...existing.config, [key]: value })
    if (JSON.stringify(declared) === JSON.stringify(now)) continue
    const message = `topic "${name}" has another value of "${key}" than its declaration, ${value}`
    throw new LogError('INVALID_CONFIG', message, { topic: name, key, declared: value })
  }
}
