import type { ConsumerSession } from '../../broker/consumer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Assignment } from './assignment.ts'
import type { CommitCall, CommitOrder, CommitPlace } from './commit-order.ts'
import { CommitTurns } from './commit-turns.ts'

/** Asks the log to commit, alone or in a transaction. */
export type WriteOffsets = (
  session: ConsumerSession,
  positions: readonly TopicPosition[],
  generation: number,
) => Promise<void>

/** What commits ask of the member that holds the partitions. */
export interface CommittingMember {
  readonly assignment: Assignment
  readonly generation: number
  /** The rebalance under way. It never rejects. */
  readonly rebalancing: Promise<void> | undefined
  /** Whether the last rebalance heard that the group has put the member out. */
  readonly isPutOut: boolean
  /** Its session; it joins the group if it must. */
  session(): ConsumerSession | Promise<ConsumerSession>
}

/** Commits what a member holds, whatever its group does meanwhile. */
export class OffsetCommits {
  readonly #member: CommittingMember
  readonly #turns = new CommitTurns()

  constructor(member: CommittingMember) {
    this.#member = member
  }

  /**
   * Commits under the group's newest generation: nobody else has what this member still holds, whatever was assigned
   * anew since. Resolves with the places that no later commit of `order` has taken; `ordinal`: the call's there.
   */
  async commit(
    places: readonly CommitPlace[],
    order: CommitOrder,
    ordinal: number,
    write: WriteOffsets,
  ): Promise<readonly CommitPlace[]> {
    const call = order.begin(places, ordinal)
    return this.#turns.run(places, order, () => this.#commit(call, order, write))
  }

  /**
   * Whether the member still holds the partitions is checked before each try: it may have been put out, or have given
   * them up, since the call. Then this throws ILLEGAL_GENERATION.
   */
  async #commit(call: CommitCall, order: CommitOrder, write: WriteOffsets): Promise<readonly CommitPlace[]> {
    const { assignment } = this.#member
    for (;;) {
      for (const { held } of call.places) assignment.stillHeld(held, held)
      const asked = this.#member.session()
      const session = asked instanceof Promise ? await asked : asked
      const later = order.laterAnswer(call)
      if (later !== undefined) await later.catch(() => {})
      else if (await this.#isCommitted(call, order, session, write)) return order.left(call)
    }
  }

  /** One try; false where the group had moved on, and it is worth another. */
  async #isCommitted(
    call: CommitCall,
    order: CommitOrder,
    session: ConsumerSession,
    write: WriteOffsets,
  ): Promise<boolean> {
    const left = order.left(call)
    if (left.length === 0 && call.places.length > 0) return true
    const positions = left.map(({ position }) => position)
    const { generation, assignment } = this.#member
    try {
      await order.ask(call, assignment.expulsion.watch(write(session, positions, generation)))
      return true
    } catch (error) {
      // The rebalance that refused the commit put the member out. The group says so when it is asked again.
      const { rebalancing, isPutOut } = this.#member
      const movedOn = rebalancing !== undefined || generation !== this.#member.generation || isPutOut
      if (!movedOn || !LogError.is(error, 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION')) throw error
      await rebalancing
      return false
    }
  }
}
