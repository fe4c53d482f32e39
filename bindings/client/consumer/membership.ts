import type { Broker, ConsumerSession, FetchedPartition } from '../../broker/broker.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { TopicRef } from '../topic/topic.ts'
import { AssignedPartition } from './assigned-partition.ts'
import { type Decoder, decoderOf } from './consumed-record.ts'
import { type ConsumerOptions, type ConsumerSettings, consumerSettings } from './consumer-options.ts'
import type { RebalanceEvent, RebalanceHandler } from './consumer-type.ts'
import { FetchedRecords } from './fetched-records.ts'
import { checkPlace, checkPositions, placeKey, samePlace, startPositions } from './start-positions.ts'

/** Joins the group, finds where to start, fetches, and joins again when the group moved on. */
export class Membership {
  readonly settings: ConsumerSettings
  readonly #broker: Broker
  readonly #options: ConsumerOptions<TopicRef>
  readonly #decoders: ReadonlyMap<string, Decoder>
  readonly #handlers: Record<RebalanceEvent, RebalanceHandler[]> = { assigned: [], revoked: [], lost: [] }
  #session: ConsumerSession | undefined
  #joining: Promise<ConsumerSession> | undefined
  #partitions: AssignedPartition[] = []

  constructor(broker: Broker, options: ConsumerOptions<TopicRef>) {
    this.settings = consumerSettings(options)
    this.#broker = broker
    this.#options = options
    this.#decoders = new Map(options.topics.map((ref) => [decoderOf(ref).topic, decoderOf(ref)]))
  }

  get partitions(): readonly AssignedPartition[] {
    return this.#partitions
  }

  get generation(): number {
    return this.#session?.assignment.generation ?? -1
  }

  on(event: RebalanceEvent, handler: RebalanceHandler): void {
    if (!Object.hasOwn(this.#handlers, event)) {
      throw new LogError('INVALID_REQUEST', 'the events are assigned, revoked and lost', { option: 'event' })
    }
    if (typeof handler !== 'function') {
      throw new LogError('INVALID_REQUEST', 'the handler must be a function', { option: 'handler' })
    }
    this.#handlers[event].push(handler)
  }

  async #tell(event: RebalanceEvent, partitions: readonly TopicPartition[]): Promise<void> {
    for (const handler of this.#handlers[event]) await handler(partitions)
  }

  find(at: TopicPartition): AssignedPartition {
    const { topic, partition } = checkPlace(at)
    const found = this.#partitions.find((each) => each.topic === topic && each.partition === partition)
    if (found !== undefined) return found
    throw new LogError('INVALID_REQUEST', `${topic}-${partition} isn't assigned to this consumer`, { topic, partition })
  }

  async join(): Promise<ConsumerSession> {
    if (this.#session !== undefined) return this.#session
    this.#joining ??= this.#join().finally(() => {
      this.#joining = undefined
    })
    return this.#joining
  }

  async #join(): Promise<ConsumerSession> {
    const { groupId, maxPollIntervalMs } = this.settings
    const topics = [...this.#decoders.keys()]
    const session = await this.#broker.openConsumer({ groupId, topics, maxPollIntervalMs })
    try {
      const positions = await this.#startPositions(session)
      this.#partitions = positions.map((position) => new AssignedPartition(position))
    } catch (error) {
      await session.close()
      throw error
    }
    this.#session = session
    await this.#tell('assigned', session.assignment.partitions)
    return session
  }

  async #startPositions(session: ConsumerSession): Promise<Position[]> {
    const { partitions } = session.assignment
    if (this.#options.positions !== undefined) {
      const known = checkPositions(await this.#options.positions(partitions), 'positions')
      return this.#orReset(
        partitions,
        partitions.map((at) => known.find((each) => samePlace(each, at))?.nextOffset),
      )
    }
    return this.#orReset(partitions, await session.committed(partitions))
  }

  async #orReset(at: readonly TopicPartition[], offsets: readonly (number | undefined)[]): Promise<Position[]> {
    const without = at.filter((_, index) => offsets[index] === undefined)
    const resets = without.length === 0 ? [] : await this.#reset(without)
    return at.map(({ topic, partition }, index) => {
      const nextOffset = offsets[index] ?? resets.find((each) => samePlace(each, { topic, partition }))?.nextOffset ?? 0
      return { topic, partition, nextOffset }
    })
  }

  async #reset(at: readonly TopicPartition[]): Promise<Position[]> {
    const { autoOffsetReset, isolationLevel, groupId } = this.settings
    if (autoOffsetReset !== 'none') return startPositions(this.#broker.admin, at, autoOffsetReset, isolationLevel)
    const { topic, partition } = at[0] ?? { topic: '', partition: 0 }
    const message = `group "${groupId}" has no offset for ${topic}-${partition}, and autoOffsetReset is 'none'`
    throw new LogError('NO_OFFSET', message, { groupId, topic, partition })
  }

  /**
   * Waits for records; answers when something was fetched, the position moved, or somebody woke it. `isOver` is asked right
   * before the wait begins, because nothing wakes a wait that hasn't begun.
   */
  async fetch(maxBytes: number, isOver: () => boolean): Promise<void> {
    const session = await this.join()
    if (isOver()) return
    const positions = this.#partitions
      .filter((each) => !each.isPaused && each.buffer === undefined)
      .map(({ topic, partition, position }) => ({ topic, partition, nextOffset: position }))
    const { isolationLevel } = this.settings
    let fetched: readonly FetchedPartition[]
    try {
      fetched = await session.fetch({ positions, isolationLevel, maxBytes, wait: true })
    } catch (error) {
      if (!LogError.is(error) || error.category !== 'rejoin') throw error
      return this.#lost()
    }
    // A damaged partition is told once the others have nothing to deliver, so that it can't hold them up.
    const failed: unknown[] = []
    for (const part of fetched) await this.#take(part, positions).catch((error: unknown) => failed.push(error))
    if (failed.length > 0 && this.#partitions.every((each) => each.buffer === undefined)) throw failed[0]
  }

  async #take(part: FetchedPartition, asked: readonly Position[]): Promise<void> {
    const assigned = this.#partitions.find((each) => samePlace(each, part))
    const from = asked.find((each) => placeKey(each) === placeKey(part))?.nextOffset
    const decoder = this.#decoders.get(part.topic)
    // A seek while the fetch was under way: what it brought is not what is wanted now.
    if (assigned === undefined || decoder === undefined || assigned.position !== from) return
    if (part.error === undefined) {
      assigned.fill(new FetchedRecords(part, decoder, from, this.generation))
      return
    }
    if (!LogError.is(part.error, 'OFFSET_OUT_OF_RANGE') || this.settings.autoOffsetReset === 'none') throw part.error
    const [reset] = await this.#reset([assigned])
    if (reset !== undefined) assigned.seek(reset.nextOffset)
  }

  async #lost(): Promise<void> {
    const lost = this.#partitions
    this.#partitions = []
    this.#session = undefined
    if (lost.length > 0) await this.#tell('lost', lost.map(place))
  }

  wake(): void {
    this.#session?.wake()
  }

  async close(): Promise<void> {
    await this.#joining?.catch(() => {})
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    const revoked = this.#partitions
    try {
      await this.#tell('revoked', revoked.map(place))
    } finally {
      this.#partitions = []
      await session.close()
    }
  }
}

function place({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
