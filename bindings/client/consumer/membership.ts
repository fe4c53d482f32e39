import type { Broker } from '../../broker/broker.ts'
import type { ConsumerSession, GivenPartition } from '../../broker/consumer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { TopicRef } from '../topic/topic.ts'
import { AssignedStart } from './assigned-start.ts'
import { Assignment } from './assignment.ts'
import { decoderOf } from './consumed-record.ts'
import { type ConsumerOptions, type ConsumerSettings, consumerSettings } from './consumer-options.ts'
import { ConsumerWaits } from './consumer-waits.ts'
import { Interruption } from './interruptible-waits.ts'
import { type Member, openMember } from './member.ts'
import type { CommittingMember } from './offset-commits.ts'
import { Polls } from './polls.ts'
import { Rebalances } from './rebalances.ts'
import { topicIdsOf } from './topic-ids.ts'

/**
 * A consumer's place in its group: it joins, shares the partitions with the others, fetches, and joins again if it was
 * put out. A rebalance runs beside the deliveries. Its outcome comes into force when no record is in the program's
 * hands: between two records of an iteration, or at once while nothing iterates.
 */
export class Membership implements CommittingMember {
  readonly settings: ConsumerSettings
  readonly assignment: Assignment
  readonly #broker: Broker
  readonly #start: AssignedStart
  readonly #topics: readonly string[]
  readonly #polls: Polls
  readonly #rebalances: Rebalances
  readonly #waits: ConsumerWaits
  /** The member that joins, until its first assignment is in force; it may be in the group already. */
  #entering: Member | undefined
  #member: Member | undefined
  #joining: Promise<ConsumerSession> | undefined
  /** Why the join failed, while handlers are being told that its partitions are lost. */
  #notJoined: { readonly error: unknown } | undefined
  #settling: Promise<void> | undefined
  #isLeaving = false

