import type { GivenPartition } from '../../broker/consumer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { checkPlace, placeKey } from '../places.ts'
import { AssignedPartition } from './assigned-partition.ts'
import type { RebalanceEvent, RebalanceHandler } from './consumer-type.ts'
import { Expulsion } from './expulsion.ts'

/** One outcome of a rebalance that comes into force. */
export interface AssignmentChange {
  readonly next: readonly GivenPartition[]
  readonly generation: number
  /** The member is told of the first one even if it gives nothing. */
  readonly isFirst: boolean
  /** Where the new ones begin; asked once what is given up is so. */
  startsOf(added: readonly GivenPartition[], hasGivenUp: boolean): Promise<readonly TopicPosition[]>
}

/**
 * The partitions that a member holds: read and committed by it alone, until it gave them up or lost them. Its handlers are told
 * of each change: before what is given up goes, so that it may still be committed, and after what comes is there.
 */
export class Assignment {
  readonly #groupId: string
  readonly expulsion: Expulsion = new Expulsion()
  readonly #handlers: Record<RebalanceEvent, RebalanceHandler[]> = { assigned: [], revoked: [], lost: [] }
  #partitions: readonly AssignedPartition[] = []
  /** Hot path: there may be thousands of them, each asked for by every fetch. */
  #byPlace: ReadonlyMap<string, AssignedPartition> = new Map()
  /** What it had once: of a partition that it has no more, given up or lost, the group was quicker than the program. */
  readonly #had: Set<string> = new Set()
  /** What comes into force once it is known where it begins. */
  #coming: readonly TopicPartition[] = []

  constructor(groupId: string) {
    this.#groupId = groupId
  }

  get partitions(): readonly AssignedPartition[] {
    return this.#partitions
  }

  /** The one of this place, if it is held. */
  at(place: TopicPartition): AssignedPartition | undefined {
    return this.#byPlace.get(placeKey(place))
  }

  #hold(partitions: readonly AssignedPartition[]): void {
    this.#partitions = partitions
    this.#byPlace = new Map(partitions.map((each) => [placeKey(each), each]))
  }

  /** What no other member may be given yet: also what is on its way into force. */
  get owned(): readonly TopicPartition[] {
    return [...this.#partitions.map(place), ...this.#coming]
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

  /** All of them, one after the other; then the first failure is thrown: what one forgets is forgotten, whatever another one throws. */
  async #tell(event: RebalanceEvent, partitions: readonly TopicPartition[]): Promise<void> {
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

  /** To be committed, of a position that says nothing of its generation. ILLEGAL_GENERATION for one that isn't held any more. */
  findHeld(at: TopicPartition): AssignedPartition {
    if (this.at(at) !== undefined || !this.#had.has(placeKey(at))) return this.find(at)
    throw this.#givenUp(at, 'while it was worked on')
  }

  /** ILLEGAL_GENERATION for one that isn't held any more, or again and not still, since it was delivered from. */
  held(at: TopicPartition, sinceGeneration: number): AssignedPartition {
    const found = this.at(at)
    if (found !== undefined && found.sinceGeneration <= sinceGeneration) return found
    throw this.#givenUp(at, `since generation ${sinceGeneration}`)
  }

  #givenUp({ topic, partition }: TopicPartition, when: string): LogError {
    const message = `${topic}-${partition} was given up ${when}`
    return new LogError('ILLEGAL_GENERATION', message, { topic, partition, groupId: this.#groupId })
  }

  // ---- what comes and goes -------------------------------------------------------------------------------------------

  /** Answers whether something was given up. A start that isn't found leaves what is given up given up, and nothing added. */
  async change({ next, generation, isFirst, startsOf }: AssignmentChange): Promise<boolean> {
    const wanted = new Set(next.map(placeKey))
    const stays = (each: TopicPartition) => wanted.has(placeKey(each))
    const revoked = this.#partitions.filter((each) => !stays(each))
    const added = next.filter((each) => this.at(each) === undefined)
    this.#coming = added
    try {
      if (revoked.length > 0) await this.#tell('revoked', revoked)
      const kept = this.#partitions.filter(stays)
      this.#hold(kept)
      const positions = added.length === 0 ? [] : await startsOf(added, revoked.length > 0)
      this.#hold([...kept, ...positions.map((position) => new AssignedPartition(position, generation))])
      for (const each of positions) this.#had.add(placeKey(each))
    } finally {
      this.#coming = []
    }
    if (isFirst || added.length > 0) await this.#tell('assigned', added)
    return revoked.length > 0
  }

  /**
   * The member leaves. A handler may find that the group put it out before, with the holder of the log or for polling too
   * rarely: what it has is lost then, and it has left.
   */
  async giveUp(): Promise<void> {
    try {
      await this.#tell('revoked', this.#partitions)
    } catch (error) {
      if (!this.expulsion.isMeantBy(error)) throw error
      await this.lose(() => true)
    } finally {
      this.#hold([])
    }
  }

  /** Partitions of a topic that is gone, or all when the group put the member out: nothing of them can be committed any more. */
  async lose(isLost: (partition: AssignedPartition) => boolean): Promise<void> {
    const lost = this.#partitions.filter(isLost)
    this.#hold(this.#partitions.filter((each) => !isLost(each)))
    if (lost.length > 0) await this.#tell('lost', lost)
  }
}

function place({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
