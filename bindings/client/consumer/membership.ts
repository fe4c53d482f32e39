import type { Broker, ConsumerSession, FetchedPartition, GivenPartition, TopicPosition } from '../../broker/broker.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import { checkPlace, placeKey, samePlace } from '../places.ts'
import { rotate } from '../read-run.ts'
import type { TopicRef } from '../topic/topic.ts'
import { AssignedPartition } from './assigned-partition.ts'
import { AssignedStart } from './assigned-start.ts'
import { type Decoder, decoderOf } from './consumed-record.ts'
import { type ConsumerOptions, type ConsumerSettings, consumerSettings } from './consumer-options.ts'
import type { RebalanceEvent, RebalanceHandler } from './consumer-type.ts'
import { FetchedRecords } from './fetched-records.ts'
import { Rebalance } from './rebalance.ts'

/** A session and its place in the group. */
interface Member {
  readonly session: ConsumerSession
  readonly rebalance: Rebalance
}

/**
 * A consumer's place in its group: joins, shares partitions with the others, fetches, and joins again when it was put out.
 * A rebalance runs beside the deliveries; its outcome comes into force where no record is in the program's hands: between
 * two records of an iteration, or at once while nothing iterates.
 */
export class Membership {
  readonly settings: ConsumerSettings
  readonly #broker: Broker
  readonly #start: AssignedStart
  readonly #decoders: ReadonlyMap<string, Decoder>
  readonly #handlers: Record<RebalanceEvent, RebalanceHandler[]> = { assigned: [], revoked: [], lost: [] }
  /** On its way into the group, then in it. */
  #entering: Member | undefined
  #member: Member | undefined
  #joining: Promise<ConsumerSession> | undefined
  #rebalancing: Promise<void> | undefined
  #settling: Promise<void> | undefined
  #partitions: AssignedPartition[] = []
  /** So far. */
  #fetches = 0
  /** What it had once: of a partition that it has no more, given up or lost, the group was quicker than the program. */
  readonly #had: Set<string> = new Set()
  /** What comes into force once it is known where it begins. */
  #coming: readonly TopicPartition[] = []
  /** What the last rebalance gave, not in force yet. */
  #next: readonly GivenPartition[] | undefined
  /** Of a rebalance that nobody waited for: the next call that needs the group throws it. */
  #failure: { readonly error: unknown } | undefined
  /** Ends what joining and sharing wait for. */
  readonly #waits: Set<() => void> = new Set()
  #isIterating = false
  #isLeaving = false
  #isClosed = false

  constructor(broker: Broker, options: ConsumerOptions<TopicRef>) {
    this.settings = consumerSettings(options)
    this.#broker = broker
    this.#start = new AssignedStart(broker, this.settings)
    this.#decoders = new Map(options.topics.map((ref) => [decoderOf(ref).topic, decoderOf(ref)]))
  }

  get partitions(): readonly AssignedPartition[] {
    return this.#partitions
  }

  get isMember(): boolean {
    return this.#member !== undefined
  }

  get generation(): number {
    return this.#member?.rebalance.generation ?? -1
  }

  /** Something must come into force before the next delivery. */
  get isUnsettled(): boolean {
    return this.#next !== undefined || this.#failure !== undefined
  }

