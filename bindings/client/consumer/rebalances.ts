import type { GivenPartition } from '../../broker/consumer-session.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { Assignment } from './assignment.ts'
import type { Member } from './member.ts'
import { ReportedPartitions } from './reported-partitions.ts'

export interface RebalancesHooks {
  /** Whether this is the member still: it may have been lost while its rebalance ran. */
  isMember(member: Member): boolean
  /** A rebalance has ended: its outcome may come into force. */
  ended(): void
}

/** What the last rebalance left. */
export interface Outcome {
  /** What the member is given. */
  readonly next: readonly GivenPartition[] | undefined
  /** It counts where both are there. */
  readonly failure: { readonly error: unknown } | undefined
  /** How often the group had been told by then what the member holds. */
  readonly reports: number
}

/** The rebalances of a consumer, one after the other beside its deliveries, and what the last one left. */
export class Rebalances {
  readonly #assignment: Assignment
  readonly #hooks: RebalancesHooks
  readonly #reported = new ReportedPartitions()
  #underWay: Promise<void> | undefined
  /** The outcome of the last rebalance, until it comes into force. */
  #next: readonly GivenPartition[] | undefined
  /** The failure of a rebalance that nobody waited for. The next call that needs the group throws it. */
  #failure: { readonly error: unknown } | undefined

  constructor(assignment: Assignment, hooks: RebalancesHooks) {
    this.#assignment = assignment
    this.#hooks = hooks
  }

  /** The rebalance that runs now; it never rejects. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay
  }

  /** Whether an outcome must come into force before the next delivery. */
  get isUnsettled(): boolean {
    return this.#next !== undefined || this.#failure !== undefined
  }

  /** Whether the last rebalance heard that the group has put the member out. */
  get isPutOut(): boolean {
    return this.#assignment.expulsion.isMeantBy(this.#failure?.error)
  }

  /** The first one of a member that holds nothing yet. */
  join(member: Member): Promise<readonly GivenPartition[]> {
    return member.rebalance.run(() => this.#reported.report([]))
  }

  wanted(member: Member): void {
    member.rebalance.askAgain()
    if (!this.#hooks.isMember(member) || this.#underWay !== undefined) return
    this.#underWay = this.#run(member)
      .catch((error: unknown) => {
        if (!this.#hooks.isMember(member)) return
        this.#failure = { error }
        this.#assignment.expulsion.tellIfMeantBy(error)
      })
      .finally(() => {
        this.#underWay = undefined
        this.#hooks.ended()
        member.session.wake()
        this.ifAskedAgain(member)
      })
  }

  /** Rebalances if the group asked for it after the last rebalance was answered and before that answer was taken in. */
  ifAskedAgain(member: Member): void {
    if (member.rebalance.isAskedAgain && this.#failure === undefined) this.wanted(member)
  }

  /** Rebalances if the group takes the member for the holder of more than it has. */
  ifLessIsHeld(member: Member): void {
    if (this.#reported.isMoreThan(this.#assignment)) this.wanted(member)
  }

  async #run(member: Member): Promise<void> {
    const partitions = await member.rebalance.run(() => this.#owned())
    if (this.#hooks.isMember(member)) this.#next = partitions
  }

  /**
   * Returns what the group is told that this member holds. An answer that hasn't begun to come into force is dropped:
   * taken later, its partitions would be read by this member and by the one that is given them now (KIP-429).
   */
  #owned(): readonly TopicPartition[] {
    this.#next = undefined
    return this.#reported.report(this.#assignment.owned)
  }

  /** Takes what the last rebalance left, to bring it into force. */
  take(): Outcome {
    const outcome = { next: this.#next, failure: this.#failure, reports: this.#reported.times }
    this.forget()
    return outcome
  }

  /**
   * Puts back an outcome whose coming into force was interrupted. Not if the group was told meanwhile what this member
   * holds: the answer to that is on its way.
   */
  putBack({ next, reports }: Outcome): void {
    if (reports === this.#reported.times) this.#next ??= next
  }

  /** An outcome came into force while nobody waited, and failed. */
  failed(error: unknown): void {
    this.#failure = { error }
  }

  /** Throws the failure that nobody has heard of, once. */
  throwFailure(): void {
    const failure = this.#failure
    if (failure === undefined) return
    this.#failure = undefined
    throw failure.error
  }

  forget(): void {
    this.#next = undefined
    this.#failure = undefined
  }
}
