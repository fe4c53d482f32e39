import type {
  ConsumerSession,
  ConsumerSessionOptions,
  GivenPartition,
  JoinedGroup,
  MemberAssignment,
} from '../../broker/consumer-session.ts'
import type { FetchedPartition, FetchRequest, TopicPosition } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { OffsetsCommand } from '../commands.ts'
import type { SessionHost } from './session-host.ts'

/** A member of a group in this process. It has no session timeout: only the time between two fetches counts. */
export class EmbeddedConsumer implements ConsumerSession {
  readonly #broker: SessionHost
  readonly #options: ConsumerSessionOptions
  readonly #memberId: string
  #rebalance: () => void = () => {}
  #hasJoined = false
  #hasLeft = false
  /** Fetches that have no answer yet. */
  #fetches = 0

  constructor(broker: SessionHost, options: ConsumerSessionOptions, memberId: string) {
    this.#broker = broker
    this.#options = options
    this.#memberId = memberId
  }

  /** The log that the member belongs to. */
  get host(): SessionHost {
    return this.#broker
  }

  get #member(): { groupId: string; memberId: string } {
    return { groupId: this.#options.groupId, memberId: this.#memberId }
  }

  join(owned: readonly TopicPartition[]): Promise<JoinedGroup> {
    const rejoins = this.#hasJoined
    this.#hasJoined = true
    const { topics, assignors, maxPollIntervalMs } = this.#options
    const request = { ...this.#member, rejoins, topics, owned, assignors, maxPollIntervalMs }
    const rebalance = () => this.#rebalance()
    return this.#broker.ask((done) => ({ kind: 'joinGroup', request, rebalance, done }))
  }

  async sync(generation: number, assignments: readonly MemberAssignment[]): Promise<readonly GivenPartition[]> {
    const request = { ...this.#member, generation, assignments }
    const partitions = await this.#broker.ask<readonly TopicPartition[]>((done) => {
      return { kind: 'syncGroup', request, done }
    })
    return partitions.flatMap((at) => this.#given(at))
  }

  /** Nothing for a topic that was deleted while the answer was under way: the group rebalances because of that. */
  #given(at: TopicPartition): readonly GivenPartition[] {
    try {
      return [{ ...at, topicId: this.#topicId(at) }]
    } catch (error) {
      if (LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return []
      throw error
    }
  }

  onRebalance(handler: () => void): void {
    this.#rebalance = handler
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#broker.facts(name)
  }

  /**
   * An attached process may ask anew at the moment at which it ends its wait: then the member waits on, though the
   * answer to the first fetch comes after the second one has begun.
   */
  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const { groups } = this.#broker.engine
    const { groupId, memberId } = this.#member
    groups.live.polling(groupId, memberId)
    this.#fetches++
    try {
      return await this.#broker.fetch(this, request)
    } finally {
      if (--this.#fetches === 0) groups.live.polled(groupId, memberId, this.#broker.now())
    }
  }

  wake(): void {
    this.#broker.submit({ kind: 'wake', reader: this })
  }

  async committed(
    at: readonly GivenPartition[],
    { requireStable }: { readonly requireStable: boolean },
  ): Promise<readonly (number | undefined)[]> {
    const { groupId } = this.#options
    const { groups, topics } = this.#broker.engine
    const places = at.map(({ topic, topicId, partition }) => {
      return { topicId: topicId ?? topics.topicIdAt(topic, partition), partition }
    })
    if (requireStable)
      await this.#broker.ask<void>((done) => ({ kind: 'awaitStableOffsets', groupId, at: places, done }))
    return this.#broker.tell(() => {
      return places.map(({ topicId, partition }) => groups.committed(groupId, topicId, partition)?.nextOffset)
    })
  }

  #topicId({ topic, topicId }: GivenPartition): string {
    return topicId ?? this.#broker.engine.topics.facts(topic).topicId
  }

  async commit(positions: readonly TopicPosition[], generation: number): Promise<void> {
    const request = this.offsetsCommand(positions, generation)
    return this.#broker.ask((done) => ({ kind: 'commitOffsets', request, done }))
  }

  offsetsCommand(positions: readonly TopicPosition[], generation: number): OffsetsCommand {
    const offsets = positions.map((position) => {
      const { topic, partition, nextOffset } = position
      return { topicId: this.#topicId(position), topic, partition, nextOffset }
    })
    return { groupId: this.#options.groupId, memberId: this.#memberId, generation, offsets }
  }

  async close(): Promise<void> {
    if (!this.#hasJoined || this.#hasLeft) return
    // A rebalance that is under way may join again: it does so as a former member, and is refused.
    this.#hasLeft = true
    this.#rebalance = () => {}
    this.#broker.submit({ kind: 'wake', reader: this, isLast: true })
    try {
      await this.#broker.ask<void>((done) => ({ kind: 'leaveGroup', ...this.#member, done }))
    } catch (error) {
      // It was put out before, for polling too rarely, and so has left.
      if (!LogError.is(error, 'UNKNOWN_MEMBER_ID')) throw error
    }
  }
}
