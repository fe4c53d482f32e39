import type { GivenPartition } from '../../broker/consumer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import { placeKey, type TopicPartition } from '../../model/positions.ts'
import { checkPlace } from '../places.ts'
import { AssignedPartition } from './assigned-partition.ts'
import type { RebalanceEvent, RebalanceHandler } from './consumer-type.ts'
import { Expulsion } from './expulsion.ts'

/** The outcome of a rebalance, which comes into force now. */
export interface AssignmentChange {
  readonly next: readonly GivenPartition[]
  /** The member is told of its first assignment even if that gives it nothing. */
  readonly isFirst: boolean
  /** Topic ids by the names of the topics that the member reads; `undefined` for a deleted one. */
  topicIds(): Promise<ReadonlyMap<string, string | undefined>>
  /**
   * Start positions of those added partitions that still exist. Called once the program has given up the revoked ones.
   */
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
  /**
   * The log isn't being asked for them: they are new, or have moved, or it has answered, or the program has paused or
   * resumed them. In the order of their turns. All others have nothing: there may be thousands.
   */
  readonly unasked: AssignedPartition[] = []
  /** Hot path: there may be thousands of them, each asked for by every fetch. */
  #byPlace: ReadonlyMap<string, AssignedPartition> = new Map()
  /**
   * Every partition that the member has ever held. If one of them isn't held now, the group took it before the program
   * was done with it.
   */
  readonly #everHeld: Set<string> = new Set()
  /** Every AssignedPartition that there was, for as long as a record that it delivered is in use. */
  readonly #given: WeakSet<TopicPartition> = new WeakSet()
  /** Calls of the program that begin as soon as partitions are given, in their order. */
  readonly #waiting: Set<() => void> = new Set()
  /** Assigned partitions whose start position isn't known yet. */
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

  /** The next one with records has its turn. */
  hadTurn(partition: AssignedPartition): void {
    // Mostly it is the first.
    this.unasked.push(...this.unasked.splice(this.unasked.indexOf(partition), 1))
  }

  /** Partitions were given and nobody knows yet where they begin. */
  get isIncomplete(): boolean {
    return this.#added.length > 0
  }

  #setPartitions(partitions: readonly AssignedPartition[]): void {
    const before = this.#partitions
    this.#partitions = partitions
    this.#byPlace = new Map(partitions.map((each) => [placeKey(each), each]))
    for (const each of before) if (this.at(each) !== each) each.givenUp()
    this.#dropNeverAsked()
  }

  /** The others are dropped at the next fetch, which tells the log: a member of which only calls are made has none. */
  #dropNeverAsked(): void {
    const { unasked } = this
    let kept = 0
    for (const each of unasked) if (!each.isGivenUp || each.askedFrom !== undefined) unasked[kept++] = each
    unasked.length = kept
  }

  /** The partitions that no other member may be given yet, those included that are about to come into force. */
  get owned(): readonly TopicPartition[] {
    return [...this.#partitions.map(place), ...this.#added.filter((each) => this.at(each) === undefined).map(place)]
  }

  /** Has `call` begin once partitions are given, before handlers hear of them; or by `now`, or `never`. */
  whenGiven(call: () => void): { now(): void; never(): void } {
    const once = () => {
      if (this.#waiting.delete(once)) call()
    }
    this.#waiting.add(once)
    return { now: once, never: () => this.#waiting.delete(once) }
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

  /** Calls all handlers one after the other, even if one of them throws; then throws the first failure. */
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

  /**
   * What the member holds now in place of a partition that it held before: that one, or the same one lost and given
   * again. INVALID_REQUEST if it was given up, or if it is another topic's that has the name now.
   */
  findAgain(before: AssignedPartition): AssignedPartition {
    const found = this.find(before)
    if (found.topicId === before.topicId) return found
    const { topic, partition } = before
    const message = `${topic}-${partition} isn't assigned to this consumer any more: its topic was deleted and created again`
    throw new LogError('INVALID_REQUEST', message, { topic, partition })
  }

  /** The partition that a bare position wants to commit. ILLEGAL_GENERATION if it isn't held any more. */
  findHeld(at: TopicPartition): AssignedPartition {
    if (this.at(at) !== undefined || !this.#everHeld.has(placeKey(at))) return this.find(at)
    throw this.#givenUp(at, 'while it was worked on')
  }

  /**
   * Throws ILLEGAL_GENERATION if the partition isn't held any more, or was lost and assigned again since the delivery.
   * The latter is told by the object's identity and not by the generation, because a group that was deleted may count
   * generations from the start.
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
   * Brings a rebalance's outcome into force. Partitions of a topic that was deleted, or deleted and created again, are
   * lost. If the start positions can't be found, revoked partitions stay revoked and none is added.
   */
  async change({ next, isFirst, topicIds, startsOf }: AssignmentChange): Promise<void> {
    const wanted = new Set(next.map(placeKey))
    const stays = (each: TopicPartition) => wanted.has(placeKey(each))
    const isHeld = (each: GivenPartition, held = this.at(each)) => held !== undefined && held.topicId === each.topicId
    const added = next.filter((each) => !isHeld(each))
    let held: readonly AssignedPartition[] = []
    // Set before the first wait, so that a rebalance that begins meanwhile assigns them to nobody else.
    this.#added = added
    try {
      const ids = await topicIds()
      await this.lose(({ topic, topicId }) => topicId !== undefined && ids.get(topic) !== topicId)
      const revoked = this.#partitions.filter((each) => !stays(each))
      if (revoked.length > 0) await this.#callHandlers('revoked', revoked)
      const kept = this.#partitions.filter(stays)
      this.#setPartitions(kept)
      const positions = added.length === 0 ? [] : await startsOf(added)
      held = positions.map((position) => new AssignedPartition(position, this.unasked))
      for (const each of held) this.#given.add(each)
      this.#setPartitions([...kept, ...held])
      for (const each of positions) this.#everHeld.add(placeKey(each))
    } finally {
      this.#added = []
    }
    for (const begin of this.#waiting) begin()
    if (isFirst || held.length > 0) await this.#callHandlers('assigned', held)
  }

  /**
   * The member leaves the group. A handler's call may find that the group put the member out already, because the
   * holder of the log died or it polled too rarely: then its partitions are lost.
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
   * Loses partitions: those of a deleted topic, or all of them when the group put the member out. Nothing of them can
   * be committed any more.
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
