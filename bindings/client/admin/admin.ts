import type { AdminSession, DeletedRecords, PartitionOffsets, RecordsToDelete } from '../../broker/admin-session.ts'
import type {
  GroupDescription,
  GroupDetails,
  PartitionProducers,
  ShareGroupDescription,
  TransactionDescription,
} from '../../broker/descriptions.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'
import { assertTopicName, assertUserTopicName } from '../../model/names.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import { type ConfigChanges, checkTopicConfig, parseTopicConfig, type TopicConfig } from '../../model/topic-config.ts'
import { assertOptions, type OptionNames } from '../options.ts'
import { checkPlace, checkPositions } from '../places.ts'
import { startPositions } from '../start-point.ts'
import type { Admin, TopicDescription } from './admin-type.ts'
import {
  consumerGroup,
  type OffsetReset,
  type ResetOptions,
  type ResetPoint,
  resetOffsets,
  shareGroup,
} from './reset-offsets.ts'

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
    checkTopicConfig(config)
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

  async alterConfig(name: string, changes: ConfigChanges): Promise<void> {
    assertUserTopicName(name)
    await this.#session.alterConfig(name, checkChanges(changes))
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
    const ids = checkIds(transactionalIds)
    // All ids are looked up first: a misspelt one of several must not leave some producers fenced and others not. An
    // empty list is looked up too, as a closed log refuses it.
    if (ids.length !== 1) await this.describeTransactions(ids)
    for (const id of ids) await this.#session.fenceProducer(id)
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
  throw new LogError('INVALID_GROUP_ID', 'groupId must be a non-empty string', { argument: 'groupId' })
}

/** A copy. A value that no config has is refused here: on its way to another process it may become one that has. */
function checkChanges(changes: ConfigChanges): ConfigChanges {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) {
    throw new LogError('INVALID_REQUEST', 'changes must be an object', { argument: 'changes' })
  }
  const copy = { ...changes }
  parseTopicConfig(Object.fromEntries(Object.entries(copy).filter(([, value]) => value !== null)) as TopicConfig)
  return copy
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
  // The log goes by its own: a program may change what it is given.
  return { name: topic, topicId, partitions, config: { ...config } }
}
