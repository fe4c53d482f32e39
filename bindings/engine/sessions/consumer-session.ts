import type { Assignment, ConsumerSession, FetchedPartition, FetchRequest, TopicFacts } from '../../broker/broker.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { SessionHost } from './session-host.ts'

/** A member of a group in this process: no session timeout, only the time between two fetches counts. */
export class EmbeddedConsumer implements ConsumerSession {
  readonly assignment: Assignment
  readonly #broker: SessionHost
  readonly #groupId: string
  readonly #memberId: string
  /** As they were at the join: a topic that is deleted and made again is another one. */
  readonly #topicIds = new Map<string, string>()
  #isClosed = false

  constructor(broker: SessionHost, groupId: string, memberId: string, assignment: Assignment) {
    this.#broker = broker
    this.#groupId = groupId
    this.#memberId = memberId
    this.assignment = assignment
    for (const { topic } of assignment.partitions) this.#topicIds.set(topic, broker.engine.topics.facts(topic).topicId)
  }

  onRebalance(_handler: (next: Assignment) => Promise<void>): void {
    // A group has one member: its assignment stays what it was when it joined.
  }

  topic(name: string): TopicFacts {
    return this.#broker.engine.topics.facts(name)
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const { groups } = this.#broker.engine
    groups.checkMember(this.#groupId, this.#memberId, this.assignment.generation)
    groups.polling(this.#groupId, this.#memberId)
    try {
      return await this.#broker.ask((done) => ({ kind: 'fetch', reader: this, request, done }))
    } finally {
      if (!this.#isClosed) groups.polled(this.#groupId, this.#memberId, this.#broker.now())
    }
  }

  wake(): void {
    this.#broker.submit({ kind: 'wake', reader: this })
  }

  async committed(at: readonly TopicPartition[]): Promise<readonly (number | undefined)[]> {
    const { groups } = this.#broker.engine
    return at.map(({ topic, partition }) => {
      return groups.committed(this.#groupId, this.#topicId(topic), partition)?.nextOffset
    })
  }

  #topicId(topic: string): string {
    return this.#topicIds.get(topic) ?? this.#broker.engine.topics.facts(topic).topicId
  }

  async commit(positions: readonly Position[], generation: number): Promise<void> {
    const offsets = positions.map(({ topic, partition, nextOffset }) => {
      return { topicId: this.#topicId(topic), partition, nextOffset }
    })
    const request = { groupId: this.#groupId, memberId: this.#memberId, generation, offsets }
    return this.#broker.ask((done) => ({ kind: 'commitOffsets', request, done }))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.wake()
    const groupId = this.#groupId
    const memberId = this.#memberId
    try {
      await this.#broker.ask<void>((done) => ({ kind: 'leaveGroup', groupId, memberId, done }))
    } catch (error) {
      // Expelled before, for polling too rarely: it has left.
      if (!LogError.is(error, 'UNKNOWN_MEMBER_ID')) throw error
    }
  }
}
