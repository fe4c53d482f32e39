import type { TopicPosition } from '../../broker/reader-session.ts'
import type { AssignedPartition } from './assigned-partition.ts'

/** One position of a commit. */
export interface CommitPlace {
  readonly held: AssignedPartition
  readonly position: TopicPosition
  /** To be called once the group has committed it. */
  committed(): void
}

/** One commit, from its call to its end, which may take several tries. */
export interface CommitCall {
  readonly places: readonly CommitPlace[]
  /** Settles with the log's answer; `undefined` while the log isn't asked. */
  answer: Promise<void> | undefined
  isAcknowledged: boolean
  isOver: boolean
}

/**
 * The commits of a consumer, or of a transaction, in the order of their calls. A commit that is refused between two
 * generations is tried again. A later one may have been acknowledged by then, and the group would go back behind it: so
 * a commit leaves out the partitions of later ones that were acknowledged.
 */
export class CommitOrder {
  /** From the oldest that isn't over on. */
  #calls: CommitCall[] = []

  begin(places: readonly CommitPlace[]): CommitCall {
    const call: CommitCall = { places, answer: undefined, isAcknowledged: false, isOver: false }
    this.#calls.push(call)
    return call
  }

  end(call: CommitCall): void {
    call.isOver = true
    const open = this.#calls.findIndex(({ isOver }) => !isOver)
    if (open !== 0) this.#calls = open < 0 ? [] : this.#calls.slice(open)
  }

  /** Asks the log for one try of the call. */
  async ask(call: CommitCall, answer: Promise<void>): Promise<void> {
    call.answer = answer
    try {
      await answer
      call.isAcknowledged = true
    } finally {
      call.answer = undefined
    }
  }

  /**
   * The answer to a later commit of one of the call's partitions; `undefined` if none is awaited. Later ones that wait
   * themselves go behind this one, and mustn't be waited for: they may wait for a handler that awaits this one.
   */
  laterAnswer(call: CommitCall): Promise<void> | undefined {
    return this.#later(call).find(({ answer, places }) => {
      return answer !== undefined && places.some(({ held }) => call.places.some((each) => each.held === held))
    })?.answer
  }

  /** The places that no later commit has taken. */
  left(call: CommitCall): readonly CommitPlace[] {
    const later = this.#later(call).filter(({ isAcknowledged }) => isAcknowledged)
    if (later.length === 0) return call.places
    const taken = new Set(later.flatMap(({ places }) => places.map(({ held }) => held)))
    return call.places.filter(({ held }) => !taken.has(held))
  }

  #later(call: CommitCall): readonly CommitCall[] {
    return this.#calls.at(-1) === call ? [] : this.#calls.slice(this.#calls.indexOf(call) + 1)
  }
}
