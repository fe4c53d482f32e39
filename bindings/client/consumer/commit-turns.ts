import type { AssignedPartition } from './assigned-partition.ts'
import type { CommitOrder, CommitPlace } from './commit-order.ts'

/** Commits of one partition, called one after the other, that go the same way: alone, or with one transaction. */
class Turn {
  readonly order: CommitOrder
  /** Settles once those before that go another way have ended. */
  readonly before: Promise<void> | undefined
  #underWay = 0
  #over: Promise<void> | undefined
  #end = (): void => {}

  constructor(order: CommitOrder, before: Promise<void> | undefined) {
    this.order = order
    this.before = before
  }

  begun(): void {
    this.#underWay++
  }

  /** Returns whether none is under way any more. */
  ended(): boolean {
    if (--this.#underWay > 0) return false
    this.#end()
    return true
  }

  /** Settles once all of them have ended. */
  get over(): Promise<void> {
    this.#over ??= new Promise<void>((resolve) => {
      this.#end = resolve
    })
    return this.#over
  }
}

/**
 * In which order a consumer's commits of a partition reach the log that don't go the same way. One that is tried again
 * between two generations would win over offsets that a transaction was given since, which a plain commit drops, and
 * those of a transaction over a plain commit: so each waits for earlier ones that go another way. What goes the same
 * way doesn't wait; a `CommitOrder` sees to that.
 */
export class CommitTurns {
  /** The turn of the newest call, for as long as it is under way. */
  readonly #newest: Map<AssignedPartition, Turn> = new Map()

  /** Runs `commit` when it is its turn. */
  async run<R>(places: readonly CommitPlace[], order: CommitOrder, commit: () => Promise<R>): Promise<R> {
    const turns = places.map(({ held }) => this.#begin(held, order))
    try {
      for (const { before } of turns) if (before !== undefined) await before
      return await commit()
    } finally {
      for (const [index, { held }] of places.entries()) this.#end(held, turns[index] as Turn)
    }
  }

  #begin(held: AssignedPartition, order: CommitOrder): Turn {
    const newest = this.#newest.get(held)
    const turn = newest?.order === order ? newest : new Turn(order, newest?.over)
    turn.begun()
    this.#newest.set(held, turn)
    return turn
  }

  #end(held: AssignedPartition, turn: Turn): void {
    if (turn.ended() && this.#newest.get(held) === turn) this.#newest.delete(held)
  }
}
