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
import type { IsolationLevel, Position, TopicPartition } from '../../model/positions.ts'
import type { ConfigChanges, TopicConfig } from '../../model/topic-config.ts'
import { ADMIN_ANSWERS } from './answer-shapes.ts'
import type { Link } from './link.ts'
import type { ADMIN_CALLS } from './protocol.ts'
import { reading, writeValue } from './values.ts'

/**
 * Topics, offsets, groups and transactions, by calls to the holder. NETWORK_EXCEPTION: it went away, and the outcome is
 * unknown.
 */
export class AttachedAdmin implements AdminSession {
  readonly #link: Link

  constructor(link: Link) {
    this.#link = link
  }

  backup(directory: string): Promise<void> {
    return this.#ask('backup', directory)
  }

  createTopic(name: string, options: { readonly partitions: number; readonly config: TopicConfig }): Promise<void> {
    return this.#ask('createTopic', name, options)
  }

  deleteTopic(name: string): Promise<void> {
    return this.#ask('deleteTopic', name)
  }

  listTopics(options: { readonly internal: boolean }): Promise<readonly string[]> {
    return this.#ask('listTopics', options)
  }

  describeTopic(name: string): Promise<TopicFacts> {
    return this.#ask('describeTopic', name)
  }

  createPartitions(name: string, totalCount: number): Promise<void> {
    return this.#ask('createPartitions', name, totalCount)
  }

  alterConfig(name: string, changes: ConfigChanges): Promise<void> {
    return this.#ask('alterConfig', name, changes)
  }

  deleteRecords(at: readonly RecordsToDelete[]): Promise<readonly DeletedRecords[]> {
    return this.#ask('deleteRecords', at)
  }

  offsets(at: readonly TopicPartition[]): Promise<readonly PartitionOffsets[]> {
    return this.#ask('offsets', at)
  }

  offsetsForTimestamp(at: readonly TopicPartition[], timestamp: number): Promise<readonly (number | undefined)[]> {
    return this.#ask('offsetsForTimestamp', at, timestamp)
  }

  unread(at: readonly Position[], isolationLevel: IsolationLevel): Promise<readonly Unread[]> {
    return this.#ask('unread', at, isolationLevel)
  }

  listGroups(): Promise<readonly GroupDescription[]> {
    return this.#ask('listGroups')
  }

  setOffsets(groupId: string, positions: readonly TopicPosition[]): Promise<void> {
    return this.#ask('setOffsets', groupId, positions)
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.#ask('deleteGroup', groupId)
  }

  describeGroup(groupId: string): Promise<GroupDetails> {
    return this.#ask('describeGroup', groupId)
  }

  listShareGroups(): Promise<readonly ShareGroupDescription[]> {
    return this.#ask('listShareGroups')
  }

  startShareGroup(groupId: string, positions: readonly TopicPosition[]): Promise<void> {
    return this.#ask('startShareGroup', groupId, positions)
  }

  deleteShareGroup(groupId: string): Promise<void> {
    return this.#ask('deleteShareGroup', groupId)
  }

  listTransactions(): Promise<readonly TransactionDescription[]> {
    return this.#ask('listTransactions')
  }

  describeProducers(at: readonly TopicPartition[]): Promise<readonly PartitionProducers[]> {
    return this.#ask('describeProducers', at)
  }

  abortTransaction(transactionalId: string): Promise<void> {
    return this.#ask('abortTransaction', transactionalId)
  }

  fenceProducer(transactionalId: string): Promise<void> {
    return this.#ask('fenceProducer', transactionalId)
  }

  #ask<T>(method: (typeof ADMIN_CALLS)[number], ...given: unknown[]): Promise<T> {
    return this.#link.call(method, 0, (writer) => writeValue(writer, given), reading<T>(ADMIN_ANSWERS[method]))
  }
}