  constructor(broker: Broker, port: RuntimePort, options: ConsumerOptions<TopicRef>) {
    this.settings = consumerSettings(options)
    this.assignment = new Assignment(this.settings.groupId)
    this.#waits = new ConsumerWaits(this.settings.groupId)
    this.#broker = broker
    this.#rebalances = new Rebalances(this.assignment, {
      isMember: (member) => member === this.#member,
      ended: () => this.#settleWhileIdle(),
    })
    this.#start = new AssignedStart(broker, this.settings)
    const decoders = new Map(options.topics.map(decoderOf).map((decoder) => [decoder.topic, decoder]))
    this.#topics = [...decoders.keys()]
    this.#polls = new Polls({
      ...{ port, settings: this.settings, assignment: this.assignment, start: this.#start, decoders },
      putOut: (session) => this.#lost(session),
    })
  }

  get isMember(): boolean {
    return this.#member !== undefined
  }

  /** Whether the consumer is a member and has its partitions, if it is given any. */
  get hasPartitions(): boolean {
    return this.isMember && !this.#isBeginning
  }

  /**
   * Whether the member that joins doesn't know yet where its partitions begin. No handler runs meanwhile. Not while the
   * program is asked: a call may come from its `positions`, which would wait for itself.
   */
  get #isBeginning(): boolean {
    return this.#member === this.#entering && this.assignment.isIncomplete && !this.#start.isAsking
  }

  get generation(): number {
    return this.#member?.rebalance.generation ?? -1
  }

  get rebalancing(): Promise<void> | undefined {
    return this.#rebalances.underWay
  }

  get isPutOut(): boolean {
    return this.#rebalances.isPutOut
  }

  session(): ConsumerSession | Promise<ConsumerSession> {
    return this.#member?.session ?? this.join()
  }

  /** Whether an outcome must come into force before the next delivery. */
  get isUnsettled(): boolean {
    return this.#rebalances.isUnsettled
  }

  /** Whether the group is to hear that the program still asks for records, though it has fetched some ahead. */
  get isPollDue(): boolean {
    return this.#polls.isDue
  }

  /** Whether the consumer is closing and its handlers are being told. They may still commit. */
  get isLeaving(): boolean {
    return this.#isLeaving && this.#member !== undefined
  }

  // ---- joining and sharing -------------------------------------------------------------------------------------------

  /** Joins for a call of the program that is about its partitions. */
  async joinForPartitions(): Promise<void> {
    await this.join(() => this.hasPartitions)
  }

  /**
   * Joins for a call that counts in the order of the program's calls: it begins as soon as the partitions are there,
   * before handlers hear of them, whose own calls are later ones.
   */
  withPartitions<R extends object>(call: () => R): Promise<R> {
    return new Promise((resolve, reject) => {
      const begin = this.assignment.whenGiven(() => {
        try {
          resolve(call())
        } catch (error) {
          reject(error as Error)
        }
      })
      this.joinForPartitions().then(begin.now, (error: Error) => {
        begin.never()
        reject(error)
      })
    })
  }

  /**
   * Joins for a call of the program. If a join is given up together with its iteration, the call makes the member join
   * anew.
   */
  async join(isIn: () => boolean = () => this.isMember): Promise<ConsumerSession> {
    return this.#waits.forCall(async () => {
      for (;;) {
        try {
          return await this.#joined(isIn)
        } catch (error) {
          if (!(error instanceof Interruption) || this.#waits.isClosed) throw error
        }
      }
    })
  }

  /**
   * Joins, or returns the session of a member. Handlers come here too while an outcome is coming into force, so this
   * must not wait for that.
   */
  async #joined(isIn: () => boolean): Promise<ConsumerSession> {
    if (this.#member !== undefined && isIn()) return this.#member.session
    // What a rebalance failed with while nothing iterated: a member that joined anew would be put out by it.
    if (this.#member === undefined) this.#rebalances.throwFailure()
    // A handler that is told of a failed join is a part of that join: it would wait for itself.
    if (this.#notJoined !== undefined) return this.assignment.expulsion.rejects(this.#notJoined.error)
    this.#joining ??= this.#joinUntilIn().finally(() => {
      this.#joining = undefined
      this.#settleWhileIdle()
    })
    return this.#joining
  }

  /** Joins. If the holder of the log goes away meanwhile, the member joins again with the next holder. */
  async #joinUntilIn(): Promise<ConsumerSession> {
    for (;;) {
      try {
        return await this.#join()
      } catch (error) {
        if (!this.assignment.expulsion.isMeantBy(error) || this.#waits.isClosed) throw error
      }
    }
  }

  async #join(): Promise<ConsumerSession> {
    const member = await openMember(this.#broker, this.settings, this.#topics, this.#waits.ofMember)
    const { session } = member
    this.#entering = member
    try {
      for (const topic of this.#topics) await this.#waits.ofMember.for(session.topic(topic))
      session.onRebalance(() => this.#rebalances.wanted(member))
      const partitions = await this.#waits.ofMember.for(this.#rebalances.join(member))
      this.#member = member
      await this.#applyAssignment(member, partitions)
      this.#rebalances.ifAskedAgain(member)
    } catch (error) {
      // A join that was interrupted had no partitions, so no handler is told.
      if (!(error instanceof Interruption)) this.#notJoined = { error }
      await this.#lost(session)
      throw error
    } finally {
      this.#notJoined = undefined
      this.#entering = undefined
    }
    return session
  }

  /**
   * Brings the outcome of the last rebalance into force, after that of a join under way: two at once would undo each
   * other. The caller has no record in hand. Rejects if that rebalance or join failed.
   */
  async settle(): Promise<void> {
    while (this.isUnsettled || this.#settling !== undefined || this.#isJoining) {
      if (this.#settling === undefined && this.#isJoining) {
        await this.#waits.ofIteration.for(this.#joining)
        continue
      }
      // A close gives up all that is held.
      if (this.#waits.isClosed && this.#settling === undefined) throw new Interruption('close', this.settings.groupId)
      this.#settling ??= this.#settle().finally(() => {
        this.#settling = undefined
      })
      await this.#waits.ofHandlers.for(this.#settling)
    }
  }

  async #settle(): Promise<void> {
    const member = this.#member
    const outcome = this.#rebalances.take()
    const { next, failure } = outcome
    if (failure !== undefined) return this.#lostBy(failure.error, member)
    if (next === undefined || member === undefined) return
    try {
      await this.#applyAssignment(member, next)
    } catch (error) {
      if (!(error instanceof Interruption)) return await this.#lostBy(error, member)
      this.#rebalances.putBack(outcome)
      throw error
    }
  }

  async #lostBy(error: unknown, member: Member | undefined): Promise<void> {
    const wasPutOut = this.assignment.expulsion.isMeantBy(error)
    await this.#lost(member?.session)
    if (!wasPutOut) throw error
  }

  /** Whether a join is under way that hasn't failed. Handlers that are told of a failed join don't wait for it. */
  get #isJoining(): boolean {
    return this.#joining !== undefined && this.#notJoined === undefined
  }

  #settleWhileIdle(): void {
    if (this.#waits.isIterated || !this.isUnsettled || this.#isJoining) return
    this.settle().catch((error: unknown) => {
      // An iteration that began meanwhile waits for the same outcome and gets the error.
      if (!(error instanceof Interruption) && !this.#waits.isIterated) this.#rebalances.failed(error)
    })
  }

  /**
   * Gives the member the partitions of an outcome. What is given up may be committed until its handlers are done. Then
   * others may have it, and the member joins again.
   */
  async #applyAssignment(member: Member, next: readonly GivenPartition[]): Promise<void> {
    const isFirst = this.assignment.partitions.length === 0 && this.#entering === member
    await this.assignment.change({
      ...{ next, isFirst },
      topicIds: () => topicIdsOf(member.session, this.#waits.ofMember, this.assignment.partitions, next),
      startsOf: (added) => this.#startsOf(member, added),
    })
    this.#rebalances.ifLessIsHeld(member)
  }

  /**
   * Returns where the added partitions begin. What was given up is free for others at once, however long this takes. If
   * the wait is interrupted, the rest of the outcome is taken again later; what was given up stays so.
   */
  async #startsOf(member: Member, added: readonly GivenPartition[]): Promise<readonly TopicPosition[]> {
    this.#rebalances.ifLessIsHeld(member)
    let isWanted = true
    try {
      return await this.#waits.ofMember.for(this.#start.of(member.session, added, () => isWanted))
    } finally {
      isWanted = false
    }
  }

  /** `isOver` returns whether nobody waits for the iteration any more. */
  iterationBegan(isOver: () => boolean): void {
    this.#polls.iterationBegan()
    this.#waits.iterationBegan(isOver)
  }

  iterationEnded(): void {
    this.#waits.iterationEnded()
    this.#settleWhileIdle()
  }

  // ---- fetching and leaving ------------------------------------------------------------------------------------------

  /**
   * Waits for records. Resolves when something was fetched, a position moved, or `wake` was called; at once if a poll
   * is due, since there may still be records. `isOver` is asked right before the wait begins, because nothing can wake
   * a wait that hasn't begun.
   */
  async fetch(maxBytes: number, isOver: () => boolean): Promise<void> {
    await this.settle()
    const session = this.#member?.session ?? (await this.#waits.ofIteration.for(this.#joined(() => this.isMember)))
    if (isOver() || this.isUnsettled) return
    await this.#polls.poll(session, maxBytes)
  }

  /**
   * Ends the membership and tells handlers that all partitions are lost. The member, where it isn't out of the group,
   * leaves before handlers are told: the others shouldn't wait for it, nor should a handler that has the consumer join
   * anew. A session is closed in any case: the process that holds the log keeps it until then.
   */
  async #lost(session: ConsumerSession | undefined): Promise<void> {
    this.#member = undefined
    this.#rebalances.forget()
    const left = session?.close()
    left?.catch(() => {})
    await this.assignment.lose(() => true).finally(() => left)
  }

  wake(): void {
    this.#member?.session.wake()
  }

  /**
   * Ends every wait of the iteration, including that for a join that goes on for others; with a close, the waits of all
   * calls.
   */
  async interrupt(): Promise<void> {
    this.wake()
    if (!this.#waits.interrupt()) return
    // Once the member is in, only handlers are waited for: it leaves when it is closed, after they were told what it
    // gives up.
    if (this.#entering !== this.#member) await this.#entering?.session.close()
  }

  async close(): Promise<void> {
    this.#isLeaving = true
    this.#polls.stop()
    try {
      this.#waits.close()
      await this.interrupt()
      await this.#joining?.catch(() => {})
      await this.#handlersTold()
      await this.#leave()
    } finally {
      this.#isLeaving = false
    }
  }

  /**
   * Waits for the handlers that are being told. What they give up is others' once they are done, and isn't told again.
   */
  async #handlersTold(): Promise<void> {
    // The iteration throws what handlers threw.
    await this.#polls.takingIn?.catch(() => {})
    try {
      await this.#settling
    } catch (error) {
      if (!(error instanceof Interruption)) throw error
    }
  }

  async #leave(): Promise<void> {
    const member = this.#member
    if (member === undefined) return
    try {
      await this.assignment.giveUp()
    } finally {
      this.#member = undefined
      await member.session.close()
    }
  }
}