  /** Its handlers are being told so, and may commit. */
  get isLeaving(): boolean {
    return this.#isLeaving
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

  async #tell(event: RebalanceEvent, partitions: readonly TopicPartition[]): Promise<void> {
    for (const handler of this.#handlers[event]) await handler(partitions.map(place))
  }

  /** INVALID_REQUEST for a partition that isn't assigned. */
  find(at: TopicPartition): AssignedPartition {
    const { topic, partition } = checkPlace(at)
    const found = this.#partitions.find((each) => each.topic === topic && each.partition === partition)
    if (found !== undefined) return found
    throw new LogError('INVALID_REQUEST', `${topic}-${partition} isn't assigned to this consumer`, { topic, partition })
  }

  /** To be committed, of a position that says nothing of its generation. ILLEGAL_GENERATION for one that isn't held any more. */
  findHeld(at: TopicPartition): AssignedPartition {
    if (this.#partitions.some((each) => samePlace(each, at)) || !this.#had.has(placeKey(at))) return this.find(at)
    throw this.#givenUp(at, 'while it was worked on')
  }

  /** ILLEGAL_GENERATION for one that isn't held any more, or again and not still, since it was delivered from. */
  held(at: TopicPartition, sinceGeneration: number): AssignedPartition {
    const found = this.#partitions.find((each) => samePlace(each, at))
    if (found !== undefined && found.sinceGeneration <= sinceGeneration) return found
    throw this.#givenUp(at, `since generation ${sinceGeneration}`)
  }

  #givenUp({ topic, partition }: TopicPartition, when: string): LogError {
    const message = `${topic}-${partition} was given up ${when}`
    return new LogError('ILLEGAL_GENERATION', message, { topic, partition, groupId: this.settings.groupId })
  }

  // ---- joining and sharing -------------------------------------------------------------------------------------------

  /** Calls of handlers come here too, in the middle of what is coming into force: it waits for none of that. */
  async join(): Promise<ConsumerSession> {
    if (this.#member !== undefined) return this.#member.session
    this.#joining ??= this.#joinUntilIn().finally(() => {
      this.#joining = undefined
    })
    return this.#joining
  }

  /** Whoever is put out on its way in, because the holder of the log went away, joins again with the next one. */
  async #joinUntilIn(): Promise<ConsumerSession> {
    for (;;) {
      try {
        return await this.#join()
      } catch (error) {
        if (!wasPutOut(error) || this.#isClosed) throw error
      }
    }
  }

