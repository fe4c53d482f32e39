import type { Broker } from '../../broker/broker.ts'
import type { ConsumerSession, GivenPartition } from '../../broker/consumer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import { checkPositions, placeKey } from '../places.ts'
import { startPositions } from '../start-point.ts'
import type { ConsumerSettings } from './consumer-options.ts'

/** Where a member begins to read the partitions that it is assigned. */
export class AssignedStart {
  readonly #broker: Broker
  readonly #settings: ConsumerSettings

  constructor(broker: Broker, settings: ConsumerSettings) {
    this.#broker = broker
    this.#settings = settings
  }

  /**
   * In this order: what the program's own database says (`positions`), the group's committed offsets,
   * `autoOffsetReset`.
   */
  async of(session: ConsumerSession, partitions: readonly GivenPartition[]): Promise<TopicPosition[]> {
    const { positions } = this.#settings
    if (positions === undefined) return this.#orReset(partitions, await session.committed(partitions, true))
    const asked = partitions.map(({ topic, partition }) => ({ topic, partition }))
    const known = checkPositions(await positions(asked), 'positions')
    const offsets = offsetsByPlace(known)
    return this.#orReset(
      partitions,
      partitions.map((at) => offsets.get(placeKey(at))),
    )
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

function offsetsByPlace(positions: readonly Position[]): ReadonlyMap<string, number> {
  return new Map(positions.map((each) => [placeKey(each), each.nextOffset]))
}
