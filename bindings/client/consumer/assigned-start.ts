import type { Broker } from '../../broker/broker.ts'
import type { ConsumerSession, GivenPartition } from '../../broker/consumer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'
import { type Position, placeKey, type TopicPartition } from '../../model/positions.ts'
import { checkPositions } from '../places.ts'
import { startPositions } from '../start-point.ts'
import type { ConsumerSettings } from './consumer-options.ts'
import { existingTopic } from './existing-topic.ts'

/** Where a member begins to read the partitions that it is assigned. */
export class AssignedStart {
  readonly #broker: Broker
  readonly #settings: ConsumerSettings
  /** Calls of the program's `positions` that haven't answered; those of a join that was given up are among them. */
  #asked = 0

  constructor(broker: Broker, settings: ConsumerSettings) {
    this.#broker = broker
    this.#settings = settings
  }

  /** Whether the program is asked for its positions. */
  get isAsking(): boolean {
    return this.#asked > 0
  }

  /**
   * The start positions of the partitions that still exist. One whose topic was deleted meanwhile is left out, and the
   * others still get theirs: the group rebalances because of the deletion. `isWanted`: whether the caller still waits.
   * If it doesn't, the program isn't asked again.
   */
  async of(
    session: ConsumerSession,
    partitions: readonly GivenPartition[],
    isWanted: () => boolean,
  ): Promise<readonly TopicPosition[]> {
    if (partitions.length === 0) return []
    try {
      return await this.#of(session, partitions)
    } catch (error) {
      if (!LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION', 'NO_OFFSET')) throw error
      const there = await stillThere(session, partitions)
      if (there.length === partitions.length || !isWanted()) throw error
      return await this.of(session, there, isWanted)
    }
  }

  /**
   * In this order: what the program's own database says (`positions`), the group's committed offsets,
   * `autoOffsetReset`.
   */
  async #of(session: ConsumerSession, partitions: readonly GivenPartition[]): Promise<TopicPosition[]> {
    const { positions } = this.#settings
    if (positions === undefined) {
      return this.#orReset(partitions, await session.committed(partitions, { requireStable: true }))
    }
    const offsets = offsetsByPlace(await this.#ask(positions, partitions))
    return this.#orReset(
      partitions,
      partitions.map((at) => offsets.get(placeKey(at))),
    )
  }

  async #ask(
    positions: NonNullable<ConsumerSettings['positions']>,
    partitions: readonly GivenPartition[],
  ): Promise<readonly Position[]> {
    this.#asked++
    try {
      const asked = partitions.map(({ topic, partition }) => ({ topic, partition }))
      return checkPositions(await positions(asked), 'positions')
    } finally {
      this.#asked--
    }
  }

  /** Where `autoOffsetReset` says. NO_OFFSET if that is 'none'. */
  async reset(at: readonly TopicPartition[]): Promise<Position[]> {
    const { autoOffsetReset, isolationLevel, groupId } = this.#settings
    if (autoOffsetReset !== 'none') return startPositions(this.#broker.admin, at, autoOffsetReset, isolationLevel)
    const { topic, partition } = at[0] ?? { topic: '', partition: 0 }
    const message = `group "${groupId}" has no offset for ${topic}-${partition}, and autoOffsetReset is 'none'`
    throw new LogError('NO_OFFSET', message, { groupId, topic, partition })
  }

  async #orReset(at: readonly GivenPartition[], offsets: readonly (number | undefined)[]): Promise<TopicPosition[]> {
    const without = at.filter((_, index) => offsets[index] === undefined)
    const resets = without.length === 0 ? [] : await this.reset(without)
    const resetTo = offsetsByPlace(resets)
    return at.map((given, index) => {
      const nextOffset = offsets[index] ?? resetTo.get(placeKey(given)) ?? 0
      return { ...given, nextOffset }
    })
  }
}

async function stillThere(
  session: ConsumerSession,
  given: readonly GivenPartition[],
): Promise<readonly GivenPartition[]> {
  const topics = new Map<string, TopicFacts | undefined>()
  for (const topic of new Set(given.map((each) => each.topic))) topics.set(topic, await existingTopic(session, topic))
  return given.filter(({ topic, topicId, partition }) => {
    const facts = topics.get(topic)
    return facts !== undefined && (topicId ?? facts.topicId) === facts.topicId && partition < facts.partitions
  })
}

function offsetsByPlace(positions: readonly Position[]): ReadonlyMap<string, number> {
  return new Map(positions.map((each) => [placeKey(each), each.nextOffset]))
}