  async #join(): Promise<ConsumerSession> {
    const { assignor } = this.settings
    const session = await this.#openSession()
    const member = { session, rebalance: new Rebalance(session, assignor) }
    this.#entering = member
    try {
      for (const topic of this.#decoders.keys()) await this.#waitFor(session.topic(topic))
      session.onRebalance(() => this.#rebalanceWanted(member))
      const partitions = await this.#waitFor(member.rebalance.run(() => []))
      this.#member = member
      await this.#take(member, partitions)
      this.#rebalanceIfAskedAgain(member)
    } catch (error) {
      this.#member = undefined
      this.#failure = undefined
      await session.close()
      throw error
    } finally {
      this.#entering = undefined
    }
    return session
  }

  async #openSession(): Promise<ConsumerSession> {
    const { groupId, maxPollIntervalMs, assignor } = this.settings
    const topics = [...this.#decoders.keys()]
    const opening = this.#broker.openConsumer({ groupId, topics, assignors: [assignor.name], maxPollIntervalMs })
    try {
      return await this.#waitFor(opening)
    } catch (error) {
      opening.then((late) => late.close()).catch(() => {})
      throw error
    }
  }

  /** `answer`, unless `interrupt` comes before: a holder may be long in coming, another's transaction long in ending. */
  async #waitFor<T>(answer: T | Promise<T>): Promise<T> {
    let giveUp = () => {}
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = () => reject(new Interruption())
    })
    this.#waits.add(giveUp)
    try {
      return await Promise.race([answer, givenUp])
    } finally {
      this.#waits.delete(giveUp)
    }
  }

  #rebalanceWanted(member: Member): void {
    member.rebalance.askAgain()
    if (member !== this.#member || this.#rebalancing !== undefined) return
    this.#rebalancing = this.#rebalance(member)
      .catch((error: unknown) => {
        if (member === this.#member) this.#failure = { error }
      })
      .finally(() => {
        this.#rebalancing = undefined
        this.#settleWhileIdle()
        member.session.wake()
        this.#rebalanceIfAskedAgain(member)
      })
  }

  /** It was asked for after the last one had its answer and before that was taken in. */
  #rebalanceIfAskedAgain(member: Member): void {
    if (member.rebalance.isAskedAgain && this.#failure === undefined) this.#rebalanceWanted(member)
  }

  async #rebalance(member: Member): Promise<void> {
    const partitions = await member.rebalance.run(() => this.#owned())
    if (member === this.#member) this.#next = partitions
  }

  /**
   * What no other member may be given yet: also what is on its way into force. An answer that nobody has begun to take in
   * is given up here: were it taken later, its partitions would be read by whoever gets them now, too (KIP-429).
   */
  #owned(): readonly TopicPartition[] {
    this.#next = undefined
    return [...this.#partitions.map(place), ...this.#coming]
  }

  /** Brings the last rebalance into force; the caller has no record in hand. Rejects if that rebalance failed. */
  async settle(): Promise<void> {
    while (this.isUnsettled || this.#settling !== undefined) {
      this.#settling ??= this.#settle().finally(() => {
        this.#settling = undefined
      })
      await this.#settling
    }
  }

  async #settle(): Promise<void> {
    const failure = this.#failure
    const next = this.#next
    const member = this.#member
    this.#failure = undefined
    this.#next = undefined
    if (failure !== undefined) {
      await this.#lost()
      if (wasPutOut(failure.error)) return
      // The others needn't wait for one that can't go on.
      await member?.session.close()
      throw failure.error
    }
    if (next === undefined || member === undefined) return
    try {
      await this.#take(member, next)
    } catch (error) {
      if (error instanceof Interruption) this.#next ??= next
      if (error instanceof Interruption) throw error
      await this.#lost()
      if (wasPutOut(error)) return
      await member.session.close()
      throw error
    }
  }

  #settleWhileIdle(): void {
    if (this.#isIterating || !this.isUnsettled) return
    this.settle().catch((error: unknown) => {
      if (!(error instanceof Interruption)) this.#failure = { error }
    })
  }

  /** What is given up may be committed until its handlers are done; then the others may have it, and the group joins again. */
  async #take(member: Member, next: readonly GivenPartition[]): Promise<void> {
    const isFirst = this.#partitions.length === 0 && this.#entering === member
    await this.#lose((each) => next.some((at) => samePlace(each, at) && at.topicId !== each.topicId))
    const revoked = this.#partitions.filter((each) => !next.some((at) => samePlace(each, at)))
    const added = next.filter((at) => !this.#partitions.some((each) => samePlace(each, at)))
    const { generation } = member.rebalance
    this.#coming = added
    try {
      if (revoked.length > 0) await this.#tell('revoked', revoked)
      const kept = this.#partitions.filter((each) => !revoked.includes(each))
      this.#partitions = kept
      const positions = added.length === 0 ? [] : await this.#startsOf(member, added, revoked.length > 0)
      this.#partitions = [...kept, ...positions.map((position) => new AssignedPartition(position, generation))]
      for (const each of positions) this.#had.add(placeKey(each))
    } finally {
      this.#coming = []
    }
    if (isFirst || added.length > 0) await this.#tell('assigned', added)
    if (revoked.length > 0) this.#rebalanceWanted(member)
  }

  /** Whoever interrupts that wait finds the rest of the assignment to be taken once more; what is given up is so already. */
  async #startsOf(
    member: Member,
    added: readonly GivenPartition[],
    hasGivenUp: boolean,
  ): Promise<readonly TopicPosition[]> {
    try {
      return await this.#waitFor(this.#start.of(member.session, added))
    } catch (error) {
      if (error instanceof Interruption && hasGivenUp) this.#rebalanceWanted(member)
      throw error
    }
  }

  /** An iteration begins or ends. */
  set isIterating(isIterating: boolean) {
    this.#isIterating = isIterating
    if (isIterating) return
    for (const partition of this.#partitions) partition.iterationEnded()
    this.#settleWhileIdle()
  }

  // ---- fetching and committing ---------------------------------------------------------------------------------------

  /**
   * Waits for records; answers when something was fetched, the position moved, or somebody woke it. `isOver` is asked right
   * before the wait begins, because nothing wakes a wait that hasn't begun.
   */
  async fetch(maxBytes: number, isOver: () => boolean): Promise<void> {
    await this.settle()
    const session = await this.join()
    if (isOver() || this.isUnsettled) return
    const asked = this.#partitions
      .filter((each) => !each.isPaused && each.buffer === undefined)
      .map(({ topic, partition, topicId, position }) => ({ topic, partition, topicId, nextOffset: position }))
    const positions = rotate(asked, this.#fetches++)
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
    for (const part of fetched) await this.#fill(part, positions).catch((error: unknown) => failed.push(error))
    if (failed.length > 0 && this.#partitions.every((each) => each.buffer === undefined)) throw failed[0]
  }

  async #fill(part: FetchedPartition, asked: readonly Position[]): Promise<void> {
    const assigned = this.#partitions.find((each) => samePlace(each, part))
    const from = asked.find((each) => placeKey(each) === placeKey(part))?.nextOffset
    const decoder = this.#decoders.get(part.topic)
    // A seek while the fetch was under way: what it brought is not what is wanted now.
    if (assigned === undefined || decoder === undefined || assigned.position !== from) return
    if (part.error === undefined) {
      const { topic, partition } = part
      const source = { topic, partition, decoder, generation: this.generation, loan: undefined }
      assigned.fill(new FetchedRecords(part, source, from, Number.POSITIVE_INFINITY))
      return
    }
    // The group shares out the topic that has the name now.
    if (LogError.is(part.error, 'UNKNOWN_TOPIC_ID')) return this.#lose((each) => each === assigned)
    if (!LogError.is(part.error, 'OFFSET_OUT_OF_RANGE') || this.settings.autoOffsetReset === 'none') throw part.error
    const [reset] = await this.#start.reset([assigned])
    if (reset !== undefined) assigned.seek(reset.nextOffset)
  }

  /** Under the group's newest generation: what this member still holds nobody else has, whatever was shared anew since. */
  async commit(write: (session: ConsumerSession, generation: number) => Promise<void>): Promise<void> {
    const session = this.#member?.session ?? (await this.join())
    for (;;) {
      const { generation } = this
      try {
        return await write(session, generation)
      } catch (error) {
        const movedOn = this.#rebalancing !== undefined || generation !== this.generation
        if (!movedOn || !LogError.is(error, 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION')) throw error
        await this.#rebalancing
      }
    }
  }

  /** Partitions of a topic that is gone: nothing of it can be committed any more. */
  async #lose(isLost: (partition: AssignedPartition) => boolean): Promise<void> {
    const lost = this.#partitions.filter(isLost)
    this.#partitions = this.#partitions.filter((each) => !lost.includes(each))
    if (lost.length > 0) await this.#tell('lost', lost)
  }

  async #lost(): Promise<void> {
    const lost = this.#partitions
    this.#partitions = []
    this.#member = undefined
    this.#next = undefined
    this.#failure = undefined
    if (lost.length > 0) await this.#tell('lost', lost)
  }

  wake(): void {
    this.#member?.session.wake()
  }

  /** Ends a wait of any kind, for others to join included. */
  async interrupt(): Promise<void> {
    this.wake()
    for (const giveUp of [...this.#waits]) giveUp()
    await this.#entering?.session.close()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.interrupt()
    await this.#joining?.catch(() => {})
    const member = this.#member
    if (member === undefined) return
    this.#isLeaving = true
    try {
      await this.#tell('revoked', this.#partitions)
    } finally {
      this.#isLeaving = false
      this.#member = undefined
      this.#partitions = []
      await member.session.close()
    }
  }
}

/** The consumer was told to stop waiting. */
class Interruption extends LogError {
  constructor() {
    super('REBALANCE_IN_PROGRESS', 'the consumer was told to stop before it had its partitions')
  }
}

function wasPutOut(error: unknown): boolean {
  return LogError.is(error, 'UNKNOWN_MEMBER_ID')
}

function place({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
