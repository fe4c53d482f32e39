import type { GivenPartition } from '../../broker/consumer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { checkPlace, placeKey } from '../places.ts'
import { AssignedPartition } from './assigned-partition.ts'
import type { RebalanceEvent, RebalanceHandler } from './consumer-type.ts'
import { Expulsion } from './expulsion.ts'

/** The outcome of a rebalance, which comes into force now. */
export interface AssignmentChange {
  readonly next: readonly GivenPartition[]
  /** The member is told of its first assignment even if that gives it nothing. */
  readonly isFirst: boolean
  /** Of the topics that it reads; none for one that is gone. */
  topicIds(): Promise<ReadonlyMap<string, string | undefined>>
  /** Where the added partitions begin, as far as they are still there. Asked once the program has given up those that go. */
  startsOf(added: readonly GivenPartition[]): Promise<readonly TopicPosition[]>
}

/**
 * The partitions that a member holds: it alone reads and commits them until it gives them up or loses them. Its
 * handlers are told of each change: before partitions are given up, so that these may still be committed, and after new
 * ones are there.
 */
export class Assignment {
  readonly #groupId: string
  readonly expulsion: Expulsion = new Expulsion()
  readonly #handlers: Record<RebalanceEvent, RebalanceHandler[]> = { assigned: [], revoked: [], lost: [] }
  #partitions: readonly AssignedPartition[] = []
  /** Hot path: there may be thousands of them, each asked for by every fetch. */
  #byPlace: ReadonlyMap<string, AssignedPartition> = new Map()
  /**
   * Every partition that it has ever held. If one of them isn't held now, the group took it before the program was done
   * with it.
   */
  readonly #everHeld: Set<string> = new Set()
  /** Every hold that there was, as long as a record that it delivered is in use. */
  readonly #given: WeakSet<TopicPartition> = new WeakSet()
  /** Partitions that come into force once it is known where they begin. */
  #added: readonly TopicPartition[] = []

  constructor(groupId: string) {
    this.#groupId = groupId
  }

  get partitions(): readonly AssignedPartition[] {
    return this.#partitions
  }

  /** The held partition of this place; `undefined` if it isn't held. */
  at(place: TopicPartition): AssignedPartition | undefined {
    return this.#byPlace.get(placeKey(place))
  }

  #setPartitions(partitions: readonly AssignedPartition[]): void {
    this.#partitions = partitions
    this.#byPlace = new Map(partitions.map((each) => [placeKey(each), each]))
  }

  /** The partitions that no other member may be given yet, with those that are about to come into force. */
  get owned(): readonly TopicPartition[] {
    return [...this.#partitions.map(place), ...this.#added.filter((each) => this.at(each) === undefined).map(place)]
  }

  on(event: RebalanceEvent, handler: RebalanceHandler): void {
    if (typeof event !== 'string' || !Object.hasOwn(this.#handlers, event)) {
      throw new LogError('INVALID_REQUEST', 'the events are assigned, revoked and lost', { option: 'event' })
    }
    if (typeof handler !== 'function') {
      throw new LogError('INVALID_REQUEST', 'the handler must be a function', { option: 'handler' })
    }
    this.#handlers[event].push(handler)
  }

  /** Calls all handlers, one after the other, whatever one of them throws; then throws the first failure. */
  async #callHandlers(event: RebalanceEvent, partitions: readonly TopicPartition[]): Promise<void> {
    const failures: unknown[] = []
    for (const handler of this.#handlers[event]) {
      try {
        await handler(partitions.map(place))
      } catch (error) {
        this.expulsion.handlerThrew(error)
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  // ---- who may read and commit ---------------------------------------------------------------------------------------

  /** INVALID_REQUEST for a partition that isn't assigned. */
  find(at: TopicPartition): AssignedPartition {
    const { topic, partition } = checkPlace(at)
    const found = this.at({ topic, partition })
    if (found !== undefined) return found
    throw new LogError('INVALID_REQUEST', `${topic}-${partition} isn't assigned to this consumer`, { topic, partition })
  }

  /** The partition that a bare position wants to commit. ILLEGAL_GENERATION if it isn't held any more. */
  findHeld(at: TopicPartition): AssignedPartition {
    if (this.at(at) !== undefined || !this.#everHeld.has(placeKey(at))) return this.find(at)
    throw this.#givenUp(at, 'while it was worked on')
  }

  /**
   * ILLEGAL_GENERATION if it isn't held any more, or was lost and given again: then it is another object. No generation
   * tells that, since those of a deleted group may begin again.
   */
  stillHeld(at: TopicPartition, held: TopicPartition | undefined): AssignedPartition {
    const found = this.at(at)
    if (found !== undefined && found === held) return found
    if (held !== undefined && this.#given.has(held)) throw this.#givenUp(at, 'since its records were delivered')
    throw this.#refused(at, `the records of ${at.topic}-${at.partition} were delivered by another consumer`)
  }

  #givenUp({ topic, partition }: TopicPartition, when: string): LogError {
    return this.#refused({ topic, partition }, `${topic}-${partition} was given up ${when}`)
  }

  #refused({ topic, partition }: TopicPartition, message: string): LogError {
    return new LogError('ILLEGAL_GENERATION', message, { topic, partition, groupId: this.#groupId })
  }

  // ---- what comes and goes -------------------------------------------------------------------------------------------

  /**
   * What was held of a topic that is gone, or was made again, is lost. If a start can't be found, what was given up stays
   * so and nothing is added.
   */
  async change({ next, isFirst, topicIds, startsOf }: AssignmentChange): Promise<void> {
    const wanted = new Set(next.map(placeKey))
    const stays = (each: TopicPartition) => wanted.has(placeKey(each))
    const isHeld = (each: GivenPartition, held = this.at(each)) => held !== undefined && held.topicId === each.topicId
    const added = next.filter((each) => !isHeld(each))
    let held: readonly AssignedPartition[] = []
    // Before anything is waited for: a rebalance that begins meanwhile gives them to nobody else.
    this.#added = added
    try {
      const ids = await topicIds()
      await this.lose(({ topic, topicId }) => topicId !== undefined && ids.get(topic) !== topicId)
      const revoked = this.#partitions.filter((each) => !stays(each))
      if (revoked.length > 0) await this.#callHandlers('revoked', revoked)
      const kept = this.#partitions.filter(stays)
      this.#setPartitions(kept)
      const positions = added.length === 0 ? [] : await startsOf(added)
      held = positions.map((position) => new AssignedPartition(position))
      for (const each of held) this.#given.add(each)
      this.#setPartitions([...kept, ...held])
      for (const each of positions) this.#everHeld.add(placeKey(each))
    } finally {
      this.#added = []
    }
    if (isFirst || held.length > 0) await this.#callHandlers('assigned', held)
  }

  /**
   * The member leaves the group. A handler may find that the group put it out before, because the holder of the log
   * died or it polled too rarely: then its partitions are lost, and it has left.
   */
  async giveUp(): Promise<void> {
    try {
      await this.#callHandlers('revoked', this.#partitions)
    } catch (error) {
      if (!this.expulsion.isMeantBy(error)) throw error
      await this.lose(() => true)
    } finally {
      this.#setPartitions([])
    }
  }

  /**
   * Loses partitions, of a topic that is gone or all when the group put the member out: nothing of them can be
   * committed any more.
   */
  async lose(isLost: (partition: AssignedPartition) => boolean): Promise<void> {
    const lost = this.#partitions.filter(isLost)
    this.#setPartitions(this.#partitions.filter((each) => !isLost(each)))
    if (lost.length > 0) await this.#callHandlers('lost', lost)
  }
}

function place({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
